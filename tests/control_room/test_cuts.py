"""Whatever is cut, and for how long: afterwards no open alarm is missing, two pages agree, and nothing was said that
was not so."""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.control_room.person import Person
from tests.control_room.rig import BUTTONS, IN_EARNEST, NAMES, OPERATOR, SECOND, Browser, Rig
from tests.support.agent_process import TREE
from tests.support.certificates import BrokerAuthorities
from tests.support.drafts import alarm_data
from tests.support.made_up import envelope, open_list
from tests.support.mosquitto import CENTRE
from tests.support.subscriber import Heard, Subscriber
from tests.support.two_paths import QUICK
from tests.support.wait import wait_for

CUTS = int(os.environ.get("STORY_CUTS", "10"))
"""`make control-room-story` makes 100."""
HIDDEN_ECHOES = int(os.environ.get("STORY_HIDDEN_ECHOES", "3"))
"""An echo goes out every two seconds; `make control-room-story` waits for 45."""
FLOOD = 1500
MOST_OPEN = 6
DEAF_S, GRACE_S = 5.0, 2.0
ECHO_S = 2.0
FLOODING = "edge/v1/gp/park-station/kiosk-1"


class Listener:
    """Hears at one broker what it is told of centres, over all its restarts."""

    def __init__(self, rig: Rig, number: int, stack: ExitStack) -> None:
        self._broker = rig.brokers[number]
        self._files = rig.authorities.device("gp/jhb-park-station/listener")
        self._stack = stack
        self._runs: list[Subscriber] = []
        self.listen()

    def listen(self) -> None:
        """Connect, also after the broker was started again."""
        filters = ["edge/v1/host/+/state", "edge/v1/host/+/echo"]
        subscriber = Subscriber(self._broker.port, filters, host="localhost", files=self._files)
        self._runs.append(self._stack.enter_context(subscriber))

    @property
    def newest(self) -> Subscriber:
        return self._runs[-1]

    def unproven(self) -> list[Heard]:
        """Each `online: true` that a page said here without an echo of its own in the last five seconds."""
        found = []
        for run in self._runs:
            echoes: dict[str, int] = {}
            for heard in run.heard:
                seat, kind = heard.topic.split("/")[-2:]
                if kind == "echo":
                    echoes[seat] = heard.arrived_ns
                elif not heard.retain and json.loads(heard.payload)["online"]:
                    age_s = (heard.arrived_ns - echoes.get(seat, 0)) / 1e9
                    if age_s > DEAF_S:
                        found.append(heard)
        return found


class Room:
    """Two operators at pages of two hosts, a kiosk with both brokers, and who listens."""

    def __init__(self, rig: Rig, browser: Browser, stack: ExitStack) -> None:
        self.rig, self.browser = rig, browser
        self.listeners = [Listener(rig, number, stack) for number in range(2)]
        self.thandi = Person(browser, rig.sites[0].url, OPERATOR, rig.key)
        self.sipho = Person(browser, rig.sites[1].url, SECOND, rig.further_key("operator", SECOND))
        self.people = (self.thandi, self.sipho)
        for person in self.people:
            person.begin()
        self.open: dict[str, str] = {}
        """The button of every alarm that is open."""

    def press(self) -> str:
        """Somebody presses a button that nobody has pressed; returns its name."""
        name = next(name for name in NAMES if name not in self.open.values())
        self.rig.agent.press(name)
        return name

    def kiosk_has(self) -> dict[str, str]:
        """What the kiosk's own newest list says is open: by alarm, its button."""
        lists: list[dict[str, Any]] = [{"seq": 0, "data": {"open": []}}]
        for broker in self.rig.brokers:
            files = self.rig.authorities.centre(CENTRE)
            with Subscriber(broker.centre_port, [f"{TREE}/up/alarms"], host="localhost", files=files) as subscriber:
                subscriber.sync()
                lists += [json.loads(heard.payload) for heard in subscriber.heard]
        newest = max(lists, key=lambda each: int(each["seq"]))
        return {alarm["alarm_id"]: alarm["input"] for alarm in newest["data"]["open"]}

    def agree(self, *pressed: str) -> None:
        """Wait until the kiosk and both pages have the same alarms, these new ones among them, held by the same."""
        wanted = {*self.open.values(), *pressed}
        wait_for(lambda: set(self.kiosk_has().values()) == wanted, what=f"alarms of {wanted} in the kiosk's list")
        self.open = self.kiosk_has()
        for person in self.people:
            person.await_live()
            person.await_watching()
            wait_for(lambda: person.rows.keys() == self.open.keys(), what=f"{self.open} at {person.name}")  # noqa: B023
        wait_for(lambda: self.thandi.rows == self.sipho.rows, what="two pages that say the same of each alarm")

    def close_one(self) -> None:
        """Close the oldest where many are open, through the page."""
        if len(self.open) < MOST_OPEN:
            return
        alarm_id = next(iter(self.open))
        closer = random.choice(self.people)
        closer.open(alarm_id)
        closer.press("c", "Enter")
        del self.open[alarm_id]
        for person in self.people:
            person.await_rows(*self.open)

    def restart(self, *numbers: int) -> None:
        for number in numbers:
            self.rig.brokers[number].start()
            self.listeners[number].listen()

    # --- cuts of everything; each person's page must be grey in between

    @contextmanager
    def brokers_killed(self) -> Iterator[None]:
        for broker in self.rig.brokers:
            broker.kill()
        yield
        self.restart(0, 1)

    @contextmanager
    def brokers_frozen(self) -> Iterator[None]:
        for broker in self.rig.brokers:
            broker.freeze()
        try:
            yield
        finally:
            for broker in self.rig.brokers:
                broker.thaw()

    @contextmanager
    def network_swallows(self) -> Iterator[None]:
        """Connections stand and nothing comes through; kiosk and brokers notice nothing."""
        for site in self.rig.sites:
            site.freeze()
        try:
            yield
        finally:
            for site in self.rig.sites:
                site.thaw()


