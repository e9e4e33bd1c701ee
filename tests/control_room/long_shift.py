"""A shift of hours in fast time: what kiosks say in it, with floods, and what page and worker need for it."""

import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import expect

from agent.contract.messages import AlarmData
from edge_centre.conform.voice import Made, closed, held, press
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
ALL_EVENTS, ALL_PICTURES = 1000, 200
"""What page and worker keep of them; so many come before the shift, so that they are full from its beginning."""
_PICTURE = b"\xff\xd8\xff" + bytes(20_000)

MIB = 1024 * 1024
FLAT_BYTES = 2 * MIB
"""How much more than after the first hour, in which all buffers fill, page or worker may need: from look to look a heap
differs by 1 MiB or so, as the engine compiles, and gives memory back when it likes."""
ALARM_BYTES = {"page": 300, "worker": 400}
"""And for each alarm since: the page counts it among the shift's figures (some 250 bytes), the worker knows that it is
closed (some 350 under Node, whose references take 8 bytes)."""
MESSAGE_BYTES = {"page": 0, "worker": 10}
"""And for each message since: its identifier is a number of 8 bytes, until its device has 2,000."""


@dataclass
class Hour:
    """What was there after so much of the shift."""

    hours: int
    alarms: int
    """Raised so far, and all closed again."""
    messages: int
    """Said so far."""
    bytes: dict[str, int]
    """What the objects of `page` and `worker` need."""

    def __str__(self) -> str:
        heaps = ", ".join(f"{where} {size / MIB:.1f} MiB" for where, size in self.bytes.items())
        return f"after {self.hours} h, {self.messages} messages and {self.alarms} alarms: {heaps}"


@dataclass
class Growth:
    """What page or worker needs more after the last hour than after the first."""

    where: str
    bytes: int
    limit: int


def grown(shift: Sequence[Hour]) -> list[Growth]:
    """How flat they are."""
    first, last = shift[0], shift[-1]
    alarms, messages = last.alarms - first.alarms, last.messages - first.messages
    return [
        Growth(
            where, size - first.bytes[where], FLAT_BYTES + ALARM_BYTES[where] * alarms + MESSAGE_BYTES[where] * messages
        )
        for where, size in last.bytes.items()
    ]


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
        fleet.say(*(fleet.kiosks[0].left(f"before-{number}") for number in range(ALL_EVENTS)))
        fleet.say(*(taken(fleet.kiosks[0], f"before-{number}") for number in range(ALL_PICTURES)))
        for minute in range(1, minutes + 1):
            began = page.evaluate("performance.now()")
            count = FLOOD if minute % 15 == 7 else 2
            pressed = [(kiosk, press(location=kiosk.place)) for kiosk in chance.choices(fleet.kiosks, k=count)]
            seen = chance.choice(fleet.kiosks)
            fleet.say(
                *(kiosk.healthy() for kiosk in fleet.kiosks),
                *(said(kiosk, data, step) for step in range(3) for kiosk, data in pressed),
                *(seen.left(f"event-{minute}-{number}") for number in range(EVENTS)),
                *(taken(seen, f"event-{minute}-{number}") for number in range(PICTURES)),
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
                heaps = zip(("page", "worker"), inspector.heaps(), strict=True)
                yield Hour(minute // 60, raised, messages, dict(heaps))


def said(kiosk: Kiosk, data: AlarmData, step: int) -> Made:
    """An alarm is raised, somebody takes it, it is closed."""
    return kiosk.told((data, held(data, "Sipho"), closed(data))[step])


def taken(kiosk: Kiosk, picture_id: str) -> Made:
    """A picture of a camera."""
    return Made(kiosk.voice.identity.up("snapshot", picture_id), _PICTURE)


def play_worker(program: Path, *, devices: int, hours: int) -> Iterator[Hour]:
    """Play such a shift to the worker alone, under Node and as fast as it takes it (shift_program.ts): of so many
    devices a browser would be told for hours."""
    words = ["node", "--expose-gc", str(program), str(devices), str(hours)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            # What it remembers is only of use if it has understood all of it.
            assert (said["open"], said["online"]) == (0, devices), said
            yield Hour(said["hours"], said["alarms"], said["messages"], {"worker": said["bytes"]})
    assert process.returncode == 0
