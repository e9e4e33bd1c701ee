"""A shift with its login, its sound, its key and its hand-over, and what stands over every view."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.control_room.scripted import Opener, begin, go, happen, look_on


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


def test_one_deaf_broker_of_two_is_named_and_the_page_stays_live(opened: Opener) -> None:
    page = opened("one-down")
    begin(page)
    expect(page.get_by_text("Broker b does not answer since")).to_be_visible()
    expect(page.locator("html")).not_to_have_attribute("data-grey", re.compile(".*"))


def test_a_key_in_the_address_is_taken_out_of_it_at_once(opened: Opener) -> None:
    page = opened("empty", "#key=e30")
    expect(page.get_by_text("Key operator-0badcafe, role operator").first).to_be_visible()
    assert "key=" not in page.url


def test_an_operator_on_a_phone_can_read_the_button_that_begins_her_shift(opened: Opener) -> None:
    page = opened("empty", viewport={"width": 390, "height": 844})
    box = page.get_by_role("button", name="Begin the shift").bounding_box()
    assert box is not None
    assert box["width"] > 120
    assert box["height"] < 80


def follow(page: Page, fragment: str) -> None:
    """Somebody clicks on a link to the page that is open."""
    page.evaluate("fragment => { location.href = fragment }", fragment)


def test_a_link_does_not_take_an_operators_key_from_her_and_no_enter_answers_for_her(opened: Opener) -> None:
    page = opened("empty", "#key=e30")
    mine = page.get_by_text("For the administrator: key operator-0badcafe")
    expect(mine).to_be_visible()
    follow(page, "#key=e30")
    asked = page.locator(".offered")
    expect(asked).to_contain_text("Nothing has been replaced.")
    assert "key=" not in page.url
    expect(asked.get_by_text("Your key", exact=True)).to_be_visible()
    expect(asked).to_contain_text(
        re.compile(r"operator-0badcafe of imported · operator · fingerprint 0123 4567.* since")
    )
    expect(asked).to_contain_text(
        re.compile("The link's key says it is“operator-1234--old-key.*” of “Johannesburg-comm")
    )
    assert page.evaluate("document.activeElement === document.body"), "nothing of it has the focus"
    page.keyboard.press("Enter")
    asked.get_by_role("button", name="Keep my key").click()
    expect(asked).to_have_count(0)
    expect(mine).to_be_visible()

    follow(page, "#key=e30")
    asked.get_by_role("button", name="Replace my key").click()
    expect(asked).to_have_count(0)
    expect(page.get_by_text("For the administrator: key operator-1234--old-key")).to_be_visible()


def test_during_a_shift_a_link_can_not_change_who_answers(opened: Opener) -> None:
    page = opened("empty", "#key=e30")
    begin(page, role=None)
    follow(page, "#key=e30")
    asked = page.locator(".offered")
    expect(asked).to_contain_text("End the shift first")
    expect(asked.get_by_role("button")).to_have_count(1)
    expect(page.get_by_text("Naledi watches")).to_be_visible()


def test_without_a_key_a_link_is_a_question_too_unless_the_sites_settings_say_otherwise(opened: Opener) -> None:
    page = opened("link", "#key=e30")
    asked = page.locator(".offered")
    expect(asked).to_contain_text("It is not in use.")
    page.get_by_label("Operator's login").fill("naledi")
    page.get_by_label("Your name").fill("Naledi")
    page.get_by_role("button", name="Begin the shift").click()
    expect(page.get_by_text("first decide whether to use it")).to_be_visible()
    asked.get_by_role("button", name="Reject it").click()
    page.get_by_role("button", name="Begin the shift").click()
    expect(page.get_by_text("Naledi watches")).to_be_visible()
    expect(page.get_by_text("For the administrator: key operator-0badcafe")).to_be_visible()


def test_a_newcomer_whose_address_was_used_in_another_browser_reads_how_to_go_on(opened: Opener) -> None:
    page = opened("empty")
    expect(page.get_by_text("continue in the browser that opened it, or stop the demo, start it again")).to_be_visible()
    begin(page)
    expect(page.get_by_text("it does not know this browser's key")).to_be_visible()
    expect(page.get_by_text("enrolled it")).to_have_count(0)


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
            page.get_by_text("For the administrator").click()
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
    card = page.locator(".card", has_text="For the next shift")
    expect(card).to_contain_text("Nothing has changed since.")
    expect(card).to_contain_text(saved.value.suggested_filename)
    path = tmp_path / "signed.json"
    saved.value.save_as(path)
    page.get_by_label("Load a hand-over file").set_input_files(path)
    expect(page.get_by_text("You have signed this one yourself")).to_be_visible()
    expect(page.get_by_text("From the shift before")).to_have_count(0)
    end(page)
    expect(page.get_by_text("From the shift before")).to_be_visible()
    expect(page.get_by_text("Ambulance is on its way")).to_be_visible()
    # Who is logged out knows of no alarm whether it is open.
    expect(page.locator(".before")).not_to_contain_text("open any more")
    log_in(page, "sipho", "Sipho")
    expect(page.locator(".before", has_text="still open")).not_to_contain_text("not open any more")
    expect(page.get_by_text("The signature is right")).to_be_visible()
    expect(page.get_by_label("Note for the next shift: Bree Taxi Rank, stand 14")).to_have_value("")
    page.get_by_role("button", name="Take it over and sign").click()
    expect(page.get_by_text("Taken over by Sipho")).to_be_visible()
    file = json.loads(path.read_text())
    head, body, signature = file["hand_over"].split(".")
    changed = tmp_path / "changed.json"
    flipped = body[:-8] + ("A" if body[-8] != "A" else "B") + body[-7:]
    for token, outcome in ((f"{head}.{body}.{signature[::-1]}", "The signature is wrong"), (flipped, "no hand-over")):
        changed.write_text(json.dumps({**file, "hand_over": token}))
        page.get_by_label("Load a hand-over file").set_input_files(changed)
        expect(page.get_by_text(outcome)).to_be_visible()


def end(page: Page) -> None:
    page.get_by_role("button", name="End the shift").click()
    page.get_by_role("button", name="Yes, end it").click()
    expect(page.get_by_text("Your shift ended at")).to_be_visible()


def log_in(page: Page, login: str, by: str) -> None:
    """Begin the next shift of this page."""
    page.get_by_label("Operator's login").fill(login)
    page.get_by_label("Your name").fill(by)
    page.get_by_role("button", name="Begin the shift").click()
    expect(page.get_by_text(f"{by} watches")).to_be_visible()


def test_before_a_shift_ends_it_is_said_what_was_signed_what_has_changed_since_and_who_watches_then(
    opened: Opener,
) -> None:
    page = opened("empty")
    begin(page)
    happen(page, "press")
    page.get_by_role("button", name="End the shift").click()
    ending = page.locator(".ending")
    expect(ending).to_be_focused()
    expect(ending).to_contain_text("1 alarm is open.")
    expect(ending).to_contain_text("The hand-over is not signed")
    expect(ending).to_contain_text("Nobody else is known to watch. 5 minutes after you end it, each kiosk")
    page.get_by_role("button", name="Sign and save").click()
    expect(ending).to_contain_text("Nothing has changed since.")
    page.get_by_label("Note about the shift").fill("Quiet")
    happen(page, "press")
    expect(ending).to_contain_text("Since then: 1 new, other notes. Sign it again below.")
    happen(page, "sipho")
    expect(ending).to_contain_text("sipho watches. Residents see nothing of it")
    page.get_by_role("button", name="Yes, end it").click()
    expect(page.locator(".ended")).to_contain_text("You are logged out: no alarm rings here")
    expect(page.locator(".ended")).to_contain_text("sipho watches.")


def test_who_only_looks_on_reads_in_every_view_who_watches_and_what_residents_see(opened: Opener) -> None:
    page = opened("empty")
    look_on(page)
    go(page, "alarms")
    bar = page.locator(".notice", has_text="no alarm rings here")
    expect(bar).to_contain_text("Nobody else is known to watch. Kiosks show out of service after 5 minutes of that.")
    happen(page, "deaf")
    expect(bar).to_contain_text("It is not known whether somebody else watches.")
    happen(page, "hear")
    happen(page, "sipho")
    expect(bar).to_contain_text("sipho watches.")
    expect(bar).not_to_contain_text("out of service")
    go(page, "shift")
    page.get_by_label("Your name").fill("Naledi")
    page.get_by_role("button", name="Begin the shift").click()
    go(page, "map")
    expect(bar).to_have_count(0)


def test_who_ends_a_shift_reads_from_when_on_kiosks_are_out_of_service(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    end(page)
    expect(page.locator(".ended")).to_be_focused()
    expect(page.locator(".ended")).to_contain_text(
        re.compile(r"From (\d+ \w+ \d{4} )?\d\d:\d\d on, each kiosk without an open alarm")
    )


def test_the_bars_button_leads_to_the_one_thing_that_is_still_needed(opened: Opener) -> None:
    page = opened("empty")
    go(page, "alarms")
    page.get_by_role("button", name="Begin the shift").click()
    expect(page.get_by_label("Operator's login")).to_be_focused()
    look_on(page)
    go(page, "alarms")
    page.get_by_role("button", name="Begin the shift").click()
    expect(page.get_by_text("You are logged in as naledi: no password is needed.")).to_be_visible()
    page.get_by_label("Your name").fill("Naledi")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Naledi watches")).to_be_visible()


def test_who_ends_a_shift_is_logged_out_and_leaves_nothing_to_see(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    page.get_by_role("button", name="End the shift").click()
    expect(page.locator(".ending")).to_contain_text("It logs you out")
    page.get_by_role("button", name="Yes, end it").click()
    for label in ("Operator's login", "Password", "Your name"):
        expect(page.get_by_label(label)).to_have_value("")
    expect(page.get_by_text("Not connected")).not_to_have_count(0)
    for view in ("alarms", "devices", "events"):
        go(page, view)
        expect(page.locator(".row")).to_have_count(0)
        expect(page.locator(".notices")).to_contain_text("You are not logged in: no alarm rings here")
    page.reload()
    go(page, "shift")
    expect(page.get_by_label("Your name")).to_have_value("")


def test_somebody_else_begins_the_next_shift_with_a_login_of_their_own(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    end(page)
    log_in(page, "sipho", "Sipho")
    expect(page.get_by_text("the centre “sipho”")).to_be_visible()
    end(page)
    log_in(page, "naledi", "Naledi")
    expect(page.get_by_text("the centre “naledi”.")).to_be_visible()
    go(page, "alarms")
    expect(page.get_by_role("heading", name="8 open alarms")).to_be_visible()


def test_who_only_looks_on_logs_out_by_a_button(opened: Opener) -> None:
    page = opened("day")
    look_on(page)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Operator's login")).to_be_focused()
    go(page, "alarms")
    expect(page.get_by_role("heading", name="Log in to see alarms")).to_be_visible()
    expect(page.locator(".row")).to_have_count(0)


def test_who_has_begun_is_asked_for_the_sound_once_and_led_to_the_alarms(opened: Opener) -> None:
    page = opened("site")
    begin(page)
    expect(page.get_by_text("You are ready if you have just heard two notes.")).to_be_visible()
    expect(page.get_by_text("Your key is new.")).to_be_visible()
    expect(page.get_by_role("button", name="I have heard them")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No open alarm")).to_be_visible()
    go(page, "shift")
    expect(page.get_by_text("You are ready: kiosks know that you watch")).to_be_visible()
    happen(page, "deaf")
    expect(page.get_by_text("Not ready yet")).to_be_visible()


def test_what_is_of_the_administrator_is_folded_away_and_a_key_is_not_forgotten_by_one_click(opened: Opener) -> None:
    page = opened("empty", "#key=e30")
    fold = page.get_by_text("For the administrator: key operator-0badcafe")
    expect(fold).to_be_visible()
    for word in ("Its public half", "edge-centre keys add"):
        expect(page.get_by_text(word)).to_be_hidden()
    begin(page, role=None)
    expect(page.get_by_text("Your key is new.")).to_have_count(0)
    fold.click()
    page.get_by_role("button", name="Forget this key").click()
    expect(page.get_by_text("your shift ends")).to_be_visible()
    expect(page.get_by_text("Naledi watches")).to_be_visible()
    page.get_by_role("button", name="Yes, forget it").click()
    expect(page.get_by_text("This browser has no key.")).to_be_visible()


def test_a_new_shift_forgets_no_alarm_of_the_last_ten_minutes(opened: Opener) -> None:
    page = opened("empty")
    begin(page)
    happen(page, "press")
    happen(page, "press")
    rate = page.locator(".card", has_text="Alarms per 10 minutes")
    expect(rate).to_contain_text("2 in the last 10 minutes")
    end(page)
    log_in(page, "naledi", "Naledi")
    expect(rate).to_contain_text("2 in the last 10 minutes")
    expect(page.get_by_text(re.compile(r"None since \d\d:\d\d\."))).to_be_visible()
