"""What any view shows: to everybody, at any width, whatever devices write, and of as many as there are."""

import re

import pytest
from playwright.sync_api import Route, expect

from tests.control_room.person import VIEWS
from tests.control_room.scripted import Opener, begin, choose_list, go, happen, look_on, violations

NODES_MOST = 2000
NODES = "document.querySelectorAll('*').length"
FIRST_SEEN = """() => {
  const top = document.querySelector(".rows").getBoundingClientRect().top;
  const row = [...document.querySelectorAll(".rows .row")].find(each => each.getBoundingClientRect().top >= top);
  return [row.dataset.id, Math.round(row.getBoundingClientRect().top)];
}"""
TO_THE_TOP_AS_AN_ALARM_COMES = """each => {
  each.scrollTop = 0;
  new BroadcastChannel('happen').postMessage('duress');
}"""


def test_whoever_has_a_thousand_alarms_and_five_thousand_devices_has_only_what_is_seen_in_the_page(
    opened: Opener,
) -> None:
    page = opened("flood")
    begin(page)
    go(page, "alarms")
    expect(page.get_by_role("heading", name="1000 open alarms")).to_be_visible()
    expect(page.locator(".rows li").first).to_have_attribute("aria-setsize", "1000")
    assert page.evaluate(NODES) < NODES_MOST
    go(page, "devices")
    expect(page.get_by_role("heading", name="5000 devices")).to_be_visible()
    items = page.locator(".rows li")
    expect(items.first).to_have_attribute("aria-setsize", "5000")
    assert page.locator(".device-row .row-standing").first.inner_text() == "Connection lost"
    page.locator(".rows").evaluate("each => (each.scrollTop = each.scrollHeight)")
    expect(items.last).to_have_attribute("aria-posinset", "5000")
    expect(items.last).to_be_in_viewport(ratio=0.9)
    assert page.evaluate(NODES) < NODES_MOST
    page.get_by_label("Find a device").fill("kiosk 4321")
    expect(page.get_by_role("heading", name="1 of 5000 devices")).to_be_visible()
    expect(page.locator(".device-row")).to_contain_text("kiosk 4321")
    expect(page.locator(".device-row")).to_be_in_viewport(ratio=1)


def test_whoever_jumps_to_the_end_of_a_list_before_its_rows_are_measured_sees_the_last(opened: Opener) -> None:
    page = opened("flood")
    begin(page)
    go(page, "alarms")
    expect(page.get_by_role("heading", name="1000 open alarms")).to_be_visible()
    page.evaluate(
        """() => new MutationObserver((_, its) => {
            const rows = document.querySelector(".rows:has(.device-row)");
            if (rows !== null) (rows.scrollTop = rows.scrollHeight), its.disconnect();
        }).observe(document.body, { childList: true, subtree: true })"""
    )
    go(page, "devices")
    items = page.locator(".rows li")
    expect(items.last).to_have_attribute("aria-posinset", "5000")
    expect(items.last).to_be_in_viewport(ratio=0.9)


def test_whoever_has_no_mouse_walks_through_all_rows_and_never_loses_their_place(opened: Opener) -> None:
    page = opened("flood")
    begin(page)
    go(page, "devices")
    expect(page.get_by_role("heading", name="5000 devices")).to_be_visible()
    page.get_by_label("Find a device").focus()
    page.keyboard.press("Tab")
    focused = page.locator(".row:focus")
    item = page.locator(".rows li:focus-within")
    expect(item).to_have_attribute("aria-posinset", "1")
    for _ in range(60):
        page.keyboard.press("j")
    expect(item).to_have_attribute("aria-posinset", "61")
    expect(focused).to_be_in_viewport(ratio=0.9)
    # Somebody scrolls far away, and goes on where they were.
    page.locator(".rows").evaluate("each => (each.scrollTop = 200_000)")
    expect(page.locator(".rows li").last).not_to_have_attribute("aria-posinset", "61")
    expect(item).to_have_attribute("aria-posinset", "61")
    page.keyboard.press("k")
    expect(item).to_have_attribute("aria-posinset", "60")
    expect(focused).to_be_in_viewport(ratio=0.9)
    where = focused.get_attribute("data-id")
    page.keyboard.press("Enter")
    expect(page.locator(".detail h2")).to_be_focused()
    page.locator(".rows").evaluate("each => (each.scrollTop = 0)")
    page.keyboard.press("Escape")
    expect(focused).to_have_attribute("data-id", where or "")
    expect(focused).to_be_in_viewport(ratio=0.9)
    page.keyboard.press("s")
    expect(focused).to_have_attribute("data-id", where or "")
    assert violations(page) == []


