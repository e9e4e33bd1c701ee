"""An answered alarm that is about to raise itself again, and one that has."""

import re

from playwright.sync_api import Page, expect

from tests.control_room.scripted import Opener, begin, go, happen


def send_car_7(page: Page) -> None:
    begin(page)
    happen(page, "press")
    expect(page.get_by_text("1 alarm that nobody has", exact=True)).to_be_visible()
    page.keyboard.press("Alt+1")
    page.keyboard.press("d")
    page.get_by_role("radio", name="car 7").check()
    page.keyboard.press("Enter")
    expect(page.locator(".alarm-head .standing")).to_have_text("car 7 sent · Naledi has it")


def test_the_countdown_of_my_alarm_is_in_row_and_detail_and_one_key_puts_it_off(opened: Opener) -> None:
    page = opened("empty")
    send_car_7(page)
    expect(page.locator(".alarm-row")).to_contain_text(re.compile(r"rings again in 1[45] min"))
    expect(page.locator(".again")).to_contain_text(
        re.compile(r"in 1[45] min, and the resident's green goes off, unless somebody says that it goes on\.")
    )
    expect(page.locator(".is-soon")).to_have_count(0)
    happen(page, "due")
    expect(page.locator(".alarm-row .is-soon")).to_contain_text(re.compile(r"Rings again in 0:4\d: o if it goes on"))
    expect(page.locator(".again.is-soon")).to_be_visible()
    page.keyboard.press("o")
    expect(page.get_by_text("The kiosk knows that it goes on.")).to_be_visible()
    expect(page.locator(".actions")).to_contain_text("Call car 7 by radio, if nobody has yet")
    expect(page.locator(".is-soon")).to_have_count(0)
    expect(page.locator(".alarm-head .standing")).to_have_text("car 7 sent · Naledi has it")


def test_the_countdown_of_somebody_elses_alarm_is_in_its_detail_alone(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    go(page, "alarms")
    expect(page.locator(".alarm-row").first).to_be_visible()
    expect(page.locator(".alarm-row").get_by_text("rings again")).to_have_count(0)
    page.locator(".alarm-row").nth(3).click()
    expect(page.locator(".again")).to_contain_text("Rings again in")


def test_an_alarm_that_rings_again_asks_for_the_unit_that_was_sent_and_no_second_one_is_needed(opened: Opener) -> None:
    page = opened("empty")
    send_car_7(page)
    expect(page.get_by_text("Call car 7 by radio")).to_be_visible()
    happen(page, "again")
    expect(page.locator(".alarm-head .standing")).to_have_text("Nobody has it: is car 7 there?")
    for where in (".alarm-row", ".again"):
        expect(page.locator(where)).to_contain_text(re.compile(r"car 7 was sent \d\d:\d\d by Naledi: is it there\?"))
    # What the kiosk has said of the order is true no more.
    expect(page.get_by_role("region", name="What you can do").locator(".order")).to_be_empty()
    page.keyboard.press("o")
    expect(page.locator(".alarm-head .standing")).to_have_text("car 7 sent · Naledi has it")


def test_an_alarm_that_rings_again_says_who_had_it_and_why_it_rings(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    happen(page, "press")
    expect(page.get_by_text("1 alarm that nobody has", exact=True)).to_be_visible()
    page.keyboard.press("Alt+1")
    page.keyboard.press("r")
    expect(page.locator(".alarm-head .standing")).to_have_text("Naledi has it")
    why = page.locator(".again", has_text="It rang again because nobody said that it goes on.")
    expect(why).to_have_count(0)
    take = page.locator(".actions > .buttons").bounding_box()
    happen(page, "again")
    expect(why).to_contain_text("Naledi had it.")
    assert page.locator(".actions > .buttons").bounding_box() == take
    expect(page.locator(".alarm-row")).to_contain_text("Rang again, Naledi had it")
    page.keyboard.press("r")
    expect(page.locator(".alarm-head .standing")).to_have_text("Naledi has it")
    expect(why).to_have_count(0)


def test_who_has_an_alarm_is_not_asked_to_take_it_over_from_themselves(opened: Opener) -> None:
    page = opened("empty")
    send_car_7(page)
    expect(page.get_by_role("button", name="Take it over")).to_have_count(0)
    page.keyboard.press("t")
    expect(page.get_by_text("Take it over?")).to_have_count(0)
