"""A shift with its login, its sound, its key and its hand-over, and what stands over every view."""

import json
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.control_room.person import VIEWS
from tests.control_room.scripted import Opener, begin, go, happen, look_on, sound


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
    for answer in ("key", "no-key"):
        page = opened("slow-key", "#key=e30")
        page.get_by_label("Operator's login").fill("naledi")
        page.get_by_label("Your name").fill("Naledi")
        page.get_by_role("button", name="Begin the shift").click()
        expect(page.get_by_text("Your key is being loaded…")).to_be_visible()
        expect(page.locator(".watch")).to_contain_text("Looking on only")
        happen(page, answer)
        if answer == "key":
            expect(page.get_by_text("Naledi watches")).to_be_visible()
            expect(page.get_by_text("--issuer imported")).to_be_visible()
        else:
            expect(page.get_by_text("The key in the address was not taken")).to_be_visible()
            expect(page.locator(".watch")).to_contain_text("Looking on only")
        page.context.close()


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