def test_what_an_operator_reads_stays_where_it_is_while_alarms_come_above_it(opened: Opener) -> None:
    page = opened("flood")
    begin(page)
    go(page, "alarms")
    expect(page.get_by_role("heading", name="1000 open alarms")).to_be_visible()
    rows = page.locator(".rows")
    rows.evaluate("each => (each.scrollTop = 30_000)")
    expect(page.locator(".rows li:not(.pinned)").first).not_to_have_attribute("aria-posinset", "1")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    alarm_id, top = page.evaluate(FIRST_SEEN)
    for count in range(1, 4):
        happen(page, "duress")
        expect(page.get_by_role("heading", name=f"{1000 + count} open alarms")).to_be_visible()
    assert page.evaluate(FIRST_SEEN) in ([alarm_id, at] for at in (top - 1, top, top + 1))
    # Whoever is at the top sees what comes, also where that comes before the browser says that the list was scrolled.
    for count in range(4, 9):
        rows.evaluate("each => (each.scrollTop = 30_000)")
        expect(page.locator(".rows li:not(.pinned)").first).not_to_have_attribute("aria-posinset", "1")
        rows.evaluate(TO_THE_TOP_AS_AN_ALARM_COMES)
        expect(page.get_by_role("heading", name=f"{1000 + count} open alarms")).to_be_visible()
        expect(page.locator(".rows li").first).to_have_attribute("aria-posinset", "1")
        assert rows.evaluate("each => each.scrollTop") == 0


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


HELD_FRAMES = """
const [request, cancel, first] = [requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window), 1e9];
window.requestAnimationFrame = (then) => (window.held ? first + window.held.push(then) - 1 : request(then));
window.cancelAnimationFrame = (id) => (id < first ? cancel(id) : void delete window.held[id - first]);
"""


def test_a_map_that_is_left_while_it_is_to_be_drawn_draws_no_more(opened: Opener) -> None:
    page = opened("day")
    page.add_init_script(HELD_FRAMES)
    page.reload()
    look_on(page)
    page.evaluate("window.held = []")
    with page.expect_event("requestfinished", lambda request: request.url.endswith("kwazulu-natal.json")):
        go(page, "map")
    page.wait_for_function("window.held.length > 1")
    go(page, "devices")
    assert page.evaluate("window.held.filter((then) => then).map((then) => then(performance.now())).length") > 0


def test_the_map_is_drawn_anew_when_the_pc_turns_to_its_night_colours(opened: Opener) -> None:
    page = opened("day", color_scheme="light")
    look_on(page)
    go(page, "map")
    drawn = page.locator(".map").evaluate_handle("map => map")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("map => !map.isConnected", arg=drawn)
    expect(page.locator(".map canvas")).to_be_visible()


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


def test_a_map_without_outlines_says_so_and_every_open_alarm_is_on_it_or_in_its_list(opened: Opener) -> None:
    page = opened("one-kiosk")
    look_on(page)
    go(page, "map")
    expect(page.get_by_text("This map has no outlines")).to_be_visible()
    section = page.locator("section", has=page.get_by_role("heading", name="3 open alarms are not on the map"))
    expect(section.get_by_role("listitem")).to_have_count(3)
    expect(section).to_contain_text("car 7 sent · Naledi has it")
    section.get_by_role("button", name="button-5").click()
    expect(page.locator(".alarm-head .standing")).to_have_text("car 7 sent · Naledi has it")


