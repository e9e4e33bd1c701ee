"""One QEMU process: a machine that is on. Its standard input and output are the line to the hand in it."""

import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.campaigns.emulation import board, relay
from tests.campaigns.emulation.architecture import Architecture
from tests.campaigns.emulation.kernel import Kernel
from tests.campaigns.emulation.line import Line, SilentError

HOST = "10.0.2.4"
"""What the guest reaches on the host has this address and no other."""
_END_S = 10.0
_MEMORY = ("-m", "768")
_PLAIN = ("-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot")
_KERNEL = "root=/dev/vda rw net.ifnames=0 panic=-1 quiet loglevel=4 systemd.show_status=no"


class MachineError(Exception):
    """The machine does not start, does not answer in time, or has gone; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A raw image as the guest's next disk: vda, vdb and so on."""

    image: Path
    read_only: bool = False


class Emulator:
    """A machine from power-on to power-off. Entering none: whoever makes one ends it with `cut_power`."""

    def __init__(
        self,
        architecture: Architecture,
        kernel: Kernel,
        disks: Sequence[Disk],
        directory: Path,
        *,
        ports: Mapping[int, int],
        closed: Sequence[int],
        options: Sequence[str],
        words: Sequence[str] = (),
    ) -> None:
        """`ports`: which port of the host's loopback is behind a port of HOST; `closed`: pins that are tied to
        ground before a program runs; `options`: more of QEMU's; `words`: more for the kernel's command line.
        """
        self._console = directory / "console.log"
        size = ("-smp", str(architecture.processors), *_MEMORY, *options)
        command = [architecture.emulator, *architecture.machine, *size, "-accel", "tcg,thread=multi", *_PLAIN]
        command += ["-kernel", str(kernel.image), "-initrd", str(kernel.initramfs)]
        pins = ",".join(map(str, closed))
        command += ["-append", f"console={architecture.console} {_KERNEL} emulation.closed={pins} {' '.join(words)}"]
        if architecture.board:
            command += ["-dtb", str(board.device_tree(architecture, size, directory))]
        for number, disk in enumerate(disks):
            only = "on" if disk.read_only else "off"
            command += ["-drive", f"if=none,id=disk{number},format=raw,file={disk.image},readonly={only}"]
            command += ["-device", f"virtio-blk-pci,drive=disk{number}"]
        command += ["-netdev", _network(ports), "-device", "virtio-net-pci,netdev=net,romfile="]
        command += ["-device", "virtio-rng-pci", "-serial", f"file:{self._console}"]
        command += ["-chardev", "stdio,id=hand,signal=off"]
        command += ["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=hand,name=emulation"]
        self._errors = (directory / "emulator.log").open("w+b")
        # It must not outlive us, whatever becomes of us; and Ctrl-C is for us alone.
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._line = Line(self._process.stdin, self._process.stdout)

    def ask(self, timeout_s: float, **request: Any) -> dict[str, Any]:
        """Give an order to the hand and return its answer. Raises MachineError."""
        with self._listening(timeout_s):
            reply = self._line.ask(timeout_s, request)
        if "error" in reply:
            raise MachineError(f"the hand can't: {reply['error']}")
        return reply

    def hear(self, timeout_s: float) -> dict[str, Any]:
        """The next line of the hand. Raises MachineError."""
        with self._listening(timeout_s):
            return self._line.hear(timeout_s)

    @contextmanager
    def _listening(self, timeout_s: float) -> Iterator[None]:
        try:
            yield
        except SilentError:
            raise MachineError(f"no answer from the machine within {timeout_s:g} s; {self._last_words()}") from None
        except (EOFError, OSError) as error:
            code = self._process.wait(_END_S)
            raise MachineError(f"the machine went off (QEMU's code {code}); {self._last_words()}") from error

    def kept_waiting_ns(self) -> int:
        """How long the host's other programs have kept the machine waiting for a processor, at least."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return max(int(thread.read_text().split()[1]) for thread in threads)

    def kill(self) -> None:
        """As `cut_power`, but no more than that: for any thread, while another one asks."""
        self._process.kill()

    def wait_until_off(self, timeout_s: float) -> None:
        """Return when the guest has powered itself off. Raises MachineError."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"not off within {timeout_s:g} s; {self._last_words()}") from error
        self.cut_power()

    def cut_power(self) -> None:
        """End it at once: what the guest has not written to its disks is gone. Safe to call twice."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _last_words(self) -> str:
        logs = [path for path in (Path(self._errors.name), self._console) if path.exists()]
        said = "".join(path.read_text(errors="replace")[-2000:] for path in logs)
        return f"the last words of QEMU and of the machine's serial port:\n{said}"


def _network(ports: Mapping[int, int]) -> str:
    """QEMU's user network, of which nothing but the given ports can be reached."""
    options = "user,id=net,restrict=on"
    for port, target in ports.items():
        relaying = shlex.join([sys.executable, "-S", "-E", str(Path(relay.__file__)), str(target)])
        options += f",guestfwd=tcp:{HOST}:{port}-cmd:{relaying.replace(',', ',,')}"
    return options
