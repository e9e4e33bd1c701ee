"""The whole agent in a process of its own, simulated hardware, as a person or systemd would start it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil

from agent.bootstrap.specs import sim_socket
from agent.cli.sim import ask
from agent.sim import control_socket
from agent.trust.jose_keys import PrivateKey
from edge_centre import __main__ as edge_centre_main
from edge_centre.key_files import make_key
from tests.support.run import ran
from tests.support.wait import PATIENCE_S, wait_for

REPOSITORY = Path(__file__).parents[2]
DEVICE = "kiosk-0042"
USER = f"gp/jhb-park-station/{DEVICE}"
"""Its name to brokers."""
FILES = USER.replace("/", ".")
"""What its certificate and key are called in the office."""
SOURCE = f"/edge/{USER}"
TREE = f"edge/v1/{USER}"
BUTTON = {"name": "police", "pin": 17, "debounce_ms": 0, "chatter_presses": 0}
"""Without a debounce time and a limit: simulated contacts do not bounce, and tests press again at once."""
CAMERA = {"name": "front", "source": "picamera2:0"}
LIGHTS = {"yellow": 22, "green": 27, "beacon": 23, "tone": 18}
PATIENT = {"delayed_after_s": 60.0, "unconfirmed_after_s": 120.0}
"""A slow test must not see an alarm become late, unless that is what it is about."""
AGENT = (sys.executable, "-m", "agent")
OFFICE = (sys.executable, "-m", "edge_centre")
IN_EARNEST = (
    sys.executable,
    "-c",
    """
import sys
from agent.__main__ import main
from agent.bootstrap import specs
book = specs.alarm_book
specs.alarm_book = lambda *rest, simulated: book(*rest, simulated=False)
sys.exit(main())
""",
)
"""The agent whose simulated presses are no exercises: people are called for them."""


class AgentProcess(AbstractContextManager["AgentProcess"]):
    """One device: its settings, keys and storage stay while its process is killed and started again.

    It has one button and no camera unless `sections` say otherwise; they replace tables of the settings file.
    Entering starts it and waits until a press counts. At the end the process is killed, and its log is printed,
    which pytest shows only when the test fails.
    """

    def __init__(
        self,
        directory: Path,
        *brokers: str,
        program: Sequence[str] = AGENT,
        environ: Mapping[str, str] | None = None,
        mqtt: Mapping[str, Any] | None = None,
        **sections: Any,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.storage = directory / "storage"
        self.config = directory / "edge-agent.toml"
        self.key: PrivateKey = make_key("operator", directory / "keys")
        self.key_file = directory / "keys" / f"{self.key.kid}.key.json"
        self.program = program
        # Where systemd would have the black box; else each killed agent would leave one in the machine's memory.
        self._environ = {"RUNTIME_DIRECTORY": str(directory / "run"), **(environ or {})}
        self._output = directory / "agent.log"
        self._process: subprocess.Popen[bytes] | None = None
        tree: dict[str, Any] = {
            "device": {"province": "gp", "site": "jhb-park-station", "id": DEVICE},
            "storage": {"directory": str(self.storage)},
            "mqtt": {"brokers": list(brokers), "reconnect_spread_s": 0, **(mqtt or {})},
            "commands": {"keys": str(directory / "keys" / "keys.json")},
            "buttons": [BUTTON],
            "lights": LIGHTS,
            "alarm": PATIENT,
            "health": {"interval_s": 1},
            # One that is ordered must not fail for a disk that others keep busy.
            "self_test": {"enabled": False, "storage_within_s": 60},
        }
        self.config.write_text(as_toml({**tree, **sections}))

    def __enter__(self) -> "AgentProcess":
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def start(self) -> None:
        """Start it, and return when the buttons are live."""
        self.launch()
        wait_for(self._listens, what="an agent whose buttons are live")

    def launch(self) -> None:
        """Start it, and return at once."""
        assert self._process is None, "the agent is running"
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [*self.program, "run", "--simulate", "--config", str(self.config)],
                cwd=REPOSITORY,
                env=environment(self._environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def send(self, number: signal.Signals, timeout_s: float = PATIENCE_S) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        process = self._running()
        process.send_signal(number)
        return self.ended(timeout_s)

    def ended(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait for the end; returns the exit code."""
        code = self._running().wait(timeout_s)
        self._process = None
        return code

    def kill(self) -> None:
        """End it as the kernel's out-of-memory killer would."""
        self.send(signal.SIGKILL)

    def press(self, name: str = "police") -> int:
        """Press a button and let it go; returns CLOCK_BOOTTIME of the edge in nanoseconds."""
        return self.press_many(name, 1)[0]

    def press_many(self, name: str, count: int, **timing: float) -> list[int]:
        """Press a button so many times; returns CLOCK_BOOTTIME of each edge in nanoseconds."""
        answers = self.sim("press", name=name, count=count, **timing)
        return [int(answer["edge_boottime_ns"]) for answer in answers]

    def outputs(self) -> dict[str, str]:
        """What each light does."""
        return {str(name): str(shown) for name, shown in self.sim("outputs")[0].items()}

    def wait_for_outputs(self, **wanted: str) -> None:
        """Wait until these lights do this."""
        wait_for(lambda: wanted.items() <= self.outputs().items(), what=f"lights {wanted}")

    def wait_for_status(self, text: str) -> None:
        """Wait until this text is in what it says of itself to the doctor."""
        status = self.directory / "run" / "status.json"
        wait_for(lambda: status.exists() and text in status.read_text(), what=f"{text!r} in {status}")

    def sim(self, do: str, **request: Any) -> list[dict[str, Any]]:
        """What `edge-agent sim` does, without its start-up time."""
        return list(ask(sim_socket(self.storage), {"do": do, **request}, config=self.config))

    @property
    def pid(self) -> int:
        """Process number of the core."""
        return self._running().pid

    def children(self) -> list[psutil.Process]:
        """The camera processes."""
        return psutil.Process(self.pid).children(recursive=True)

    def rss_bytes(self) -> int:
        """Resident memory of the core."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def log(self) -> str:
        """All that it has written so far."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "the agent is not running"
        return self._process

    def _listens(self) -> bool:
        code = self._running().poll()
        assert code is None, f"the agent ended with code {code}:\n{self.log()}"
        try:
            control_socket.connect(sim_socket(self.storage)).close()
        except OSError:
            return False
        return True

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)
        print(f"--- log of the agent in {self.directory}\n{self.log()}")