def test_a_certificate_that_ends_soon_and_a_clock_that_is_not_set_are_trouble(opened: Opener) -> None:
    page = opened("one-kiosk")
    look_on(page)
    go(page, "devices")
    expect(page.get_by_text("All online, 1 with trouble")).to_be_visible()
    row = page.locator(".device-row")
    for words in ("3 open alarms", "Clock not set", "Certificate ends", "Online, trouble"):
        expect(row).to_contain_text(words)
    expect(row.locator(".shape-trouble")).to_be_visible()
    row.click()
    expect(page.locator(".detail")).to_contain_text("Certificate: it ends in 1 day, and this device does not renew it")


def test_an_operator_reads_of_a_lost_kiosk_that_its_certificate_has_ended_and_what_to_do(opened: Opener) -> None:
    page = opened("day")
    look_on(page)
    go(page, "devices")
    page.get_by_role("searchbox").fill("renew it at the device")
    row = page.locator(".device-row")
    expect(row).to_have_count(1)
    for words in ("kiosk-3", "Connection lost", "Certificate has expired: renew it at the device"):
        expect(row).to_contain_text(words)


def test_a_device_says_when_and_by_whom_it_was_commissioned_and_what_failed_or_was_left_out(opened: Opener) -> None:
    page = opened("day")
    look_on(page)
    go(page, "devices")
    said = {
        "kiosk 3": ["▲ Never: nobody has walked through it"],
        "kiosk 4": ["2026", "by Sipho Nkosi: incomplete", "siren was left out"],
        "kiosk 5": ["by Sipho Nkosi: failed", "▲ button-police failed", "input-mains was left out"],
    }
    for place, words in said.items():
        page.get_by_label("Find a device").fill(place)
        page.locator(f'.device-row[data-id$="/{place.replace(" ", "-")}"]').click()
        fact = page.locator(".fact", has=page.get_by_text("Commissioned", exact=True))
        for each in words:
            expect(fact).to_contain_text(each)
    assert violations(page) == []


