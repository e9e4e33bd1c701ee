"""Namespaces of our own: a disk that can be filled and a cable that can be pulled, which nobody else here sees.

The kernel takes everything back when the last process in them ends, whatever becomes of us.
"""

import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

DISK, CABLE, NETEM = "a file system of our own", "a network of our own", "netem"
"""What a weather may need."""
BROKER_HOST = "10.77.0.1"
_KIOSK_HOST = "10.77.0.2"
_ENTERED = "EDGE_AGENT_CHAOS_NAMESPACE"
_DISK_MIB = 24
_names = itertools.count()


def enter(module: str, arguments: Sequence[str]) -> None:
    """Begin this program again in namespaces of its own; returns if the machine does not let us, or we are there."""
    if _ENTERED in os.environ:
        _run("ip", "link", "set", "lo", "up")
        return
    for flags in (["--mount", "--net"], ["--map-root-user", "--mount", "--net"]):
        command = ["unshare", *flags]
        if _works(
            *command, "sh", "-c", "mount -t tmpfs tmpfs /mnt && ip link set lo up && ip link add probe type veth"
        ):
            os.execvpe("unshare", [*command, sys.executable, "-m", module, *arguments], {**os.environ, _ENTERED: "1"})


def found() -> set[str]:
    """What there is here, of DISK, CABLE and NETEM."""
    if _ENTERED not in os.environ:
        return set()
    netem = _works("tc", "qdisc", "add", "dev", "lo", "root", "netem", "loss", "1%")
    if netem:
        _run("tc", "qdisc", "del", "dev", "lo", "root")
    return {DISK, CABLE, *([NETEM] if netem else [])}


class SmallDisk(AbstractContextManager[None]):
    """A file system of a few MiB at this place."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={_DISK_MIB}m", "tmpfs", str(self._directory))

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.CalledProcessError):
            _run("umount", "--lazy", str(self._directory))


class Cable(AbstractContextManager["Cable"]):
    """A cable from a network with nobody else in it to ours, where the broker is. Packets on it are real."""

    def __init__(self) -> None:
        self._name = f"cable{next(_names)}"

    def __enter__(self) -> "Cable":
        # It only holds the kiosk's network, while agents come and go.
        self._holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; read end"], stdin=-1, stdout=-1)
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        _run("ip", "link", "add", self._name, "type", "veth", "peer", "name", "eth0", "netns", str(self._holder.pid))
        _run("ip", "address", "add", f"{BROKER_HOST}/24", "dev", self._name)
        _run("ip", "link", "set", self._name, "up")
        for command in (
            ("ip", "link", "set", "lo", "up"),
            ("ip", "address", "add", f"{_KIOSK_HOST}/24", "dev", "eth0"),
            ("ip", "link", "set", "eth0", "up"),
        ):
            _run(*self.inside, *command)
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.communicate(b"\n", timeout=10)

    @property
    def inside(self) -> tuple[str, ...]:
        """What a command must be begun with to run at the kiosk's end; the process stays the same."""
        return ("nsenter", f"--net=/proc/{self._holder.pid}/ns/net")

    def pull(self) -> None:
        """From now on no packet passes, and nobody is told."""
        _run("ip", "link", "set", self._name, "down")

    def plug(self) -> None:
        """As before."""
        _run("ip", "link", "set", self._name, "up")

    def disturb(self, *how: str) -> None:
        """Let the kernel delay or lose packets in both directions, in the words of netem; none for a good cable."""
        for begin, device in (((), self._name), (self.inside, "eth0")):
            if how:
                _run(*begin, "tc", "qdisc", "add", "dev", device, "root", "netem", *how)
            else:
                _run(*begin, "tc", "qdisc", "del", "dev", device, "root")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=10)


def _works(*command: str) -> bool:
    try:
        _run(*command)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
