"""Where the page may listen: at cables and private networks in front of the device, never at a mobile network, a tunnel
or the internet."""

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from agent.adapters.network import ipv4_of

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
    found = [(name, ipv4_of(name)) for _, name in socket.if_nameindex()]
    return {place for name, address in found if address is not None and (place := judge(name, address)) is not None}


def where_it_opens(found: Iterable[Place], ports: Mapping[str, int]) -> str:
    """Say where a phone reaches the service page, with the port of each scheme, or what to do where none can."""
    listens = sorted(f"{place.scheme}://{place.address}:{ports[place.scheme]} ({place.interface})" for place in found)
    if listens:
        return f"the service page opens at {', '.join(listens)}"
    return (
        "the service page is asked for, but no phone can reach it: the device has no address on a private network by "
        "cable, Wi-Fi or USB. Plug the phone in by USB and share its connection"
    )
