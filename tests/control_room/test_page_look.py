"""Looking through a camera, as a person sees it on the page."""

import re

from playwright.sync_api import Locator, expect

from tests.control_room.scripted import Opener, begin, go, look_on, violations


def asked(opened: Opener) -> Locator:
    """The form of an alarm's kiosk; it has the focus."""
    page = opened("day")
    begin(page)
    page.keyboard.press("Alt+2")
    card = page.get_by_role("region", name="Now", exact=True)
    card.get_by_role("button", name="Look now").click()
    expect(card.get_by_role("combobox")).to_be_visible()
    return card


def test_a_person_says_why_sees_who_else_looks_and_is_told_when_the_picture_is_old(opened: Opener) -> None:
    card = asked(opened)
    page = card.page
    card.get_by_role("button", name="Say why first").click(force=True)
    card.get_by_label("Why?").fill("is anybody hurt?")
    card.get_by_role("button", name="Look", exact=True).click()
    expect(card.get_by_role("img")).to_be_visible()
    expect(card).to_contain_text("Also looking: Sipho")
    expect(card).to_contain_text("You are on the kiosk's record as looking: is anybody hurt?")
    assert page.title() != "owned"
    assert violations(page) == []
    expect(card).to_contain_text(re.compile(r"No new picture for \d+ s: this is not now"), timeout=10_000)

    card.get_by_role("button", name="Stop looking").click()
    expect(card.get_by_role("img")).to_have_count(0)
    expect(card.get_by_role("button", name="Look", exact=True)).to_be_visible()


def test_a_camera_that_gives_no_pictures_is_said_to_give_none(opened: Opener) -> None:
    card = asked(opened)
    card.get_by_role("combobox").select_option("lane")
    card.get_by_label("Why?").fill("who is there?")
    card.page.keyboard.press("Enter")
    expect(card).to_contain_text("You look no longer. This camera gives no pictures now.")


def test_whoever_has_not_begun_a_shift_has_no_button_for_it(opened: Opener) -> None:
    page = opened("day")
    look_on(page)
    go(page, "alarms")
    page.locator(".alarm-row", has_text="Rissik Street").first.click()
    expect(page.get_by_role("region", name="What is recorded")).to_be_visible()
    expect(page.get_by_role("button", name="Look now")).to_have_count(0)
