"""What a person sees and hears, with a scripted worker in place of brokers: deploy/control-room/dev."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.control_room.rig import CHROMIUM

ROOM = Path(__file__).parents[2] / "deploy" / "control-room"
VIEWS = ("alarms", "map", "devices", "events", "shift")
COUNT_SOUNDS = """
  window.sounds = [];
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...rest) {
    window.sounds.push({ seconds: this.buffer.duration, loops: this.loop, state: this.context.state });
    return start.apply(this, rest);
  };
"""
Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def site(built_page: Path) -> Iterator[str]:
    """Where the page and its scripted worker are served."""
    assert built_page.exists()
    node = shutil.which("node")
    assert node is not None
    with subprocess.Popen([node, ROOM / "dev" / "serve.mjs"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """One for each test: Chromium keeps processes of closed pages."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def opened(site: str, chromium: Browser) -> Iterator[Opener]:
    """Opens the page in a state of the scripted worker. What it complains of on its console fails the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(state: str, fragment: str = "", **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = chromium.new_context(**options)
        contexts.append(context)
        context.add_init_script(COUNT_SOUNDS)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{site}{state}/{fragment}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def begin(page: Page, role: str = "operator") -> None:
    page.get_by_label("Operator's login").fill("naledi")
    page.get_by_label("Your name").fill("Naledi")
    page.get_by_role("radio", name=role).check()
    page.get_by_role("button", name="Begin the shift").click()
    expect(page.get_by_text("Naledi watches")).to_be_visible()


def look_on(page: Page) -> None:
    page.get_by_label("Operator's login").fill("naledi")
    page.get_by_role("button", name="Only look on").click()


def go(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("button", name=re.compile(view, re.IGNORECASE)).click()
    page.mouse.move(1, 1)


def happen(page: Page, what: str) -> None:
    page.evaluate("what => new BroadcastChannel('happen').postMessage(what)", what)


def places(page: Page) -> list[str]:
    return page.locator(".alarm-row .row-place").all_inner_texts()


def sound(page: Page) -> str | None:
    return page.locator("html").get_attribute("data-sound")


def violations(page: Page) -> list[str]:
    page.evaluate((ROOM / "node_modules" / "axe-core" / "axe.min.js").read_text())
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


def test_nothing_sounds_before_the_click_and_every_view_says_so(opened: Opener) -> None:
    page = opened("day")
    look_on(page)
    expect(page.get_by_text("2 alarms that nobody has", exact=True)).to_be_visible()
    for view in VIEWS:
        go(page, view)
        expect(page.locator(".watch")).to_contain_text("Looking on only, no sound")
    assert page.evaluate("window.sounds") == []
    assert sound(page) == "off"


def test_the_shifts_click_unlocks_the_sound_and_plays_it(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    assert page.evaluate("window.sounds") == [{"seconds": 2.4, "loops": False, "state": "running"}]
    happen(page, "press")
    expect(page.locator("html")).to_have_attribute("data-sound", "new")
    assert page.evaluate("window.sounds.at(-1)") == {"seconds": 2.4, "loops": True, "state": "running"}


def test_a_login_that_is_refused_is_mended_and_the_shift_goes_on(opened: Opener) -> None:
    page = opened("empty")
    page.get_by_label("Operator's login").fill("naledi")
    page.get_by_label("Password").fill("wrong")
    page.get_by_label("Your name").fill("Naledi")
    page.get_by_role("button", name="Begin the shift").click()
    expect(page.get_by_text("this name and password are not let in").first).to_be_visible()
    expect(page.get_by_text("Naledi: kiosks do not know")).to_be_visible()
    page.get_by_label("Password").fill("right")
    page.get_by_role("button", name="Log in again").click()
    expect(page.get_by_text("Naledi watches")).to_be_visible()
    expect(page.get_by_role("button", name="Log in again")).to_have_count(0)


def test_an_alarm_that_nobody_takes_grows_louder_and_a_supervisor_hears_a_third_pattern(opened: Opener) -> None:
    page = opened("day")  # one has waited for 48 minutes
    begin(page)
    expect(page.locator("html")).to_have_attribute("data-sound", "louder")
    supervisors = opened("day")
    begin(supervisors, role="supervisor")
    expect(supervisors.locator("html")).to_have_attribute("data-sound", "supervisor")
    expect(supervisors.get_by_text("For the supervisor")).to_be_visible()


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


def test_whoever_comes_second_is_told_who_was_first_and_may_take_over(opened: Opener) -> None:
    page = opened("race")
    begin(page)
    page.keyboard.press("Alt+2")
    page.keyboard.press("r")
    expect(page.get_by_text("Somebody else was first.")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Thandi has it since \d\d:\d\d\. Take it over\?"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".alarm-head .standing")).to_have_text("Naledi has it")


def test_a_refusal_is_told_in_words(opened: Opener) -> None:
    page = opened("unknown-key")
    begin(page)
    page.keyboard.press("Alt+2")
    page.keyboard.press("r")
    expect(page.get_by_text("The kiosk does not know your key")).to_be_visible()
    expect(page.locator(".alarm-head .standing")).to_have_text("Nobody has it")


def test_a_press_that_nobody_has_seen_keeps_an_alarm_from_being_closed(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    happen(page, "press")
    expect(page.get_by_text("1 alarm that nobody has", exact=True)).to_be_visible()
    page.keyboard.press("Alt+1")
    page.keyboard.press("c")
    expect(page.get_by_text("You close it with 1 press seen.")).to_be_visible()
    happen(page, "more")
    expect(page.get_by_text("Somebody has pressed again: 2 presses now.")).to_be_visible()
    page.get_by_role("button", name="Close the alarm").click(force=True)
    expect(page.get_by_text("Somebody has pressed again")).to_be_visible()
    page.get_by_role("button", name="I have seen it").click()
    page.get_by_role("button", name="Close the alarm").click()
    expect(page.get_by_text("The kiosk has closed it.")).to_be_visible()


def test_the_keyboard_alone_plays_it_from_login_to_close(opened: Opener) -> None:
    page = opened("empty")
    page.get_by_label("Operator's login").focus()
    for text in ("naledi", "password", "Naledi"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Naledi watches")).to_be_visible()
    happen(page, "press")
    expect(page.get_by_text("1 alarm that nobody has", exact=True)).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.keyboard.press("r")
    expect(page.get_by_text("You have it")).to_be_visible()
    page.keyboard.press("d")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator(".alarm-head .standing")).to_have_text("car 7 sent · Naledi has it")
    page.keyboard.press("c")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The kiosk has closed it.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="No open alarm")).to_be_visible()


def test_letters_do_nothing_while_somebody_types(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    go(page, "devices")
    page.get_by_label("Find a device").press_sequentially("2 rdc?")
    expect(page.get_by_label("Find a device")).to_have_value("2 rdc?")
    expect(page.locator(".help")).to_have_count(0)


def test_the_page_is_grey_while_no_broker_answers_and_says_since_when(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    expect(page.locator("html")).not_to_have_attribute("data-grey", re.compile(".*"))
    happen(page, "deaf")
    expect(page.get_by_text(re.compile(r"Not live since \d\d:\d\d:\d\d"))).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-grey", "")
    expect(page.get_by_text("Naledi: kiosks do not know")).to_be_visible()
    happen(page, "hear")
    expect(page.get_by_text("Not live since")).to_be_hidden()


def test_one_deaf_broker_of_two_is_named_and_the_page_stays_live(opened: Opener) -> None:
    page = opened("one-down")
    begin(page)
    expect(page.get_by_text("Broker b does not answer since")).to_be_visible()
    expect(page.locator("html")).not_to_have_attribute("data-grey", re.compile(".*"))


def test_what_devices_write_is_only_ever_text(opened: Opener) -> None:
    page = opened("hostile")
    begin(page)
    for view in VIEWS:
        go(page, view)
        row = page.locator(".row")
        if row.count() > 0:
            row.last.click()
            expect(page.locator(".detail")).to_contain_text("<img src=x")
        assert page.title().startswith("Johannesburg")
        assert page.locator('img[src="x"], #app script').count() == 0
    page.keyboard.press("Alt+1")
    expect(page.get_by_text("The picture cannot be read.")).to_be_visible()
    assert "\u202e" not in page.locator("body").inner_text()


def test_a_thousand_alarms_and_five_thousand_devices_are_all_in_the_page(opened: Opener) -> None:
    page = opened("flood")
    begin(page)
    go(page, "alarms")
    expect(page.get_by_role("heading", name="1000 open alarms")).to_be_visible()
    expect(page.locator(".alarm-row")).to_have_count(1000)
    go(page, "devices")
    expect(page.locator(".device-row")).to_have_count(5000, timeout=20_000)
    assert page.locator(".device-row .row-standing").first.inner_text() == "Connection lost"


def test_a_wrong_settings_file_is_explained(opened: Opener) -> None:
    page = opened("wrong")
    expect(page.get_by_role("heading")).to_contain_text("control-room.json is wrong")
    said = page.get_by_role("listitem").all_inner_texts()
    assert [re.findall("“(.*?)”", each)[0] for each in said] == ["colour", "brokers", "ring_after_s"]


def test_a_wrong_clock_of_the_pc_is_told(opened: Opener) -> None:
    page = opened("clock")
    begin(page)
    expect(page.get_by_text("The clock of this PC is 62 min ahead of the devices' clocks.")).to_be_visible()


def test_a_key_in_the_address_is_taken_out_of_it_at_once(opened: Opener) -> None:
    page = opened("empty", "#key=e30")
    expect(page.get_by_text("Key operator-0badcafe, role operator").first).to_be_visible()
    assert "key=" not in page.url


def test_a_shift_waits_for_the_key_in_the_address_and_makes_no_other(opened: Opener) -> None:
    page = opened("slow-key", "#key=e30")
    page.get_by_label("Operator's login").fill("naledi")
    page.get_by_label("Your name").fill("Naledi")
    page.get_by_role("button", name="Begin the shift").click()
    expect(page.get_by_text("Your key is being loaded…")).to_be_visible()
    expect(page.locator(".watch")).to_contain_text("Looking on only")
    happen(page, "key")
    expect(page.get_by_text("Naledi watches")).to_be_visible()
    expect(page.get_by_text("--issuer imported")).to_be_visible()


def test_a_map_that_was_left_before_its_outlines_came_draws_none_and_calls_none_missing(opened: Opener) -> None:
    page = opened("day")
    look_on(page)
    waiting: list[Route] = []
    page.route("**/gauteng.json", lambda route: waiting.append(route))  # noqa: PLW0108 - it must be a function
    with page.expect_request("**/gauteng.json"):
        go(page, "map")
    go(page, "devices")
    with page.expect_request("**/gauteng.json"):
        go(page, "map")
    with page.expect_event("requestfinished", lambda request: request.url.endswith("kwazulu-natal.json")):
        for route in waiting:
            route.continue_()
    assert page.get_by_text("was not found").count() == 0


def test_the_map_is_drawn_anew_when_the_pc_turns_to_its_night_colours(opened: Opener) -> None:
    page = opened("day", color_scheme="light")
    look_on(page)
    go(page, "map")
    drawn = page.locator(".map").evaluate_handle("map => map")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("map => !map.isConnected", arg=drawn)
    expect(page.locator(".map canvas")).to_be_visible()


def test_a_hand_over_is_signed_and_signed_again_and_a_change_is_noticed(opened: Opener, tmp_path: Path) -> None:
    page = opened("day")
    begin(page)
    go(page, "shift")
    page.get_by_label("Note for the next shift: Bree Taxi Rank, stand 14").fill("Ambulance is on its way")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Sign and save").click()
    expect(page.get_by_text("The signature is right")).to_be_visible()
    file = json.loads(saved.value.path().read_text())
    page.get_by_role("button", name="Take it over and sign").click()
    expect(page.get_by_text("Taken over by Naledi")).to_be_visible()
    head, body, signature = file["hand_over"].split(".")
    changed = tmp_path / "changed.json"
    flipped = body[:-8] + ("A" if body[-8] != "A" else "B") + body[-7:]
    for token, outcome in ((f"{head}.{body}.{signature[::-1]}", "The signature is wrong"), (flipped, "no hand-over")):
        changed.write_text(json.dumps({**file, "hand_over": token}))
        page.get_by_label("Load a hand-over file").set_input_files(changed)
        expect(page.get_by_text(outcome)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_has_a_barrier_that_axe_knows(opened: Opener, scheme: str) -> None:
    page = opened("day", color_scheme=scheme)
    assert violations(page) == []
    begin(page)
    for view in VIEWS:
        go(page, view)
        assert violations(page) == [], view
        if page.locator(".row").count() > 0:
            page.locator(".row").nth(1).click()
            assert violations(page) == [], f"{view}, one opened"
    go(page, "alarms")
    page.get_by_role("button", name="Send somebody").click()
    page.keyboard.press("?")
    assert violations(page) == []
    happen(page, "deaf")
    expect(page.get_by_text("Not live since")).to_be_visible()
    assert violations(page) == []


def test_a_phones_width_is_enough(opened: Opener) -> None:
    page = opened("day", viewport={"width": 390, "height": 844}, has_touch=True)
    begin(page)
    for view in VIEWS:
        page.get_by_role("navigation").get_by_role("button", name=re.compile(view, re.IGNORECASE)).tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.keyboard.press("Alt+1")
    expect(page.get_by_role("button", name="Take it")).to_be_in_viewport()
