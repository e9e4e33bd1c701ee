"""Somebody at a terminal who reads docs/how-to/start-a-province.md, and types its commands."""

import errno
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.control_room.guide import blocks

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs/how-to/start-a-province.md"
PATIENCE_S = 1200.0


class WentWrongError(Exception):
    """A command of the guide did not do what the guide says."""


def commands(block: str) -> list[str]:
    """The commands of a block; one that goes on in the next line is one."""
    return [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def guide() -> list[list[str]]:
    """Block by block."""
    return [commands(block) for block in blocks(GUIDE.read_text(encoding="utf-8"))]


class Terminal:
    """A command at a terminal of its own, and whoever answers what it asks."""

    def __init__(self, words: list[str], cwd: Path, environ: Mapping[str, str], answers: Mapping[str, str]) -> None:
        master, slave = pty.openpty()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *words], cwd=cwd, env=dict(environ), stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self._master = master
        self._answers = dict(answers)
        self._answered = 0
        self.said = ""

    def types(self, line: str) -> None:
        """Type a line."""
        os.write(self._master, f"{line}\n".encode())

    def read_until(self, true: Callable[[str], object], what: str, patience_s: float = PATIENCE_S) -> None:
        """Read, and answer, until this is true of all that was said. Raises WentWrongError."""
        deadline = time.monotonic() + patience_s
        while not true(self.said):
            if time.monotonic() > deadline or not self._read():
                raise WentWrongError(f"{what} did not come:\n{self.said}")

    def ended(self, patience_s: float = PATIENCE_S) -> int:
        """Read, and answer, to its end; returns its exit code. Raises WentWrongError."""
        deadline = time.monotonic() + patience_s
        while self._read():
            if time.monotonic() > deadline:
                raise WentWrongError(f"it did not end within {patience_s:.0f} s:\n{self.said}")
        return self._process.wait(30)

    @contextmanager
    def read_meanwhile(self) -> Iterator[None]:
        """Read, on a thread, whatever it says, until the end, when it gets Ctrl-C: it never waits for its reader."""
        reading = threading.Thread(target=self.ended)
        reading.start()
        try:
            yield
        finally:
            self.types("\x03")
            reading.join()

    def close(self) -> None:
        """End it as Ctrl-C does."""
        if self._process.poll() is None:
            with suppress(OSError):
                os.write(self._master, b"\x03")
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGKILL)
                self._process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        """Take what is there, within half a second; False at the end."""
        if not select.select([self._master], [], [], 0.5)[0]:
            return True
        try:
            part = os.read(self._master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:  # the other side was closed
                raise
            return False
        self.said += part.decode(errors="replace").replace("\r\n", "\n")
        asked = self.said[self._answered :]
        for question, answer in self._answers.items():
            if re.search(question, asked):
                self.types(answer)
                self._answered = len(self.said)
                break
        return bool(part)


class Reader:
    """Types commands in the office, or on a host through ssh, and keeps count."""

    def __init__(self, office: Path, environ: Mapping[str, str], answers: Mapping[str, str]) -> None:
        self.office, self._environ, self.answers = office, environ, dict(answers)
        self.typed: list[tuple[str, str, float]] = []
        """Where, which command, and how many seconds it took."""

    def types(self, command: str, *, at: str = "", outside: tuple[str, ...] = ()) -> str:
        """Type it in the office, or at a host, and return what it said. `outside` are words that lead to another
        network. Raises WentWrongError when it fails."""
        began_s = time.monotonic()
        with self.at_a_terminal(command, at=at, outside=outside) as terminal:
            code = terminal.ended()
        self.typed.append((at or "office", command, time.monotonic() - began_s))
        if code:
            raise WentWrongError(f"`{command}` ended with {code}:\n{terminal.said}")
        return terminal.said

    @contextmanager
    def at_a_terminal(self, command: str, *, at: str = "", outside: tuple[str, ...] = ()) -> Iterator[Terminal]:
        """The same, while it runs."""
        words = ["ssh", "-t", at, command] if at else ["bash", "-c", command]
        terminal = Terminal([*outside, *words], self.office, self._environ, self.answers)
        try:
            yield terminal
        finally:
            terminal.close()
