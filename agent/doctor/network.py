"""Checks the network, from the plug outwards: link, address, route, names."""

from collections.abc import Collection, Iterator, Sequence

from agent.adapters import network as kernel
from agent.core.diagnosis.finding import Finding, ok
from agent.core.diagnosis.network import NameTrouble, judge_links, judge_ways
from agent.doctor.check import NETWORK, Note
from agent.trust.broker_failures import Endpoint


def network(endpoints: Sequence[Endpoint], note: Note, *, known: bool) -> Iterator[Finding]:
    """Check the way to these hosts, as far as the kernel knows it. If they are not `known`, names are not tried."""
    away = {each.host: each.port for each in endpoints if not kernel.is_here(each.host)}
    if known and not away:
        yield ok("no network is needed: the brokers are on this machine")
        return
    note("asking the kernel for links and addresses")
    links = kernel.links()
    if (wrong := judge_links(links)) is not None:
        yield wrong
        return
    unresolved: dict[str, NameTrouble] = {}
    unreachable, names = [], 0
    for host, port in away.items() if known else ():
        note(f"resolving {host}")
        address, trouble = kernel.resolve(host, port)
        names += address != host
        if trouble is not None:
            unresolved[host] = trouble
        elif not kernel.has_route(address, port):
            unreachable.append(host)
    yield judge_ways(
        links,
        default=kernel.has_default_route(),
        unresolved=unresolved,
        unreachable=unreachable,
        asked=names,
    )


def leads_to(host: str, port: int, failed: Collection[str]) -> bool:
    """Whether asking a host can show more than what the check of the network has already said."""
    if NETWORK not in failed or kernel.is_here(host):
        return True
    address, trouble = kernel.resolve(host, port)
    return trouble is None and kernel.has_route(address, port)
