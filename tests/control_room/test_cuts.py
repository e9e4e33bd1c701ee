"""Whatever is cut, and for how long: afterwards no open alarm is missing, two pages agree, and nothing was said that
was not so."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.control_room.person import Person
from tests.control_room.rig import BUTTONS, NAMES, OPERATOR, Browser, Rig
from tests.control_room.two_operators import DEAF_S, GRACE_S, Listener, Room
from tests.support.agent_process import IN_EARNEST
from tests.support.certificates import BrokerAuthorities
from tests.support.drafts import alarm_data
from tests.support.made_up import envelope, open_list
from tests.support.subscriber import Subscriber
from tests.support.two_paths import PATIENT, QUICK
from tests.support.wait import wait_for

CUTS = int(os.environ.get("STORY_CUTS", "8"))
"""`make control-room-story` makes 100."""
HIDDEN_ECHOES = int(os.environ.get("STORY_HIDDEN_ECHOES", "3"))
"""An echo goes out every two seconds; `make control-room-story` waits for 45."""
FLOOD = 600
ECHO_S = 2.0
FLOODING = "edge/v1/gp/park-station/kiosk-1"


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
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def shout(number: int) -> None:
        with Subscriber(room.rig.brokers[number].port, host="localhost", files=files, client_id="flooding") as kiosk:
            for seq in range(FLOOD):
                alarm = alarm_data(f"a{seq % 100}", **({} if seq < FLOOD - 100 else {"stage": "closed"}))
                kind = "alarm.closed.v1" if alarm.stage == "closed" else "alarm.updated.v1"
                data = alarm.model_dump(mode="json", exclude_none=True)
                kiosk.publish(
                    f"{FLOODING}/up/alarm/police", envelope(kind, data, seq + 1, epoch=epoch, time=now), qos=0
                )
            kiosk.publish(
                f"{FLOODING}/up/alarms",
                envelope("alarms.v1", open_list(), FLOOD + 1, epoch=epoch, time=now),
                retain=True,
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
)


@pytest.fixture
def hosts(tmp_path: Path, authorities: BrokerAuthorities, built_page: Path) -> Iterator[Rig]:
    kiosk = {"buttons": BUTTONS}
    with Rig(
        tmp_path / "rig", authorities, built_page, hosts=2, program=IN_EARNEST, times=QUICK, kiosk=kiosk
    ) as running:
        yield running


@pytest.mark.long
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


def test_an_alarm_that_one_broker_kept_open_and_that_was_closed_at_the_other_is_not_called_lost_after_a_reload(
    tmp_path: Path, authorities: BrokerAuthorities, built_page: Path, browser: Browser
) -> None:
    with Rig(
        tmp_path / "rig",
        authorities,
        built_page,
        hosts=2,
        program=IN_EARNEST,
        times=PATIENT,
        kiosk={"buttons": BUTTONS},
    ) as rig:
        thandi = Person(browser, rig.url, OPERATOR, rig.key)
        thandi.begin()
        rig.agent.press(NAMES[0])
        wait_for(lambda: thandi.rows, what="the alarm")
        [alarm_id] = thandi.rows
        rig.brokers[0].stop()
        thandi.open(alarm_id)
        thandi.close("False alarm", "")
        thandi.await_rows()

        rig.brokers[0].start()
        rig.sites[1].freeze()  # so that the page hears the old list first
        thandi.reload()
        thandi.await_standing(alarm_id, "^Nobody has it$")
        rig.sites[1].thaw()
        thandi.await_rows()
        stood = {value for value, _ in thandi.noted(f"stood['{alarm_id}']")}
        assert stood <= {"Nobody has it", "Probably closed: ask your colleagues. Nobody has it"}
    browser.forgive("WebSocket")


def test_a_hidden_tab_keeps_its_connection_and_its_echo_and_is_heard(
    earnest: Rig, tmp_path: Path, authorities: BrokerAuthorities, driver: Playwright
) -> None:
    home = tmp_path / "home"
    with Browser(home, authorities.server.ca, throttles=True, driver=driver) as browser, ExitStack() as stack:
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
