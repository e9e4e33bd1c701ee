"""Two operators' pages that never met agree: who has an alarm, who took it over, and that it is closed."""

import os
import time
from collections import Counter
from pathlib import Path

from tests.control_room.person import Person
from tests.control_room.rig import NAMES, OPERATOR, SECOND, Browser, Rig
from tests.support.agent_process import IN_EARNEST
from tests.support.certificates import BrokerAuthorities
from tests.support.wait import wait_for

ROUNDS = int(os.environ.get("STORY_ROUNDS", "10"))
"""`make control-room-story` plays 100."""
LATE = "one was late"
LEAD_MS = 50
"""How long before it happens both pages are told when to click."""
NOBODY = "Nobody has it"
TAKE = "button[aria-keyshortcuts=r]"


def has(person: Person) -> str:
    return f"{person.name} has it"


def at_once(people: tuple[Person, Person], selector: str) -> bool:
    """Both click there, in the same millisecond of the PC's clock; False if the machine was too slow for one of them,
    who found that the other had it already."""
    at_ms = int(time.time() * 1000) + LEAD_MS
    for person in people:
        person.read(
            f"clicked = null; setTimeout(() => {{ const it = document.querySelector({selector!r});"
            f" clicked = it !== null; it?.click(); }}, {at_ms} - Date.now())"
        )
    for person in people:
        person.await_true("clicked !== null")
    return all(person.read("clicked") for person in people)


def both_open(people: tuple[Person, Person], rig: Rig) -> str:
    """Somebody presses, and both open the alarm."""
    rig.agent.press(NAMES[0])
    for person in people:
        wait_for(lambda: len(person.rows) == 1, what=f"the alarm on {person.name}'s page")  # noqa: B023
    [alarm_id] = people[0].rows
    for person in people:
        person.press("Alt+1")
        person.await_true(f"document.querySelector({TAKE!r}) !== null")
    return alarm_id


def play(people: tuple[Person, Person], rig: Rig) -> str:
    """Both take an alarm at once, the second takes it over, the first closes it; returns the name of the first, or that
    one was too late to be the second at the same moment."""
    alarm_id = both_open(people, rig)
    were_at_once = at_once(people, f".actions {TAKE}")
    if not were_at_once:
        next(person for person in people if not person.read("clicked")).press("t")
    for person in people:
        if person.read("clicked"):
            person.await_text(".order", "You have it: the kiosk says so|Somebody else was first")
    [first] = [person for person in people if "You have it" in person.text(".order")]
    [second] = [person for person in people if person is not first]
    for person in people:
        person.await_standing(alarm_id, f"^{has(first)}$")
    if were_at_once:
        second.await_text(".order", rf"Somebody else was first\. {has(first)}\.")
        second.press("t")
    second.await_text(".actions form", rf"^{has(first)} since [0-9:]{{5}}. Take it over\?")

    second.press("Tab", "Enter")
    for person in people:
        person.await_standing(alarm_id, f"^{has(second)}$")
    first.await_text(".detail dl", second.name)

    first.press("c", "Space", "Enter")
    for person in people:
        person.await_rows()
    for person in people:
        stood = [value for value, _ in person.noted(f"stood['{alarm_id}']")]
        assert [each for each in stood if "has it" in each] == [NOBODY, has(first), has(second)], person.name
    return first.name if were_at_once else LATE


def play_rounds(people: tuple[Person, Person], rig: Rig, rounds: int) -> None:
    """Play until both were at once so many times."""
    firsts = Counter[str]()
    for _ in range(3 * rounds):
        firsts[play(people, rig)] += 1
        if firsts.total() - firsts[LATE] == rounds:
            break
    else:
        raise AssertionError(f"seldom at once: {dict(firsts)}")
    print(f"first: {dict(firsts)}")


def test_two_who_take_an_alarm_at_the_same_moment_see_one_holder_and_a_take_over_is_told_to_both(
    earnest: Rig, browser: Browser
) -> None:
    people = (
        Person(browser, earnest.url, OPERATOR, earnest.key),
        Person(browser, earnest.url, SECOND, earnest.further_key("operator", SECOND)),
    )
    for person in people:
        person.begin()
    play_rounds(people, earnest, ROUNDS)


def test_two_with_one_key_are_two_people(earnest: Rig, browser: Browser) -> None:
    people = (
        Person(browser, earnest.url, OPERATOR, earnest.key),
        Person(browser, earnest.url, SECOND, earnest.key),
    )
    for person in people:
        person.begin()
    play_rounds(people, earnest, max(3, ROUNDS // 10))


def test_what_nobody_takes_grows_louder_on_every_page_and_is_then_the_supervisors(
    tmp_path: Path, authorities: BrokerAuthorities, built_page: Path, browser: Browser
) -> None:
    directory = tmp_path / "rig"
    with Rig(directory, authorities, built_page, program=IN_EARNEST, ring_after_s=1, supervisor_after_s=2) as rig:
        operator = Person(browser, rig.url, OPERATOR, rig.key)
        supervisor = Person(browser, rig.url, SECOND, rig.further_key("supervisor", SECOND))
        people = (operator, supervisor)
        for person in people:
            person.begin()
            person.show("devices")
        edge_ns = rig.agent.press()
        pressed_ms = (time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME) + edge_ns) / 1e6
        supervisor.await_text(".untaken-banner", "For the supervisor")
        supervisor.press("Alt+1", "r")
        for person in people:
            person.await_true("document.documentElement.dataset.sound === 'off'")
    louder_s, supervised_s = [], 0.0
    for person, wanted in (
        (operator, ["off", "new", "louder", "off"]),
        (supervisor, ["off", "new", "louder", "supervisor", "off"]),
    ):
        noted = person.noted("sound")
        assert [sound for sound, _ in noted] == wanted, person.name
        since_s = {sound: (at_ms - pressed_ms) / 1000 for sound, at_ms in noted[1:]}
        louder_s.append(since_s["louder"])
        supervised_s = since_s.get("supervisor", supervised_s)
    assert min(louder_s) >= 1
    assert max(louder_s) < supervised_s, "on every page, before the supervisor is told on theirs"
    assert supervised_s >= 2


def test_an_operator_at_two_pcs_a_wall_display_and_a_second_tab_hears_every_press_on_all_of_them(
    earnest: Rig, browser: Browser
) -> None:
    """One login, whose name the broker takes for the client id. Whoever makes room is told, and is back at once."""
    desk = Person(browser, earnest.url, OPERATOR, earnest.key)
    desk.begin()
    tab = Person(browser, earnest.url, OPERATOR, None, beside=desk)
    wall, other_desk = (Person(browser, earnest.url, OPERATOR, None) for _ in range(2))
    people = (desk, tab, wall, other_desk)
    for person in people[1:]:
        person.look_on()
        person.show("alarms")
    wait_for(lambda: "as thandi-4 (" in earnest.brokers[0].log(), what="the last one that made room")
    for person in people:
        person.await_live()
    desk.await_text(".notices", "Another page logged in with your login at [0-9:]+. If that was not you")

    earnest.agent.press(NAMES[0])

    for person in people:
        wait_for(lambda: len(person.rows) == 1, what="the alarm on each page")  # noqa: B023
        assert person.text(".chip.link-down") == ""
