"""A kiosk that enrols and renews in processes of its own, with somebody at its buttons, and what cuts it off."""

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent.adapters.binding import CREDENTIALS, CURRENT
from agent.bootstrap import specs
from agent.core.errors import EdgeAgentError
from agent.doctor.brokers import log_in
from agent.provisioning.credentials import CERTIFICATE
from agent.provisioning.settings_files import LAYER
from agent.settings import load
from agent.sim import control_socket
from tests.support.agent_process import BUTTON, REPOSITORY, AgentProcess, environment
from tests.support.wait import wait_for

BUTTONS = {"fire": 4, "medical": 24, "police": 17}
RUNS = ("enrol", "renew")
CUTS = ("command", "agent", "agent and command", "disk full")
_NOWHERE = "mqtt://127.0.0.1:1"
_HOLD_S = 0.01
COMMAND_S = 60.0


@dataclass
class Presses:
    """By button: those that the agent has taken, and those during which it was killed, which were made or not."""

    certain: Counter[str] = field(default_factory=Counter)
    uncertain: Counter[str] = field(default_factory=Counter)

    def copy(self) -> "Presses":
        """As they are now."""
        return Presses(self.certain.copy(), self.uncertain.copy())


class Kiosk(AgentProcess):
    """One device, which has the example's name until it is enrolled. `directory` is its disk, all of it; `memory` is
    what a device has in its memory, and the agent's log."""

    def __init__(self, directory: Path, memory: Path, claim: str) -> None:
        memory.mkdir(parents=True)
        # The clock of the machine that plays this may be one that nobody has set.
        trusted = {"PYTHONPATH": str(REPOSITORY / "tests/support/trusted_clock")}
        super().__init__(
            directory,
            _NOWHERE,
            environ={"RUNTIME_DIRECTORY": str(memory / "run"), **trusted},
            device={"province": "gp", "site": "example", "id": "example"},
            commands={"keys": str(directory / "command-keys.json")},
            buttons=[{**BUTTON, "name": name, "pin": pin} for name, pin in BUTTONS.items()],
            health={"interval_s": 60},
        )
        self._output = memory / "agent.log"
        self._claim = directory / "edge-agent.claim"
        self._claim.write_text(claim)
        self.presses = Presses()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    def keep_log(self, path: Path) -> None:
        """Put its log there."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.log())

    def begin(self, what: str) -> "subprocess.Popen[str]":
        """Start `enrol` or `renew`, as a technician or the timer does."""
        self._sets_before = len(self._sets())
        words = {"enrol": ["enrol", "--claim-file", str(self._claim)], "renew": ["renew", "--now"]}[what]
        return subprocess.Popen(
            [sys.executable, "-m", "agent", *words, "--config", str(self.config)],
            cwd=REPOSITORY,
            env=environment(self._environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, what: str) -> None:
        """The same to its end. Raises AssertionError when it fails."""
        process = self.begin(what)
        try:
            said = process.communicate(timeout=COMMAND_S)[0]
        finally:
            process.kill()
        assert process.returncode == 0, f"{what} ended with code {process.returncode}: {said.strip()}"

    def wait_until_written(self, process: "subprocess.Popen[str]") -> None:
        """Return when there is another set of credentials, or when the process has ended."""
        wait_for(lambda: process.poll() is not None or len(self._sets()) > self._sets_before, COMMAND_S, "a new set")

    def press_once(self, name: str) -> None:
        """Press a button, and write down whether the agent has taken it. Without an agent nothing is pressed."""
        try:
            sock = control_socket.connect(specs.sim_socket(self.storage))
        except OSError:
            return
        with sock, sock.makefile("rw", encoding="utf-8") as line, suppress(OSError):
            print(f'{{"do": "press", "name": "{name}", "hold_s": {_HOLD_S}}}', file=line, flush=True)
            if "answer" in line.readline():
                self.presses.certain[name] += 1
                line.read()
                return
        self.presses.uncertain[name] += 1

    def press_each(self) -> None:
        """Press every button once."""
        for name in BUTTONS:
            self.press_once(name)

    @contextmanager
    def pressed(self, chance: random.Random) -> Iterator[None]:
        """Press now this button and now that one, all the time."""
        lifted = threading.Event()

        def hand() -> None:
            while not lifted.wait(chance.uniform(0.02, 0.2)):
                self.press_once(chance.choice(sorted(BUTTONS)))

        thread = threading.Thread(target=hand)
        thread.start()
        try:
            yield
        finally:
            lifted.set()
            thread.join()

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Nobody can write anything more."""
        ballast = self.directory / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        yield
        ballast.unlink()

    def reached(self, what: str, before: Path | None) -> str:
        """How far `enrol` or `renew` has come, by what is on the disk. `before` is what was in use."""
        begun = self.storage / CREDENTIALS / ("next" if what == "enrol" else "renewing")
        if what == "enrol" and (self.directory / f"{self.config.stem}.d" / LAYER).exists():
            return "settings written"
        if self.in_use() != before:
            return "new one in use"
        if not begun.exists():
            return "nothing yet"
        return "certificate" if (begun / CERTIFICATE).exists() else "key"

    def _sets(self) -> list[Path]:
        return list((self.storage / CREDENTIALS).glob("set-*"))

    def in_use(self) -> Path | None:
        """The directory of the credentials that are in use."""
        current = self.storage / CURRENT
        return current.resolve() if current.exists() else None

    def is_let_in(self) -> bool:
        """Whether the brokers of its settings let it in, by its probe's certificate."""
        settings = load(self.config, {})
        with suppress(EdgeAgentError):
            return all(log_in(settings, each, beside=True) for each in specs.broker_addresses(settings))
        return False