def program(arguments: Sequence[str | Path]) -> tuple[str, ...]:
    """Return how to call the program whose command these arguments begin with."""
    return OFFICE if arguments and arguments[0] in edge_centre_main.COMMANDS else AGENT


def run_cli(*arguments: str | Path, environ: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run `edge-agent`, or `edge-centre` where the command is the office's, with these arguments to its end."""
    return ran(
        *program(arguments), *arguments, cwd=REPOSITORY, env=environment(environ or {}), stdin=subprocess.DEVNULL
    )


def start_cli(*arguments: str | Path, **options: Any) -> "subprocess.Popen[str]":
    """Start what `run_cli` runs; `options` are Popen's."""
    command = [*program(arguments), *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=environment({}), stdin=subprocess.DEVNULL, text=True, **options
    )


def start_lab(*arguments: str | Path, **options: Any) -> "subprocess.Popen[str]":
    """Start what developers run; `options` are Popen's."""
    command = [sys.executable, "-m", "deploy.lab", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=environment({}), stdin=subprocess.DEVNULL, text=True, **options
    )


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without anything that a service manager or a developer has set for an agent."""
    own = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM"}
    kept = {name: value for name, value in os.environ.items() if name not in own and not name.startswith("EDGE_AGENT_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **changes}


def as_toml(tree: Mapping[str, Any]) -> str:
    """A settings file: tables, and lists of tables."""
    lines: list[str] = []
    for name, section in tree.items():
        for table in section if isinstance(section, list) else [section]:
            lines.append(f"[[{name}]]" if isinstance(section, list) else f"[{name}]")
            lines += [f"{key} = {_inline(value)}" for key, value in table.items()]
            lines.append("")
    return "\n".join(lines)


def _inline(value: Any) -> str:
    """JSON's strings, numbers and booleans are TOML's too; its objects are not."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_inline(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(each) for each in value) + "]"
    return json.dumps(value)