def outage(room: Room, cut: Callable[[], AbstractContextManager[None]]) -> None:
    """Nothing comes from any broker: both pages are grey and say since when, until something comes again. What a person
    asks for meanwhile is asked until the kiosk has said something."""
    room.thandi.show("alarms")
    asked = next((alarm_id for alarm_id, stood in room.thandi.rows.items() if stood == "Nobody has it"), None)
    if asked is not None:
        room.thandi.open(asked)
    begun_ms = time.time() * 1000
    # The last echo before that came at most two seconds earlier, and what is told has whole seconds.
    since = [time.strftime("Not live since %H:%M:%S", time.localtime(begun_ms / 1000 - ago)) for ago in range(-1, 4)]
    noted = [len(person.noted("grey")) for person in room.people]
    with cut():
        for person in room.people:
            person.await_grey(DEAF_S + GRACE_S)
            person.await_text(".grey-banner", "|".join(since))
            assert "watches" not in person.text(".watch")
        if asked is not None:
            room.thandi.press("r")
            room.thandi.await_text(".order", "Asking the kiosk")
        pressed = room.press()
        over_ms = time.time() * 1000
    room.agree(pressed)
    for person, before in zip(room.people, noted, strict=True):
        (was_grey, since_ms), *rest = person.noted("grey")[before:]
        assert was_grey, person.name
        assert since_ms >= begun_ms - 1, "grey without cause"
        assert rest, "grey until now"
        assert rest[0][1] >= over_ms - 1, "live without right"
    if asked is not None:
        room.thandi.await_text(".order", "You have it")
        room.sipho.await_standing(asked, "^Thandi has it$")


def brokers_killed(room: Room) -> None:
    outage(room, room.brokers_killed)


def brokers_frozen(room: Room) -> None:
    outage(room, room.brokers_frozen)


def network_swallows(room: Room) -> None:
    outage(room, room.network_swallows)


@contextmanager
def never_grey(*people: Person) -> Iterator[None]:
    noted = [len(person.noted("grey")) for person in people]
    yield
    for person, before in zip(people, noted, strict=True):
        assert not any(was_grey for was_grey, _ in person.noted("grey")[before:]), (
            f"{person.name}'s page: grey without cause"
        )


def second_broker_gone(room: Room) -> None:
    with never_grey(*room.people):
        room.rig.brokers[1].kill()
        for person in room.people:
            person.await_text(".notices", "Broker b is down since")
        pressed = room.press()
        for person in room.people:
            wait_for(lambda: len(person.rows) == len(room.open) + 1, what="an alarm by the other broker")  # noqa: B023
            person.await_watching()
        room.restart(1)
        for person in room.people:
            person.await_true("document.querySelectorAll('.link-open').length === 2", "both brokers answer")
        room.agree(pressed)


def page_reloaded(room: Room) -> None:
    person, other = random.sample(room.people, 2)
    with never_grey(other):
        pressed = room.press()
        person.reload()
        room.agree(pressed)


def laptop_asleep(room: Room) -> None:
    """Everything of the browser stands still; when it wakes, its connections are gone and the network is not there."""
    processes = room.browser.processes()
    for process in processes:
        process.suspend()
    for site in room.rig.sites:
        site.stop()
    pressed = room.press()
    for process in processes:
        process.resume()
    for person in room.people:
        person.await_grey(GRACE_S)
    for site in room.rig.sites:
        site.start()
    room.agree(pressed)