def test_an_event_that_has_a_picture_shows_it(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    go(page, "events")
    choose_list(page, "Security")
    page.locator('[data-id*="t1"]').first.click()
    expect(page.get_by_alt_text(re.compile("Picture of camera front .* at the beginning"))).to_be_visible()


def test_a_picture_that_has_not_come_is_shown_once_it_comes(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    go(page, "events")
    choose_list(page, "Security")
    page.locator('[data-id*="t2"]').first.click()
    expect(page.get_by_text("No picture has come so far.")).to_be_visible()
    expect(page.get_by_alt_text(re.compile("Picture of camera yard .* at the beginning"))).to_be_visible()


def test_an_empty_list_of_events_says_what_will_appear_in_it(opened: Opener) -> None:
    page = opened("one-kiosk")
    look_on(page)
    go(page, "events")
    expect(page.get_by_text("Nothing to look at yet.")).to_be_visible()
    choose_list(page, "Security")
    expect(page.get_by_text("No tampering or security event yet.")).to_be_visible()


def test_a_tamper_is_found_in_two_actions_after_a_torrent_of_people(opened: Opener) -> None:
    page = opened("torrent")
    begin(page)
    go(page, "events")
    expect(page.locator(".tabs").get_by_role("button", name="People")).to_have_text(re.compile(r"1000\+"))
    choose_list(page, "Security")
    page.locator(".event-row", has_text="Camera tampered with").click()
    expect(page.get_by_role("heading", name="Camera tampered with")).to_be_visible()


def test_whoever_points_at_a_torrent_keeps_the_rows_that_they_see(opened: Opener) -> None:
    page = opened("torrent")
    begin(page)
    go(page, "events")
    choose_list(page, "People")
    expect(page.locator(".event-row").nth(3)).to_be_visible()
    page.locator(".rows").hover()
    newer = page.get_by_role("button", name=re.compile(r"\d+ newer\. Sort now"))
    expect(newer).to_be_visible()
    seen = page.evaluate(FIRST_SEEN)
    size = page.locator(".rows li").first.get_attribute("aria-setsize")
    expect(page.locator(".tabs").get_by_role("button", name="People")).to_have_text(re.compile(r"1000\+"))
    assert page.evaluate(FIRST_SEEN) == seen
    assert page.locator(".rows li").first.get_attribute("aria-setsize") == size
    newer.click()
    expect(page.locator(f'.event-row[data-id="{seen[0]}"]')).to_have_count(0)


def test_events_are_narrowed_by_words_kind_and_time_and_by_the_place_with_the_most(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    go(page, "events")
    choose_list(page, "Security")
    page.keyboard.press("/")
    page.keyboard.type("park-station YARD")
    rows = page.locator(".event-row")
    expect(rows).to_have_text([re.compile("camera yard")])
    expect(page.get_by_text("1 of 4 shown.")).to_be_visible()
    page.get_by_label("Kind").select_option("A command was rejected")
    expect(rows).to_have_count(0)
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(rows).to_have_count(4)
    choose_list(page, "People")
    expect(page.locator(".rows li").first).to_have_attribute("aria-setsize", "40")
    page.get_by_label("When").select_option("Last 15 minutes")
    expect(page.locator(".rows li").first).not_to_have_attribute("aria-setsize", "40")
    page.get_by_role("button", name="Show all").click()
    page.get_by_text("By place and hour").click()
    expect(page.locator(".hours tbody tr")).to_have_count(1)
    page.get_by_role("button", name="gp/park-station", exact=True).click()
    expect(page.get_by_label("Search")).to_have_value("gp/park-station")
    assert violations(page) == []


def test_all_events_of_a_device_are_one_click_from_any_of_them(opened: Opener) -> None:
    page = opened("day")
    begin(page)
    go(page, "events")
    choose_list(page, "Security")
    page.locator(".event-row", has_text="kiosk-3").click()
    page.get_by_role("button", name="All events of this device").click()
    expect(page.locator(".event-row")).to_have_text([re.compile("gp/park-station/kiosk-3")])


def test_a_suburb_that_goes_dark_is_one_line_and_no_alarm_and_leaves_the_room_to_alarms(opened: Opener) -> None:
    page = opened("one-kiosk")
    look_on(page)
    alarms = page.locator(".untaken-banner .banner-title").inner_text()
    happen(page, "dark")
    lines = page.locator(".notices").get_by_role("status")
    expect(lines).to_have_text([re.compile("11 devices are gone: nobody would hear a press there")])
    assert page.locator(".notices [role=alert]").count() == 0
    assert page.locator(".untaken-banner .banner-title").inner_text() == alarms
    assert violations(page) == []
    lines.get_by_role("button", name="Show").click()
    expect(lines).to_have_count(5)
    suburb, only_us = lines.filter(has_text="gp/soweto"), lines.filter(has_text="broker-b")
    expect(suburb).to_contain_text(re.compile(r"Dark since \d\d:\d\d: 6 of 7 devices in gp/soweto\."))
    expect(only_us).to_contain_text("Dark: 2 of 3 devices. Last heard by broker-b, which this page has lost")
    expect(lines.filter(has_text="Not heard since")).to_have_count(3)
    suburb.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Find a device")).to_have_value("gp/soweto")
    happen(page, "back")
    expect(suburb).to_contain_text("All 6 devices in gp/soweto are back since")
    expect(only_us).to_contain_text("1 is back since")
