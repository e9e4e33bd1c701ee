"""`python -m tests.control_room.reloads [LOADS]`: the page is opened again and again while old lists of open alarms lie
at either broker. Nobody may be called for what is closed, and somebody who waits is heard within a second.

It ends with 1 where that is not so."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edge_centre.conform.voice import Made, new_id, press
from tests.control_room.fleet import Kiosk
from tests.control_room.person import Person
from tests.control_room.rig import FLEET, OPERATOR, Browser, Rig
from tests.support.certificates import BrokerAuthorities
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

LOADS, WITHIN_MS = 50, 1000
WATCHED_MS = 2500
"""How long a page is watched for a call that must not come."""
_STALE, _CALM = 7, 40
_PAGE = Path(__file__).parents[2] / "deploy" / "control-room" / "dist"
KINDS = ("nobody waits", "somebody waits", "somebody waits, and the other broker hangs")


@dataclass
class Load:
    """What one opening of the page was like."""

    kind: str
    rang_ms: float | None
    """How long after the click that begins the shift; None if it did not ring."""
    shown: set[str]
    """Alarms that were shown as open and are closed."""

    @property
    def is_right(self) -> bool:
        """Whether people were called if somebody waits, and for nobody else."""
        return not self.shown and (self.rang_ms is None) == (self.kind == KINDS[0])


def heard_ms(loads: list[Load]) -> list[float]:
    """How long those who wait had to."""
    return [each.rang_ms for each in loads if each.rang_ms is not None]


class Province:
    """Kiosks whose newest list is at one broker, and an older one at the other; and one at which somebody may wait."""

    def __init__(self, rig: Rig, brokers: list[Subscriber]) -> None:
        self._brokers = brokers
        self.closed: tuple[set[str], set[str]] = set(), set()
        """By the broker that has the list without them."""
        for number in range(_STALE + _CALM):
            kiosk, new, old = Kiosk(number), number % 2, 1 - number % 2
            if number < _STALE:
                alarms = [press(location=kiosk.place) for _ in range(number + 1)]
                self.closed[new].update(each.alarm_id for each in alarms)
                kiosk.voice.record = len(alarms)
                self._say(old, kiosk.voice.state("online", 1), kiosk.voice.open_list(*alarms))
                self._say(old, kiosk.voice.state("lost", 1))
                kiosk.voice.seq += 10
                kiosk.voice.record += len(alarms)
            self._say(new, kiosk.voice.state("online", 2), kiosk.voice.open_list())
        self._waiting = Kiosk(900)
        self._say(0, self._waiting.voice.state("online", 1))

    def wait(self, waits: bool) -> str | None:
        """From now on somebody waits there, or nobody."""
        data = press(alarm_id=new_id(), location=self._waiting.place) if waits else None
        self._say(0, self._waiting.voice.open_list(*([] if data is None else [data])))
        return None if data is None else data.alarm_id

    def _say(self, broker: int, *made: Made) -> None:
        for each in made:
            self._brokers[broker].publish(each.topic, each.payload, retain=each.retain)


def play(rig: Rig, browser: Browser, loads: int) -> Iterator[Load]:
    """Open the page so often. The rig has two brokers."""
    files = rig.authorities.device(FLEET)
    with ExitStack() as stack:
        brokers = [
            stack.enter_context(Subscriber(broker.port, host="localhost", files=files, client_id=FLEET))
            for broker in rig.brokers
        ]
        province = Province(rig, brokers)
        for number in range(loads):
            kind = KINDS[number % len(KINDS)]
            waiting = province.wait(kind != KINDS[0])
            closed = set.union(*province.closed)
            if kind == KINDS[2]:
                rig.brokers[1].freeze()
                closed = province.closed[0]  # what the hanging one would say nobody can know
            try:
                yield _load(rig, browser, kind, waiting, closed)
            finally:
                rig.brokers[1].thaw()


def _load(rig: Rig, browser: Browser, kind: str, waiting: str | None, closed: set[str]) -> Load:
    person = Person(browser, rig.url, OPERATOR, rig.key)
    try:
        person.fill()
        person.read("document.querySelector('.begin button[type=submit]').addEventListener('click', "
                    "() => { noted.clickedMs = Date.now() }, true); location.hash = 'shift'")  # fmt: skip
        person.page.locator(".begin button[type=submit]").click()
        person.await_watching()
        person.show("alarms")
        if waiting is not None:
            wait_for(lambda: waiting in person.rows, what="the call")
        wait_for(lambda: person.read(f"Date.now() - noted.clickedMs > {WATCHED_MS}"), what="the end")
        rung = [at for value, at in person.noted("sound") if value != "off"]
        seen = set(person.read("Object.keys(noted.stood)"))
        clicked = person.read("noted.clickedMs")
        return Load(kind, rung[0] - clicked if rung else None, seen & closed)
    finally:
        person.page.context.close()


def main() -> int:
    """Open the page, and print each load that is not as it must be."""
    loads = int(sys.argv[1]) if len(sys.argv) > 1 else LOADS
    with tempfile.TemporaryDirectory(prefix="control-room-") as made, ExitStack() as stack:
        directory = Path(made)
        authorities = BrokerAuthorities.create(directory / "authorities")
        rig = stack.enter_context(Rig(directory / "rig", authorities, _PAGE, hosts=2))
        browser = stack.enter_context(Browser(directory / "home", authorities.server.ca))
        found = list(play(rig, browser, loads))
    wrong, heard = [each for each in found if not each.is_right], heard_ms(found)
    print(*wrong, sep="\n")
    late = sum(each > WITHIN_MS for each in heard)
    print(f"{len(found)} loads, {len(wrong)} wrong; heard after {min(heard):.0f} to {max(heard):.0f} ms", end=", ")
    print(f"{median(heard):.0f} in the median, {late} of {len(heard)} after more than {WITHIN_MS}")
    return int(bool(wrong) or median(heard) > WITHIN_MS)


if __name__ == "__main__":
    sys.exit(main())
