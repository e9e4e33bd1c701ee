"""The page with 5,000 devices and 1,000 open alarms: scrolling beside a bare list of the same rows, how soon an answer
is shown, and how long the page is busy with one thing in a flood."""

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from playwright.sync_api import Page, expect

from tests.control_room.fleet import Fleet, Kiosk
from tests.control_room.flooder import NUMBER
from tests.control_room.hands import PATIENCE_MS, await_text, begin, go
from tests.control_room.measures import Inspector, bare_list, longest_task_ms, scrolled
from tests.control_room.rig import Browser, Rig, key_fragment
from tests.support.wait import PATIENCE_S

DEVICES, ALARMS = 5000, 1000
SCROLL_RATIO, ACK_MS, TASK_MS, NODES_MOST = 1.2, 100, 100, 2000
STEPS = 50
_SETTLE_MS = 3000
NODES = "document.querySelectorAll('*').length"
WATCH = """
() => {
  window.shown = [];
  let last = null;
  new MutationObserver(() => {
    const said = document.querySelector(".order .said");
    if (said !== null && said !== last) window.shown.push(performance.timeOrigin + performance.now());
    last = said;
  }).observe(document.querySelector(".detail-pane"), { subtree: true, childList: true });
}
"""


@dataclass
class Crowd:
    """What it was like with so many."""

    scroll_ms: list[tuple[float, float]] = field(default_factory=list)
    """Main thread for a step through the devices: the page, the bare list."""
    frame_ms: list[tuple[float, float]] = field(default_factory=list)
    """From frame to frame: the page, the bare list."""
    traffic_ms: list[float] = field(default_factory=list)
    """From frame to frame of the events, while a hundred a second come."""
    nodes: int = 0
    """The most elements that the page had."""
    ack_ms: list[float] = field(default_factory=list)
    """From the moment at which the kiosk's result goes to the broker until the page says so."""
    load_task_ms: tuple[float, float] = (0, 0)
    """The longest task of the main thread while all of them come in: on a processor, by a wall clock."""
    flood_task_ms: tuple[float, float] = (0, 0)
    """The same in a flood."""
    heap_bytes: tuple[int, int] = (0, 0)
    """What the objects of the page and of its worker need in the end, with twice as many alarms."""

    @property
    def scroll_ratio(self) -> float:
        """Main thread for a step of scrolling: the page over the bare list, median of the rounds."""
        return median(ours / bare for ours, bare in self.scroll_ms)

    @property
    def frame_ratio(self) -> float:
        """The same from frame to frame."""
        return median(ours / bare for ours, bare in self.frame_ms)

    @property
    def traffic_ratio(self) -> float:
        """The same of the events in traffic, over the bare list of devices."""
        return median(self.traffic_ms) / median(bare for _, bare in self.frame_ms)


def crowd(rig: Rig, browser: Browser, *, rounds: int, acks: int) -> Crowd:
    """Have 5,000 devices and 1,000 open alarms on a page, and look on."""
    found = Crowd()
    with Fleet(rig, DEVICES) as fleet:
        fleet.say(*(made for kiosk in fleet.kiosks for made in (*kiosk.born(), kiosk.described())))
        fleet.raise_alarms(ALARMS)
        fleet.say(*(kiosk.voice.open_list(*kiosk.open.values()) for kiosk in fleet.kiosks[:ALARMS]))
        page = browser.open(rig.url + key_fragment(rig.key), viewport={"width": 1440, "height": 900})
        with browser.traced(page) as trace:
            begin(page)
            go(page, "alarms")
            await_text(page, "h1", f"{ALARMS} open alarms")
            go(page, "devices")
            await_text(page, "h1", f"{DEVICES + 1} devices")
            page.wait_for_timeout(_SETTLE_MS)
        found.load_task_ms = longest_task_ms(trace())
        inspector, bare = Inspector(page), bare_list(page, DEVICES)
        bare_inspector = Inspector(bare)
        for _ in range(rounds):
            ours, its = scrolled(page, inspector, STEPS), scrolled(bare, bare_inspector, STEPS)
            found.scroll_ms.append((ours[0], its[0]))
            found.frame_ms.append((ours[1], its[1]))
        found.nodes = page.evaluate(NODES)
        go(page, "events")
        page.locator(".tabs").get_by_role("button", name="People").click()
        for _ in range(rounds):
            fleet.say(*(kiosk.left(f"{kiosk.voice.seq}") for kiosk in fleet.kiosks[:1000]))
            expect(page.locator(".tabs").get_by_role("button", name="People")).to_contain_text("1000+")
            with traffic(fleet):
                page.mouse.move(300, 700)
                found.traffic_ms.append(scrolled(page, inspector, STEPS)[1])
        found.nodes = max(found.nodes, page.evaluate(NODES))
        bare.close()
        go(page, "alarms")
        expect(page.get_by_role("heading", name=f"{ALARMS} open alarms")).to_be_visible()
        found.nodes = max(found.nodes, page.evaluate(NODES))
        found.ack_ms = answers_ms(page, fleet, acks)
        found.flood_task_ms = flood(page, browser, fleet)
        found.heap_bytes = inspector.heaps()
        page.close()
    return found


