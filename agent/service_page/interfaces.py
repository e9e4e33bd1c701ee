"""Where the page may listen: at cables and private networks in front of the device, never at a mobile network, a tunnel
or the internet."""

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

_GET_ADDRESS = 0x8915
"""SIOCGIFADDR of Linux: the first IPv4 address of an interface."""
_NETWORKS = ("eth", "en", "wl", "br")
"""How the names of wired and wireless networks begin; those of tunnels and modems are others."""


class Place(NamedTuple):
    """One address to listen on."""

    interface: str
    address: str
    scheme: Literal["http", "https"]


def judge(interface: str, address: str) -> Place | None:
    """Return how to listen there; None if that may not be."""
    ip = ipaddress.IPv4Address(address)
    if not ip.is_private or ip.is_loopback or ip.is_unspecified:
        return None
    if interface.startswith("usb"):  # a cable, at which nobody else can be
        return Place(interface, address, "http")
    return Place(interface, address, "https") if interface.startswith(_NETWORKS) else None


def places() -> set[Place]:
    """Return where to listen now. Of each interface the first IPv4 address counts."""
    return {place for name, address in _addresses() if (place := judge(name, address)) is not None}


def _addresses() -> Iterator[tuple[str, str]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(sock, _GET_ADDRESS, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # it has none
            yield name, socket.inet_ntoa(answer[20:24])
