"""The alarms as an operator finds and answers them, by pointer and by keyboard."""

import base64
import json
import re

import pytest
from playwright.sync_api import expect

from tests.control_room.person import VIEWS
from tests.control_room.scripted import Opener, begin, go, happen, look_on, places

SLOW_FRAMES = """() => {
  const draw = requestAnimationFrame;
  window.requestAnimationFrame = (then) => draw(() => setTimeout(then, 100));
}"""


def test_the_alarms_that_nobody_has_are_over_every_view(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    for view in VIEWS:
        go(page, view)
        expect(page.get_by_text("2 alarms that nobody has", exact=True)).to_be_visible()
        page.keyboard.press("Alt+2")
        expect(page.get_by_role("heading", name="Park Station, Rissik Street entrance")).to_be_focused()


def test_rows_are_sorted_by_what_must_be_done(opened: Opener) -> None:
    page = opened("day")
    look_on(page)
    go(page, "alarms")
    expect(page.get_by_role("heading", name="8 open alarms")).to_be_visible()
    assert page.locator(".alarm-row .row-standing").all_inner_texts() == [
        "Nobody has it",
        "Nobody has it",
        "Thandi has it",
        "Park Station patrol sent · Sipho has it",
        "car 7 sent · Sipho has it",
        "Lost by the kiosk: send or call. Thandi has it",
        "Test: send nobody",
        "Exercise: send nobody",
    ]


DO_NOT = "Silent duress. Do not phone or alert the site."
WHOLE = """each => {
  const { left, right, top, bottom } = each.getBoundingClientRect();
  for (let above = each; above !== document.body; above = above.parentElement) {
    if (getComputedStyle(above).overflow === "visible") continue;
    const box = above.getBoundingClientRect();
    if (left < box.left || right > box.right + 1 || top < box.top - 1 || bottom > box.bottom + 1) return false;
  }
  return each.scrollWidth <= each.clientWidth + 1;
}"""


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_whoever_is_threatened_in_silence_is_not_telephoned_by_an_operator_who_reads_one_line(
    opened: Opener, width: int
) -> None:
    page = opened("duress", viewport={"width": width, "height": 900})
    begin(page)
    go(page, "alarms")
    # It comes before a call that waits for longer, and looks like no other.
    rows = page.locator(".alarm-row")
    expect(rows.first.locator(".row-main")).to_have_text(re.compile(f"^{DO_NOT}"))
    expect(rows.locator(".row-standing")).to_have_text(["Nobody has it", "Nobody has it", "Sipho has it"])
    shapes = [points.get_attribute("points") for points in rows.locator(".shape polygon").all()]
    assert shapes[0] == shapes[2] != shapes[1]
    expect(rows.nth(2)).to_contain_text(DO_NOT)
    expect(page.locator("html")).to_have_attribute("data-sound", "silent")
    expect(page.locator(".untaken-banner")).to_contain_text(DO_NOT)
    page.keyboard.press("Alt+1")
    expect(page.locator(".alarm-head > div")).to_contain_text(re.compile(f"^{DO_NOT}"))
    for shown in page.locator(".do-not:visible").all():
        assert shown.evaluate(WHOLE)
    page.keyboard.press("r")
    expect(page.get_by_text("You have it: the kiosk says so.")).to_be_visible()
    expect(page.locator(".alarm-head")).to_contain_text(DO_NOT)
    expect(page.locator("html")).to_have_attribute("data-sound", "new")
    go(page, "shift")
    expect(page.locator(".cases li", has_text=DO_NOT)).to_have_count(2)
    happen(page, "duress")
    expect(page.get_by_role("alert").filter(has_text="New alarm")).to_contain_text(
        re.compile(f"^{DO_NOT} (New alarm:|[23] new alarms; one is) Threat")
    )


def test_the_next_shift_is_handed_over_that_a_site_must_not_be_telephoned(opened: Opener) -> None:
    page = opened("duress")
    begin(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Sign and save").click()
    body = json.loads(download.value.path().read_text())["hand_over"].split(".")[1]
    cases = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["cases"]
    assert [each.get("do_not") for each in cases] == [DO_NOT, None, DO_NOT]
    page.get_by_role("button", name="End the shift").click()
    page.get_by_role("button", name="Yes, end it").click()
    expect(page.locator(".before .do-not")).to_have_text([DO_NOT, DO_NOT])


@pytest.mark.parametrize("by", ["pointer", "focus"])
def test_the_order_holds_still_under_pointer_and_focus(opened: Opener, by: str) -> None:
    page = opened("day")
    begin(page)
    go(page, "alarms")
    before = places(page)
    row = page.locator(".alarm-row").nth(2)
    row.hover() if by == "pointer" else row.focus()
    where = row.bounding_box()
    happen(page, "press")
    expect(page.get_by_text("1 new at the end of the list")).to_be_visible()
    happen(page, "answer")
    expect(page.get_by_text("2 alarms that nobody has", exact=True)).to_be_visible()
    happen(page, "press")
    expect(page.get_by_text("2 new at the end of the list")).to_be_visible()
    assert places(page)[: len(before)] == before
    assert len(places(page)) == len(before) + 2
    assert row.bounding_box() == where
    page.mouse.move(1, 1)
    page.evaluate("document.activeElement.blur()")
    expect(page.get_by_text("2 new at the end of the list")).to_be_hidden()
    assert page.locator(".alarm-row .row-standing").nth(2).inner_text() == "Nobody has it"


def test_an_alarm_that_closes_under_the_pointer_keeps_its_row(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    go(page, "alarms")
    happen(page, "press")
    page.locator(".alarm-row").hover()
    happen(page, "close")
    expect(page.locator(".alarm-row .row-standing")).to_have_text("Closed")
    page.mouse.move(1, 1)
    expect(page.get_by_role("heading", name="No open alarm")).to_be_visible()
    expect(page.locator(".alarm-row")).to_have_count(0)


def test_nothing_is_shown_as_done_before_the_kiosk_says_so(opened: Opener) -> None:
    page = opened("mute")
    begin(page)
    page.keyboard.press("Alt+2")
    page.keyboard.press("r")
    expect(page.get_by_text("Asking the kiosk…")).to_be_visible()
    expect(page.get_by_text("asked 3 times")).to_be_visible()
    expect(page.locator(".alarm-head .standing")).to_have_text("Nobody has it")
    assert page.locator("html").get_attribute("data-sound") != "off"
    page.get_by_role("button", name="Stop asking").click()
    expect(page.get_by_text("Asking the kiosk…")).to_be_hidden()


@pytest.mark.parametrize("by", ["letter", "button"])
def test_who_has_taken_an_alarm_keeps_it_when_the_one_who_was_late_presses_enter_once_more(
    opened: Opener, by: str
) -> None:
    page = opened("race")
    begin(page)
    page.keyboard.press("Alt+1")
    take = page.get_by_role("button", name="Take it")
    take.focus()
    page.keyboard.press("r" if by == "letter" else "Enter")
    expect(page.get_by_text("Somebody else was first. Thandi has it.")).to_be_visible()
    expect(page.locator(".actions form")).to_have_count(0)
    standing = page.locator(".alarm-head .standing")
    for opens in ("Enter", "r", "t"):
        page.keyboard.press(opens)
        for _ in range(3):
            page.keyboard.press("Enter")
        expect(page.get_by_text("Take it over?")).to_be_visible()
        expect(page.get_by_role("button", name="Yes, take it over")).not_to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_text("Take it over?")).to_have_count(0)
        take.focus()
    expect(standing).to_have_text("Thandi has it")
    page.keyboard.press("t")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(standing).to_have_text("Naledi has it")


def test_no_form_about_an_alarm_opens_with_the_focus_on_what_a_habitual_enter_would_do(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    go(page, "alarms")
    rows = page.locator(".alarm-row:not(.is-closed)")
    lost = rows.filter(has_text="Lost by the kiosk")
    for row, opens in (
        (rows.first, "Close it"),
        (rows.first, "Send somebody"),
        (lost, "I have found out: take it off"),
    ):
        row.click()
        page.get_by_role("button", name=opens).click()
        expect(page.locator(".form")).to_be_visible()
        for _ in range(3):
            page.keyboard.press("Enter")
        expect(page.locator(".form")).to_be_visible()
        expect(page.locator(".form button")).not_to_have_count(0)
        assert (
            page.evaluate("document.activeElement.closest('.form') !== null && document.activeElement.tagName")
            != "BUTTON"
        )
        page.keyboard.press("Escape")
    expect(rows).to_have_count(8)


def test_a_press_that_nobody_has_seen_keeps_an_alarm_from_being_closed(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    happen(page, "press")
    expect(page.get_by_text("1 alarm that nobody has", exact=True)).to_be_visible()
    page.keyboard.press("Alt+1")
    page.keyboard.press("c")
    expect(page.get_by_text("You have seen 1 press.")).to_be_visible()
    # No reason is chosen beforehand, and the button says so.
    page.get_by_role("button", name="Choose a reason first").click(force=True)
    page.get_by_role("radio", name="False alarm").check()
    happen(page, "more")
    expect(page.get_by_text("Somebody has pressed again: 2 presses now.")).to_be_visible()
    page.get_by_role("button", name="Close the alarm").click(force=True)
    expect(page.get_by_text("Somebody has pressed again")).to_be_visible()
    page.get_by_role("button", name="I have seen it").click()
    page.get_by_role("button", name="Close the alarm").click()
    expect(page.get_by_text("The kiosk has closed it.")).to_be_visible()


def test_letters_do_nothing_while_somebody_types(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    go(page, "devices")
    page.get_by_label("Find a device").press_sequentially("2 rdc?")
    expect(page.get_by_label("Find a device")).to_have_value("2 rdc?")
    expect(page.locator(".help")).to_have_count(0)


def test_the_alarms_of_one_kiosk_are_told_apart_and_share_its_lamps(opened: Opener) -> None:
    page = opened("one-kiosk")
    begin(page)
    go(page, "alarms")
    expect(page.locator(".alarm-row")).to_have_count(3)
    assert places(page) == ["jhb-park-station, kiosk-0042"] * 3
    more = page.locator(".row-more").all_inner_texts()
    assert [re.findall(r"button-\d · .*Help call · \d\d:\d\d", each) != [] for each in more] == [True] * 3
    assert not any("kiosk-0042" in each for each in more)
    page.locator(".alarm-row").nth(1).click()
    lamps = page.locator(".card", has_text="What the resident sees now")
    expect(lamps).to_contain_text("They show this because nobody has button-4.")
    page.keyboard.press("c")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The kiosk has closed it.")).to_be_visible()
    expect(lamps).to_contain_text("it shows nothing any more")
    expect(lamps.locator(".lamp")).to_have_count(0)


def test_a_unit_that_is_out_says_so_and_is_copied_into_no_field(opened: Opener) -> None:
    page = opened("one-kiosk")
    begin(page)
    page.keyboard.press("Alt+1")
    page.keyboard.press("d")
    car = page.get_by_role("radio", name="car 7")
    expect(page.locator(".choice", has=car)).to_contain_text("is out for jhb-park-station, kiosk-0042, button-5")
    car.check()
    expect(page.get_by_role("button", name="Send car 7")).to_contain_text("it is out for jhb-park-station")
    other = page.get_by_label("Or somebody else")
    expect(other).to_have_value("")
    other.fill("foot patrol")
    expect(car).not_to_be_checked()
    expect(page.get_by_role("button", name="Send foot patrol")).not_to_contain_text("is out for")


def test_no_choice_moves_when_a_unit_goes_out_while_somebody_chooses(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    happen(page, "press")
    expect(page.get_by_text("1 alarm that nobody has", exact=True)).to_be_visible()
    page.keyboard.press("Alt+1")
    page.keyboard.press("d")
    expect(page.get_by_text("Call by radio first: this page reaches the kiosk, not the unit.")).to_be_visible()
    fields = page.locator(".choice, .form button, .form input[type=text]")
    before = [field.bounding_box() for field in fields.all()]
    happen(page, "press")
    happen(page, "sent")
    expect(page.locator(".choice").first).to_contain_text("is out for")
    assert [field.bounding_box() for field in fields.all()] == before


def test_it_is_not_said_that_the_lamps_show_help_while_another_alarm_of_the_kiosk_decides(opened: Opener) -> None:
    page = opened("one-kiosk")
    begin(page)
    go(page, "alarms")
    page.locator(".alarm-row").nth(1).click()
    page.keyboard.press("d")
    page.get_by_role("radio", name="Park Station patrol").check()
    page.keyboard.press("Enter")
    said = page.locator(".said")
    expect(said).to_contain_text(
        "The kiosk knows that Park Station patrol comes. Its lamps don't show it yet: nobody has button-4."
    )
    call = page.locator(".radio", has_text="Call Park Station patrol by radio, if nobody has yet")
    expect(call).to_be_visible()
    said.get_by_role("button", name="Dismiss").click()
    expect(call).to_be_visible()


def test_nobody_is_told_that_all_is_calm_while_a_case_has_nobody_sent(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    bar = page.locator(".calm-banner")
    expect(bar).to_have_text("✓ No call waits. The next one will ring.")
    happen(page, "press")
    happen(page, "answer")
    expect(bar).to_have_text("● No call waits. The next one will ring. 1 case is taken, nobody is sent yet.")
    happen(page, "sent")
    expect(bar).to_have_text("✓ No call waits. The next one will ring.")


def test_an_operator_is_not_told_that_no_call_waits_before_that_is_known(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    bar = page.locator(".calm-banner")
    happen(page, "check")
    expect(bar).to_have_text("◌ Checking for waiting calls…")
    go(page, "alarms")
    expect(page.get_by_role("heading", name="Checking for open alarms…")).to_be_visible()
    expect(page.get_by_text("No open alarm")).to_have_count(0)
    expect(page.get_by_text("No call waits")).to_have_count(0)
    happen(page, "checked")
    expect(bar).to_have_text("✓ No call waits. The next one will ring.")
    expect(page.get_by_role("heading", name="No open alarm")).to_be_visible()


def test_an_operator_answers_the_only_alarm_without_choosing_it_first(opened: Opener) -> None:
    for press, then in (("Enter", "Nobody has it"), ("r", "Naledi has it")):
        page = opened("empty")
        begin(page)
        page.keyboard.press("1")
        happen(page, "press")
        expect(page.locator(".alarm-row")).to_have_count(1)
        page.keyboard.press(press)
        expect(page.locator(".alarm-head .standing")).to_have_text(then)
        page.context.close()


def test_of_two_alarms_none_is_meant_before_an_operator_has_chosen(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    page.keyboard.press("1")
    for count in (1, 2):
        happen(page, "press")
        expect(page.locator(".alarm-row")).to_have_count(count)
    page.keyboard.press("Enter")
    page.keyboard.press("r")
    expect(page.locator(".alarm-head")).to_have_count(0)
    expect(page.locator(".row-standing", has_text="Naledi")).to_have_count(0)


def test_somebody_who_has_waited_longer_than_the_page_knows_has_waited_at_least_so_long(opened: Opener) -> None:
    page = opened("unset")
    begin(page)
    happen(page, "press")
    page.keyboard.press("Alt+1")
    for where in (".banner-age", ".row-age", ".head-age"):
        expect(page.locator(where).first).to_have_text(re.compile(r"at least \d+( min|:\d\d)"))
    expect(page.locator(".alarm-head")).to_contain_text("before ")


def test_a_form_and_the_list_of_keys_are_whole_on_a_small_screen(opened: Opener) -> None:
    page = opened("one-kiosk", viewport={"width": 1366, "height": 768})
    begin(page)
    go(page, "alarms")
    page.locator(".alarm-row").nth(1).click()
    page.keyboard.press("d")
    page.get_by_role("radio", name="car 7").check()
    page.keyboard.press("Enter")
    expect(page.locator(".said")).to_be_visible()
    page.keyboard.press("d")
    page.get_by_role("radio", name="car 7").check()
    expect(page.get_by_role("button", name="Send car 7")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Choose a reason first")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    keys = page.locator(".help")
    expect(keys.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
    expect(keys).not_to_contain_text("enrolment")


def test_nothing_moves_when_somebody_presses_nor_when_they_wait_for_long(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    go(page, "alarms")
    top = page.locator("main").bounding_box()
    expect(page.get_by_text("✓ No call waits. The next one will ring.")).to_be_visible()
    happen(page, "press")
    jump = page.locator(".untaken-banner li button")
    expect(jump).to_be_visible()
    where = jump.bounding_box()
    assert page.locator("main").bounding_box() == top
    happen(page, "wait")
    expect(page.locator("html")).to_have_attribute("data-sound", "louder")
    assert page.locator("main").bounding_box() == top
    now = jump.bounding_box()
    assert where is not None
    assert now is not None
    assert (now["x"], now["y"]) == (where["x"], where["y"])


def test_the_order_holds_between_a_choice_and_the_next_and_while_a_form_is_open(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    go(page, "alarms")
    before = places(page)
    page.locator(".alarm-row").nth(2).click()
    page.mouse.move(1, 1)
    happen(page, "press")
    expect(page.get_by_text("1 new at the end of the list")).to_be_visible()
    page.keyboard.press("d")
    expect(page.get_by_text("Who is sent")).to_be_visible()
    happen(page, "press")
    expect(page.get_by_text("2 new at the end of the list")).to_be_visible()
    assert places(page)[: len(before)] == before
    expect(page.get_by_text("4 alarms that nobody has", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 new at the end of the list")).to_be_hidden(timeout=20_000)


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_closed_alarm_is_found_again_with_its_reason_and_its_unit(opened: Opener, by: str) -> None:
    page = opened("one-kiosk")
    begin(page)
    go(page, "alarms")
    page.evaluate(SLOW_FRAMES)
    page.locator(".alarm-row").nth(2).click()
    if by == "mouse":
        page.get_by_role("button", name="Close it").click()
        page.get_by_role("radio", name="False alarm").check()
        page.get_by_role("button", name="Close the alarm").click()
    else:
        for pressed in ("c", "Space", "ArrowRight", "Enter"):
            page.keyboard.press(pressed)
            page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(page.get_by_text("The kiosk has closed it.")).to_be_visible()
    page.keyboard.press("Escape")
    go(page, "map")
    go(page, "alarms")
    expect(page.locator(".alarm-row")).to_have_count(2)
    page.get_by_text("Closed (1)").click()
    closed = page.locator(".closed-fold .alarm-row")
    expect(closed).to_contain_text("button-5")
    closed.click()
    expect(page.locator(".alarm-head .standing")).to_have_text(
        re.compile(r"Closed \d\d:\d\d by Naledi · False alarm · car 7 was sent")
    )
