"""What the kernel says of this machine's network, and whether names are resolved. Only DNS is asked over it."""

import errno
import fcntl
import ipaddress
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.core.diagnosis.network import Link, NameTrouble

_GET_ADDRESS = 0x8915
"""SIOCGIFADDR of Linux: the first IPv4 address of an interface."""
_ANSWER_S = 8.0
_RESOLVERS = Path("/etc/resolv.conf")


def links(sys: Path = Path("/sys/class/net"), proc: Path = Path("/proc/net")) -> list[Link]:
    """Return the network interfaces: those with hardware behind them, or, where none has any, all but the loopback."""
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
    real = [name for name in names if (sys / name / "device").exists()]
    return [Link(name, _is_up(sys / name), tuple(_addresses(name, proc))) for name in real or names]


def ipv4_of(interface: str) -> str | None:
    """Return an interface's first IPv4 address; None if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, suppress(OSError):
        answer = fcntl.ioctl(sock, _GET_ADDRESS, struct.pack("256s", interface.encode()[:15]))
        return socket.inet_ntoa(answer[20:24])
    return None


def has_default_route(proc: Path = Path("/proc/net")) -> bool:
    """Whether packets for anywhere have a way out."""
    with suppress(OSError):
        if any(line.split()[1:2] == ["00000000"] for line in (proc / "route").read_text("ascii").splitlines()[1:]):
            return True
    with suppress(OSError):
        for line in (proc / "ipv6_route").read_text("ascii").splitlines():
            words = line.split()
            if words[:2] == ["0" * 32, "00"] and words[-1] != "lo":
                return True
    return False


def is_here(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def resolve(host: str, port: int) -> tuple[str, NameTrouble | None]:
    """Return an address of `host`; or an empty text, and why there is none."""
    found: list[tuple[str, NameTrouble | None]] = []

    def ask() -> None:
        try:
            found.append((str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]), None))
        except (socket.gaierror, UnicodeError) as error:
            again = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
            found.append(("", "no answer" if again else "unknown"))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_ANSWER_S)
    address, trouble = found[0] if found else ("", "no answer")
    return address, "no server" if trouble == "no answer" and not _has_name_server() else trouble


def has_route(address: str, port: int) -> bool:
    """Whether the kernel knows a way to an address. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((address, port))
        except OSError as error:
            return error.errno not in {errno.ENETUNREACH, errno.EHOSTUNREACH}
    return True


def _has_name_server() -> bool:
    try:
        lines = _RESOLVERS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return any(line.split()[:1] == ["nameserver"] for line in lines)


def _is_up(interface: Path) -> bool:
    try:
        return (interface / "carrier").read_text("ascii").strip() == "1"
    except OSError:  # of an interface that is switched off
        return False


def _addresses(name: str, proc: Path) -> Iterator[str]:
    if (address := ipv4_of(name)) is not None:
        yield address
    with suppress(OSError):
        for line in (proc / "if_inet6").read_text("ascii").splitlines():
            words = line.split()
            if words[-1] == name:
                yield str(ipaddress.IPv6Address(int(words[0], 16)))