def tab_frozen(room: Room) -> None:
    """What a browser does with a tab that it takes for forgotten."""
    person, other = random.sample(room.people, 2)
    with never_grey(other):
        person.cdp.send("Page.setWebLifecycleState", {"state": "frozen"})
        pressed = room.press()
        wait_for(lambda: len(other.rows) == len(room.open) + 1, what="the alarm on the other page")
        person.cdp.send("Page.setWebLifecycleState", {"state": "active"})
        room.agree(pressed)


def flood(room: Room) -> None:
    """Another kiosk says a thousand things a second, a hundred alarms among them that it takes back."""
    files = room.rig.authorities.device("gp/park-station/kiosk-1")
    epoch = f"e{time.time_ns()}"

    def shout(number: int) -> None:
        with Subscriber(room.rig.brokers[number].port, host="localhost", files=files, client_id="flooding") as kiosk:
            for seq in range(FLOOD):
                alarm = alarm_data(f"a{seq % 100}", **({} if seq < FLOOD - 100 else {"stage": "closed"}))
                kind = "alarm.closed.v1" if alarm.stage == "closed" else "alarm.updated.v1"
                data = alarm.model_dump(mode="json", exclude_none=True)
                kiosk.publish(f"{FLOODING}/up/alarm/police", envelope(kind, data, seq + 1, epoch=epoch), qos=0)
            kiosk.publish(
                f"{FLOODING}/up/alarms", envelope("alarms.v1", open_list(), FLOOD + 1, epoch=epoch), retain=True
            )

    with never_grey(*room.people):
        threads = [threading.Thread(target=shout, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        pressed = room.press()
        for thread in threads:
            thread.join()
        room.agree(pressed)


KINDS = (
    brokers_killed,
    page_reloaded,
    brokers_frozen,
    second_broker_gone,
    flood,
    laptop_asleep,
    tab_frozen,
    network_swallows,
    page_reloaded,
    second_broker_gone,
)


@pytest.fixture
def hosts(tmp_path: Path, authorities: BrokerAuthorities, built_page: Path) -> Iterator[Rig]:
    kiosk = {"buttons": BUTTONS}
    with Rig(
        tmp_path / "rig", authorities, built_page, hosts=2, program=IN_EARNEST, times=QUICK, kiosk=kiosk
    ) as running:
        yield running


def test_after_any_cut_no_alarm_is_missing_pages_agree_and_nothing_untrue_was_said(
    hosts: Rig, browser: Browser
) -> None:
    with ExitStack() as stack:
        room = Room(hosts, browser, stack)
        room.agree(room.press())
        for number in range(CUTS):
            kind = KINDS[number % len(KINDS)]
            begun_s = time.monotonic()
            kind(room)
            room.close_one()
            print(f"cut {number}: {kind.__name__}, {time.monotonic() - begun_s:.1f} s, {len(room.open)} open")
        for number, listener in enumerate(room.listeners):
            assert listener.unproven() == [], f"broker {number} was told that a page watches that heard no echo"
    browser.forgive("WebSocket connection to 'wss://localhost:[0-9]+/mqtt' failed|ERR_|WebSocket")


def test_a_hidden_tab_keeps_its_connection_and_its_echo_and_is_heard(
    earnest: Rig, tmp_path: Path, authorities: BrokerAuthorities
) -> None:
    with Browser(tmp_path / "home", authorities.server.ca, throttles=True) as browser, ExitStack() as stack:
        thandi = Person(browser, earnest.url, OPERATOR, earnest.key)
        thandi.begin()
        noted = len(thandi.noted("grey"))
        other = thandi.page.context.new_page()
        other.bring_to_front()
        thandi.await_true("document.visibilityState === 'hidden'")
        # The page's own timers are slowed, or this would prove nothing: ten in a second become one.
        thandi.read(
            "window.gaps = []; window.last = performance.now();"
            " setInterval(() => { gaps.push(performance.now() - last); last = performance.now(); }, 100)"
        )
        thandi.await_true("gaps.filter(gap => gap > 900).length >= 2", "timers that are slowed")

        echo = f"edge/v1/host/{OPERATOR}/echo"
        listener = Listener(earnest, 0, stack)
        heard = listener.newest.wait_for_count(
            HIDDEN_ECHOES, lambda each: each.topic == echo, timeout_s=ECHO_S * HIDDEN_ECHOES + GRACE_S
        )
        gaps_s = [(two.arrived_ns - one.arrived_ns) / 1e9 for one, two in pairwise(heard)]
        assert max(gaps_s) < DEAF_S - ECHO_S
        earnest.agent.press(NAMES[0])
        thandi.await_true("document.documentElement.dataset.sound === 'new'", "heard in a hidden tab", GRACE_S)
        assert thandi.noted("grey")[noted:] == []
        assert thandi.read("document.visibilityState") == "hidden"
        assert browser.complaints == []
