"""A shift of hours in fast time: what kiosks say in it, with floods, and what page and worker need for it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import expect

from agent.centre.conform.voice import Made, closed, held, press
from agent.contract.messages import AlarmData
from tests.control_room.fleet import Fleet, Kiosk
from tests.control_room.hands import begin, go
from tests.control_room.measures import Inspector
from tests.control_room.person import VIEWS
from tests.control_room.rig import Browser, Rig, key_fragment

FAST = """
{
  const began = performance.now(), wall = Date.now();
  const { now } = performance, past = () => (now.call(performance) - began) * FACTOR;
  performance.now = () => began + past();
  Date.now = () => wall + past();
  const { setInterval: every } = globalThis;
  globalThis.setInterval = (what, ms, ...rest) => every(what, ms < 1000 ? ms / FACTOR : ms, ...rest);
}
"""
"""Goes before the program of the worker (rig.page_with): its clock and its ticks are so many times as fast. The timers
of the connection are not, as the broker's are not."""
FLOOD, EVENTS, PICTURES = 300, 20, 2
_PICTURE = b"\xff\xd8\xff" + bytes(20_000)


FLAT_BYTES = 2 * 1024 * 1024
"""How much more the last hour may need than the one in which all that is remembered has come to its bounds. What a
shift counts of each of its alarms is in it, some 200 bytes, and what the browser has not yet given back."""


@dataclass
class Hour:
    """What was there after so much of the shift."""

    hours: int
    alarms: int
    """Raised so far, and all closed again."""
    messages: int
    """Said so far."""
    page_bytes: int
    worker_bytes: int


def play(rig: Rig, browser: Browser, *, devices: int, minutes: int, factor: int = 0) -> Iterator[Hour]:
    """Play so many minutes of a shift, and tell after each hour. Each minute every kiosk tells its health, two people
    press and are answered, cameras see people leave; four times an hour 300 people press at once. The clock of the
    page's worker is `factor` times as fast (FAST); with 0 it is right, and what is said in a minute is said at once."""
    chance = random.Random(1)
    raised = messages = 0
    with Fleet(rig, devices) as fleet:
        fleet.say(*(made for kiosk in fleet.kiosks for made in (*kiosk.born(), kiosk.described())))
        page = browser.open(rig.url + key_fragment(rig.key), viewport={"width": 1280, "height": 800})
        begin(page)
        inspector = Inspector(page)
        for minute in range(1, minutes + 1):
            began = page.evaluate("performance.now()")
            count = FLOOD if minute % 15 == 7 else 2
            pressed = [(kiosk, press(location=kiosk.place)) for kiosk in chance.choices(fleet.kiosks, k=count)]
            seen = chance.choice(fleet.kiosks)
            fleet.say(
                *(kiosk.healthy() for kiosk in fleet.kiosks),
                *(said(kiosk, data, step) for step in range(3) for kiosk, data in pressed),
                *(seen.left(f"event-{minute}-{number}") for number in range(EVENTS)),
                *(
                    Made(seen.voice.identity.up("snapshot", f"event-{minute}-{number}"), _PICTURE)
                    for number in range(PICTURES)
                ),
            )
            raised += count
            messages += devices + 3 * count + EVENTS + PICTURES
            if minute % 7 == 0:  # the same before each look at the memory
                go(page, VIEWS[minute % 60 // 7 % len(VIEWS)])
            if factor:
                page.wait_for_function("([began, ms]) => performance.now() - began >= ms", arg=[began, 60_000 / factor])
            if minute % 60 == 0:
                go(page, "alarms")
                expect(page.get_by_role("heading", name="No open alarm")).to_be_visible()
                yield Hour(minute // 60, raised, messages, *inspector.heaps())


def said(kiosk: Kiosk, data: AlarmData, step: int) -> Made:
    """An alarm is raised, somebody takes it, it is closed."""
    return kiosk.told((data, held(data, "Sipho"), closed(data))[step])
