"""The weathers of chaos: what is wrong with the world while buttons are pressed. Each is a context of its own.

Entering makes it so, and leaving makes it good again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from tests.campaigns.chaos.namespaces import CABLE, DISK, NETEM
from tests.campaigns.chaos.network import GOOD, Conditions
from tests.campaigns.chaos.world import World

_SERVER_UNAVAILABLE, _NOT_AUTHORIZED = 0x88, 0x87
_HALF_A_PAGE = 2048
_FIFTY_SIX_YEARS_S = 56 * 365.25 * 24 * 3600

Begins = Callable[[World], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Weather:
    """One kind of trouble."""

    name: str
    begins: Begins
    kills: bool = True
    """Whether the agent is killed in it as well."""
    needs: str = ""
    """What the machine must let us have."""


@contextmanager
def _clear(world: World) -> Iterator[None]:
    yield


@contextmanager
def _broker_stopped(world: World) -> Iterator[None]:
    world.take_broker_away(kill=False)
    yield
    world.bring_broker_back()


@contextmanager
def _broker_killed(world: World) -> Iterator[None]:
    world.take_broker_away(kill=True)
    yield
    world.bring_broker_back()


@contextmanager
def _broker_frozen(world: World) -> Iterator[None]:
    world.broker.freeze()
    yield
    world.broker.thaw()


def _network(conditions: Conditions, *, cut: bool = False) -> Begins:
    """With `cut`, standing connections end first: what a broker says in its CONNACK is met by new ones only."""

    @contextmanager
    def begins(world: World) -> Iterator[None]:
        world.network.conditions = conditions
        if cut:
            world.network.cut()
        yield
        world.network.conditions = GOOD
        if cut:
            world.network.cut()

    return begins


@contextmanager
def _network_flaps(world: World) -> Iterator[None]:
    """Cut with a reset, good, cut without a word, good, and so on, each for 0.2 to 1.5 s."""
    over = threading.Event()
    kinds = [Conditions(refuses=True), GOOD, Conditions(swallows=True), GOOD]
    lengths_s = [world.rng.uniform(0.2, 1.5) for _ in range(100)]

    def flap() -> None:
        for number, length_s in enumerate(lengths_s):
            world.network.conditions = kinds[number % len(kinds)]
            if over.wait(length_s):
                return

    thread = threading.Thread(target=flap, name="flapping")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        world.network.conditions = GOOD


def _lie(what: str, text: str) -> Begins:
    @contextmanager
    def begins(world: World) -> Iterator[None]:
        world.kiosk.lie(what, text)
        yield
        world.kiosk.lie(what, None)

    return begins


@contextmanager
def _cable_pulled(world: World) -> Iterator[None]:
    assert world.cable is not None
    world.cable.pull()
    yield
    world.cable.plug()


def _netem(*how: str) -> Begins:
    @contextmanager
    def begins(world: World) -> Iterator[None]:
        assert world.cable is not None
        world.cable.disturb(*how)
        yield
        world.cable.disturb()

    return begins


@contextmanager
def _writes_fail(world: World) -> Iterator[None]:
    world.kiosk.limit_file_size(_HALF_A_PAGE)
    yield
    world.kiosk.limit_file_size()


@contextmanager
def _disk_full(world: World) -> Iterator[None]:
    ballast = world.kiosk.storage / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    ballast.unlink()


CLEAR = Weather("nothing is wrong", _clear)
WEATHERS = (
    CLEAR,
    Weather("broker stopped", _broker_stopped),
    Weather("broker killed", _broker_killed),
    Weather("broker frozen (SIGSTOP)", _broker_frozen),
    Weather("broker refuses connections (0x88)", _network(Conditions(connack=_SERVER_UNAVAILABLE), cut=True)),
    Weather("broker refuses alarms (0x87)", _network(Conditions(puback=_NOT_AUTHORIZED))),
    Weather("broker never acknowledges", _network(Conditions(keeps_pubacks=True))),
    Weather("Receive Maximum 1", _network(Conditions(receive_maximum=1), cut=True)),
    Weather("Receive Maximum 2", _network(Conditions(receive_maximum=2), cut=True)),
    Weather("network cut, connections reset", _network(Conditions(refuses=True))),
    Weather("network cut, without a word", _network(Conditions(swallows=True))),
    Weather("network delays 2 s", _network(Conditions(delay_s=1.0))),
    Weather("network loses 30 %", _network(Conditions(loss=0.3))),
    Weather("network flaps", _network_flaps),
    Weather("cable pulled", _cable_pulled, needs=CABLE),
    Weather("kernel delays 2 s (netem)", _netem("delay", "1s"), needs=NETEM),
    Weather("kernel loses 30 % (netem)", _netem("loss", "30%"), needs=NETEM),
    Weather("disk hangs in a sync", _lie("sync", "hang")),
    Weather("disk fails every sync", _lie("sync", "fail")),
    Weather("disk fails every write", _writes_fail, kills=False),
    Weather("disk full", _disk_full, needs=DISK),
    Weather("clock in 1970", _lie("wall", str(-_FIFTY_SIX_YEARS_S))),
    Weather("clock 56 years ahead", _lie("wall", str(_FIFTY_SIX_YEARS_S))),
)
