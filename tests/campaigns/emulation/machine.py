"""A machine that is switched on, loses its power and is switched on again; its disk stays."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.campaigns.emulation.architecture import Architecture
from tests.campaigns.emulation.emulator import Disk, Emulator, MachineError
from tests.campaigns.emulation.guest import hand
from tests.campaigns.emulation.kernel import kernel
from tests.campaigns.emulation.root import HAND, root_image

_BOOT_S = 300.0
_OFF_S = 120.0
_MARGIN_S = 10.0
_CLOCK_QUESTIONS = 20


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    said: str
    """Output and errors."""


class Machine(AbstractContextManager["Machine"]):
    """Off at first; entering changes nothing, leaving cuts its power. One thread."""

    def __init__(
        self,
        architecture: Architecture,
        directory: Path,
        *,
        ports: Mapping[int, int] | None = None,
        stick: Path | None = None,
        card: Path | None = None,
        closed: Sequence[int] = (),
        disk: Path | None = None,
    ) -> None:
        """Its disk lies in `directory`. `ports` are the emulator's; the files in `stick` are a second disk.

        `card` is the image of a boot partition, its last disk, which need not be there before it is switched on.
        The pins in `closed` are tied to ground whenever it is switched on. Its disk begins as a copy of `disk`, or of
        the bare system's.
        """
        self._architecture = architecture
        self._directory = directory
        self._ports = dict(ports or {})
        self._closed = tuple(closed)
        self._kernel = kernel(architecture)
        directory.mkdir(parents=True, exist_ok=True)
        self._disks = [Disk(directory / "root.img")]
        kept = disk or root_image(architecture, self._kernel)
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", kept, self._disks[0].image], check=True)
        put(self.disk, f"/{HAND}", Path(hand.__file__))
        if stick is not None:
            self._disks.append(Disk(file_system(stick, directory / "stick.img"), read_only=True))
        if card is not None:
            self._disks.append(Disk(card))
        self._emulator: Emulator | None = None
        self.options: Sequence[str] = ()
        """More of QEMU's, from the next time that it is switched on."""
        self.words: Sequence[str] = ()
        """More for the kernel's command line, from then on."""

    def __exit__(self, *_: object) -> None:
        self.cut_power()

    @property
    def disk(self) -> Path:
        """The image of its first disk: what is on it is whole when the machine has shut down."""
        return self._disks[0].image

    @property
    def is_on(self) -> bool:
        """Whether it has power."""
        return self._emulator is not None

    @property
    def console(self) -> Path:
        """What has come from its serial port since it was switched on last."""
        return self._directory / "console.log"

    @property
    def emulator(self) -> Emulator:
        """Of the machine that is on."""
        assert self._emulator is not None, "the machine is off"
        return self._emulator

    def boot(self, closed: Sequence[int] | None = None, timeout_s: float = _BOOT_S) -> None:
        """Switch it on; returns when its hand answers, which is before anything has started. Raises MachineError.

        `closed` are the pins that are tied to ground before a program looks at them, if others than usual.
        """
        self.switch_on(closed)
        self.emulator.hear(timeout_s)

    def switch_on(self, closed: Sequence[int] | None = None) -> None:
        """As `boot`, but returns at once: the machine can only be switched off again."""
        assert self._emulator is None, "the machine is on"
        self._emulator = Emulator(
            self._architecture,
            self._kernel,
            self._disks,
            self._directory,
            ports=self._ports,
            closed=self._closed if closed is None else closed,
            options=self.options,
            words=self.words,
        )

    def ask(self, timeout_s: float, **request: Any) -> dict[str, Any]:
        """An order to the hand: see guest/hand.py. Raises MachineError."""
        return self.emulator.ask(timeout_s, **request)

    def clock_ahead_ns(self) -> int:
        """Add it to CLOCK_BOOTTIME here to have that of the machine, as the quickest of a few questions tells."""
        answers = []
        for _ in range(_CLOCK_QUESTIONS):
            before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            there_ns: int = self.ask(30.0, do="clock")["boottime_ns"]
            took_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - before_ns
            answers.append((took_ns, there_ns - before_ns - took_ns // 2))
        return min(answers)[1]

    def run(self, script: str, timeout_s: float = 180.0) -> Done:
        """Run a shell script as root, to its end whatever it comes to. Raises MachineError when it takes too long."""
        reply = self.ask(timeout_s + _MARGIN_S, do="run", script=script, limit_s=timeout_s)
        if reply["code"] is None:
            raise MachineError(f"not done within {timeout_s:g} s: {script}\n{reply['said'][-2000:]}")
        return Done(reply["code"], reply["said"])

    def check(self, script: str, timeout_s: float = 180.0) -> str:
        """Run a script that must succeed; returns what it said. Raises MachineError."""
        done = self.run(script, timeout_s)
        if done.code:
            raise MachineError(f"code {done.code} of: {script}\n{done.said[-2000:]}")
        return done.said

    def shut_down(self) -> None:
        """As a person would; returns when it is off. Raises MachineError."""
        self.check("systemctl --no-block poweroff")
        self.wait_until_off(_OFF_S)

    def wait_until_off(self, timeout_s: float) -> None:
        """Return when it has switched itself off; a restart counts as that. Raises MachineError."""
        self.emulator.wait_until_off(timeout_s)
        self._emulator = None

    def cut_power(self) -> None:
        """Pull the plug: what is not on its disk is gone. Safe when it is off."""
        emulator, self._emulator = self._emulator, None
        if emulator is not None:
            emulator.cut_power()


def put(image: Path, path: str, file: Path) -> None:
    """Put a file into the file system on this image, without mounting it; its directory is made if its parent is
    there."""
    for request in (f"mkdir {Path(path).parent}", f"rm {path}", f"write {file} {path}"):  # it may be there or not
        subprocess.run(["/sbin/debugfs", "-w", "-R", request, image], check=True, capture_output=True)


def file_system(folder: Path, image: Path) -> Path:
    """A file system with the files of a folder."""
    used = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    size_mib = used // 2**20 * 11 // 10 + 16
    options = ["-q", "-t", "ext4", "-m", "0", "-O", "^has_journal"]
    subprocess.run(["/sbin/mke2fs", *options, "-d", folder, image, f"{size_mib}M"], check=True)
    return image