@contextmanager
def traffic(fleet: Fleet) -> Iterator[None]:
    """A hundred events a second, one of each device."""
    ends = threading.Event()

    def tell() -> None:
        for kiosk in itertools.cycle(fleet.kiosks):
            if ends.wait(0.01):
                return
            fleet.say(kiosk.left(f"{kiosk.voice.seq}"))

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        yield
    finally:
        ends.set()
        teller.join()


def answers_ms(page: Page, fleet: Fleet, count: int) -> list[float]:
    """Take so many alarms; how long each result was under way to the eye."""
    page.keyboard.press("Alt+1")
    expect(page.get_by_role("button", name="Take it")).to_be_visible()
    page.evaluate(WATCH)
    for number in range(count):
        page.keyboard.press("Alt+1")
        page.keyboard.press("r")
        page.wait_for_function("count => window.shown.length > count", arg=number, timeout=PATIENCE_MS)
    published = [fleet.published_ms[order["cmd_id"]] for order in fleet.orders]
    assert len(published) == count
    return [shown - sent for shown, sent in zip(page.evaluate("window.shown"), published, strict=True)]


@dataclass
class Drowned:
    """How it went for somebody who pressed at one kiosk while another one flooded."""

    on_top_ms: list[float] = field(default_factory=list)
    """From the moment at which the press goes to the broker until its row is the first."""
    taken_ms: list[float] = field(default_factory=list)
    """From the letter `r` until the page says what the kiosk has said."""
    rows: int = 0


ON_TOP = """
() => {
  window.onTop = {};
  new MutationObserver(() => {
    const id = document.querySelector(".alarm-row:not(.is-closed)")?.dataset.id;
    if (id !== undefined) window.onTop[id] ??= performance.timeOrigin + performance.now();
  }).observe(document.querySelector(".list-pane"), { subtree: true, childList: true, attributes: true });
}
"""


def drown(page: Page, rig: Rig, fleet: Fleet, count: int, presses: int) -> Drowned:
    """A kiosk of its own connection raises so many alarms; meanwhile somebody presses at others, and is answered."""
    found = Drowned()
    page.evaluate(ON_TOP)
    files = rig.authorities.device(Kiosk(NUMBER).name)
    words = (str(rig.brokers[0].port), files.ca, files.cert, files.key, str(count))
    program = (sys.executable, "-m", "tests.control_room.flooder", *words)
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as flooder:
        assert flooder.stdout is not None
        assert flooder.stdout.readline() == "flooded\n"
        for kiosk in fleet.kiosks[:presses]:
            made = kiosk.pressed()
            [alarm_id] = kiosk.open
            pressed_ms = time.time() * 1000
            fleet.say(made)
            page.wait_for_function("id => id in window.onTop", arg=alarm_id, timeout=PATIENCE_MS)
            found.on_top_ms.append(page.evaluate("id => window.onTop[id]", alarm_id) - pressed_ms)
            page.keyboard.press("Alt+1")
            expect(page.locator(".alarm-head h2")).to_have_text(kiosk.where)
            asked_ms = time.time() * 1000
            page.keyboard.press("r")
            expect(page.get_by_text("You have it: the kiosk says so.")).to_be_visible()
            found.taken_ms.append(time.time() * 1000 - asked_ms)
        flooder.communicate(timeout=PATIENCE_S)
    found.rows = page.locator(".rows .row").count()
    return found


def flood(page: Page, browser: Browser, fleet: Fleet) -> tuple[float, float]:
    """Every device tells its health and a thousand more alarms are raised at once, while the list is on the screen."""
    with browser.traced(page) as trace:
        fleet.say(*(kiosk.healthy() for kiosk in fleet.kiosks))
        fleet.raise_alarms(ALARMS)
        await_text(page, "h1", f"{2 * ALARMS} open alarms")
    return longest_task_ms(trace())
