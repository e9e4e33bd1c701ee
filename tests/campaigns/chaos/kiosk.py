"""The device under attack: starts the agent again whenever it has ended, as systemd would, and works its buttons."""

import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from agent.trust.jose_keys import PrivateKey
from edge_centre.key_files import make_key
from tests.campaigns.chaos.notebook import Notebook, Press
from tests.support.agent_process import DEVICE, LIGHTS, REPOSITORY, as_toml, environment
from tests.support.wait import wait_for

BUTTONS = {"fire": 4, "medical": 24, "police": 17}
"""Names and pins. None is silent, so each press must light yellow."""
_READY_S = 20.0
_END_S = 15.0
_STOP_S = 10.0
_BURST_S = 60.0


class KioskError(Exception):
    """The agent did not start, or ended by itself."""


class Kiosk(AbstractContextManager["Kiosk"]):
    """One device with three buttons. Leaving ends its agent, whatever state it is in.

    Timeouts are shorter than a site's, so that more happens in a minute. `storage` is where its databases are;
    `more_storage` are further settings of that table.
    """

    def __init__(self, directory: Path, *urls: str, storage: Path | None = None, **more_storage: Any) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.storage = storage or directory / "storage"
        self.log = directory / "agent.log"
        self.key: PrivateKey = make_key("operator", directory / "keys")
        self.lies = directory / "lies"
        self.lies.mkdir(exist_ok=True)
        self.prefix: Sequence[str] = ()
        """What the agent's command is begun with, for example to be in another network."""
        self.lives = 0
        """How often the agent has been started."""
        self.kills = 0
        """How often it has been ended by SIGKILL."""
        self._config = directory / "edge-agent.toml"
        self._notebook = Notebook(directory / "presses", sorted(BUTTONS))
        self.slow_stops = 0
        """How often it had to be killed because it did not end when asked."""
        self._wanted = 0
        memory = Path("/dev/shm")  # where the agent's service has its own, a memory file system
        self._runtime = tempfile.TemporaryDirectory(prefix="chaos-", dir=memory if memory.is_dir() else directory)
        self._process: subprocess.Popen[bytes] | None = None
        mqtt = {
            "brokers": list(urls),
            "alarm_timeout_s": 3.0,
            "keepalive_s": 5,
            "connect_timeout_s": 5.0,
            "return_after_s": 2.0,
            "reconnect_spread_s": 2.0,
        }
        tree: dict[str, Any] = {
            "device": {"province": "gp", "site": "jhb-park-station", "id": DEVICE},
            "storage": {"directory": str(self.storage), **more_storage},
            "mqtt": mqtt,
            "commands": {"keys": str(directory / "keys" / "keys.json")},
            "buttons": [
                {"name": name, "pin": pin, "debounce_ms": 0, "chatter_presses": 0} for name, pin in BUTTONS.items()
            ],
            "lights": LIGHTS,
            "health": {"interval_s": 3600},
            "self_test": {"enabled": False},
        }
        self._config.write_text(as_toml(tree))

    def __enter__(self) -> "Kiosk":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def running(self) -> bool:
        """Whether the agent was started and not ended by us."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Process number of the agent."""
        assert self._process is not None, "the agent is not running"
        return self._process.pid

    def launch(self) -> None:
        """Start the agent and return at once."""
        assert self._process is None, "the agent is running"
        arguments = [str(self._config), str(self.directory / "presses"), str(self.lies)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "tests.campaigns.chaos.kiosk_program", *arguments],
                cwd=REPOSITORY,
                env=environment({"RUNTIME_DIRECTORY": self._runtime.name}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.lives += 1

    def start(self) -> None:
        """Start the agent and return when the buttons are live. Raises KioskError."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when the buttons of a launched agent are live. Raises KioskError."""
        assert self._process is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + _READY_S
        if not select.select([self._process.stdout], [], [], deadline - time.monotonic())[0]:
            raise KioskError(f"not ready within {_READY_S:g} s; {self._last_words()}")
        if self._process.stdout.readline() != b"ready\n":
            raise KioskError(f"ended with code {self._process.wait(_END_S)}; {self._last_words()}")

    def press(self, presses: Sequence[tuple[str, float]], *, kill: bool = False) -> None:
        """Press these buttons, each after a pause in seconds; `kill` ends the process right after the last edge."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._wanted = len(self.presses()) + len(presses)
        self._process.stdin.write(json.dumps({"presses": presses, "kill": kill}).encode() + b"\n")
        self._process.stdin.flush()

    def wait_until_pressed(self) -> None:
        """Return when the last burst is made. Raises KioskError when the agent died of it."""
        wait_for(self._is_pressed, _BURST_S, "the end of a burst of presses")

    def wait_until_killed(self) -> None:
        """Return when the last burst is made and has ended with its kill."""
        self._reap(_BURST_S)

    def kill(self) -> None:
        """End the agent as the kernel's out-of-memory killer would."""
        os.kill(self.pid, signal.SIGKILL)
        self._reap(_END_S)

    def stop(self) -> None:
        """End the agent as the service manager does: ask, and kill it when it takes too long.

        Raises KioskError when it says that it failed.
        """
        process = self._process
        assert process is not None
        process.terminate()
        try:
            code = process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.slow_stops += 1
            self.kill()
            return
        self._process = None
        _close(process)
        if code:
            raise KioskError(f"an orderly stop ended with code {code}; {self._last_words()}")

    def freeze(self) -> None:
        """Stop the agent in its tracks, until `thaw`."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        os.kill(self.pid, signal.SIGCONT)

    def limit_file_size(self, size: int = resource.RLIM_INFINITY) -> None:
        """Let every write fail that goes beyond so many bytes of a file; without a size, lift the limit."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, hard))

    def presses(self) -> list[Press]:
        """Every press of every life so far."""
        return self._notebook.presses()

    def lie(self, what: str, text: str | None) -> None:
        """Let the disk (`sync`) or the clock (`wall`) lie, or None for the truth again."""
        order = self.lies / what
        if text is None:
            order.unlink(missing_ok=True)
        else:
            draft = self.lies / "draft"
            draft.write_text(text)
            draft.rename(order)

    def check_alive(self) -> None:
        """Raises KioskError when the agent has ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise KioskError(f"ended by itself with code {code}; {self._last_words()}")

    def _is_pressed(self) -> bool:
        self.check_alive()
        presses = self.presses()
        return len(presses) >= self._wanted and presses[-1].certain

    def _reap(self, timeout_s: float) -> None:
        process = self._process
        assert process is not None
        code = process.wait(timeout_s)
        self._process = None
        _close(process)
        if code != -signal.SIGKILL:
            raise KioskError(f"ended with code {code} before the kill; {self._last_words()}")
        self.kills += 1

    def _last_words(self) -> str:
        return f"the end of {self.log}:\n{self.log.read_text(errors='replace')[-3000:]}"

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            _close(process)
        self._notebook.close()
        self._runtime.cleanup()


def burst(rng: random.Random, count: int, shortest_s: float, longest_s: float) -> list[tuple[str, float]]:
    """So many presses on any of the buttons, with pauses between these bounds."""
    return [(rng.choice(sorted(BUTTONS)), rng.uniform(shortest_s, longest_s)) for _ in range(count)]


def _close(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
