"""What is recorded of an alarm, beside it: what the kiosk says of it, and what a person may ask for."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.control_room.scripted import Opener, begin, go, violations


def card(page: Page) -> Locator:
    return page.get_by_role("region", name="What is recorded")


def test_what_is_recorded_stands_beside_the_alarm_and_an_operator_has_more_recorded_and_says_why(
    opened: Opener,
) -> None:
    page = opened("day")
    begin(page)
    page.keyboard.press("Alt+2")
    front, lane = card(page).get_by_role("listitem").all()
    expect(front).to_contain_text(
        re.compile(r"Camera front: is being recorded\s*Begins\s*\d\d:\d\d:\d\d, 15 s before the press")
    )
    expect(lane).to_contain_text("Camera lane: is not recorded")
    expect(card(page)).to_contain_text("Camera lane is not recorded now: no room on the card: 12 MB are left")
    expect(card(page).get_by_role("button", name="Hold it")).to_have_count(0)  # an operator's key may not
    ask = card(page).get_by_role("button", name="Record more")
    ask.click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Park Station, Rissik Street entrance")).to_be_focused()
    ask.click()
    expect(card(page).get_by_role("radio", name="front")).to_be_focused()
    card(page).get_by_role("button", name="Say why first").click(force=True)
    card(page).get_by_role("radio", name="lane").check()
    assert violations(page) == []
    card(page).get_by_label("Why?").fill("two men went round the corner")
    page.keyboard.press("Enter")
    expect(card(page).get_by_role("status").last).to_contain_text("The kiosk records it.")
    expect(card(page).get_by_role("listitem").last).to_contain_text("Camera lane: is being recorded")


def test_a_supervisor_holds_a_recording_and_releases_it_also_when_the_alarm_is_closed(opened: Opener) -> None:
    page = opened("day")
    begin(page, "supervisor")
    go(page, "alarms")
    page.get_by_text("Closed (12)").click()
    closed = page.locator(".alarm-row.is-closed")
    for nth, words in (
        (10, "is recorded up to a power cut"),
        (9, "the recording is deleted"),
        (8, "was not heard here"),
    ):
        closed.nth(nth).click()
        expect(card(page)).to_contain_text(words)
    closed.nth(11).click()
    for words in (
        "is recorded, on the kiosk's card",
        r"Not whole\s*the card did not",
        r"Length\s*95 s\s*Held\s*CAS 123",
    ):
        expect(card(page)).to_contain_text(re.compile(words))
    for button, words in (("Release it", "case closed"), ("Hold it", "CAS 200/11/2026")):
        card(page).get_by_role("button", name=button).click()
        expect(card(page).get_by_label("Why?")).to_be_focused()
        page.keyboard.type(words)
        page.keyboard.press("Enter")
        expect(card(page)).to_contain_text("Done: the kiosk says so.")
    expect(card(page)).to_contain_text(re.compile(r"Held\s*CAS 200/11/2026"))
    expect(card(page).get_by_role("button", name="Record more")).to_have_count(0)
