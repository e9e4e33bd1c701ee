"""Judges the network of a device, from the plug outwards: link, address, route, names."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.core.diagnosis.finding import Finding, fail, ok

NameTrouble = Literal["unknown", "no server", "no answer"]
"""Why a name can't be resolved: the server does not know it, the network provides no server, or it does not answer."""
_WIRELESS = "wl"
_LINK_LOCAL = ("169.254.", "fe80")


@dataclass(frozen=True, slots=True)
class Link:
    """One network interface; not the loopback."""

    name: str
    up: bool
    """Whether something is at its other end: a cable that is plugged in, a wireless network that it has joined."""
    addresses: tuple[str, ...] = ()

    @property
    def usable(self) -> tuple[str, ...]:
        """Its addresses, except those that it assigned to itself."""
        return tuple(each for each in self.addresses if not each.startswith(_LINK_LOCAL))


def judge_links(links: Sequence[Link]) -> Finding | None:
    """Return what is wrong with plugs and addresses; None if nothing is."""
    if not links:
        return fail(
            "this device has no network: there is no network interface",
            "plug in its network adapter or modem; `ip link` lists what is there",
        )
    if not any(link.up for link in links):
        wired = [link.name for link in links if not link.name.startswith(_WIRELESS)]
        if not wired:
            return fail(
                f"{_named(links)} has not joined a wireless network",
                "check the network's name and password (`nmcli device wifi`), or plug in a cable",
            )
        return fail(
            f"no network cable is connected: {', '.join(wired)} has no link",
            "plug it in at both ends until the lamps at its socket light; else try another cable, or another port",
        )
    if not any(link.usable for link in links if link.up):
        return fail(
            f"{_named([link for link in links if link.up])} is connected, but has no address",
            "restart the router, which gives it one (DHCP); else ask whoever runs this network",
        )
    return None


def judge_ways(
    links: Sequence[Link],
    *,
    default: bool,
    unresolved: dict[str, NameTrouble],
    unreachable: Collection[str],
    asked: int,
) -> Finding:
    """Judge what lies behind an address. `unresolved` are the names that can't be resolved, `unreachable` the hosts to
    which no route leads; `asked` counts the names that were tried; `default` says whether there is a default route."""
    here = ", ".join(f"{link.name} has {link.usable[0]}" for link in links if link.up and link.usable)
    if unreachable or (unresolved and not default):
        return fail(
            f"{here}, but no route leads out of this network",
            "restart the router; `ip route` must show a line that begins with `default`",
        )
    if unresolved and len(unresolved) == asked:
        name, trouble = next(iter(unresolved.items()))
        what, do = {
            "no server": (
                "this network provides no name server (DNS)",
                "restart the router, which must provide one; `resolvectl status` shows it",
            ),
            "no answer": (
                "the name server (DNS) of this network does not answer",
                "restart the router; else ask whoever runs this network. `resolvectl status` names the server",
            ),
            "unknown": (
                "the name server (DNS) of this network does not know it",
                "ask the office whether the name is right; if it is, ask whoever runs this network",
            ),
        }[trouble]
        return fail(f"{here}, but the name {name} can't be resolved: {what}", do)
    return ok(here + (", and names are resolved" if asked > len(unresolved) else ""))


def _named(links: Sequence[Link]) -> str:
    return ", ".join(link.name for link in links)
