"""Whatever devices, brokers, keys and files say: the page goes on, runs none of it, and says what is wrong in words."""

import json
import re
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from playwright.sync_api import expect

from edge_centre.conform.voice import Made, press
from tests.control_room.fleet import Fleet, Kiosk, refused
from tests.control_room.hands import begin, go
from tests.control_room.hostile import SCRIPT, TEXT, everything, garbage, poisoned
from tests.control_room.load import drown
from tests.control_room.person import VIEWS, Person
from tests.control_room.rig import NAMES, OPERATOR, Browser, Rig, key_fragment, page_with
from tests.support.certificates import BrokerAuthorities
from tests.support.wait import wait_for

FLOOD = 2000
UNHARMED = """
window.__pwned === undefined && Object.keys(Object.prototype).length === 0
  && document.querySelector("[src=x], main b") === null
"""


def test_no_text_of_any_message_is_ever_more_than_text(rig: Rig, browser: Browser) -> None:
    with Fleet(rig, 0) as fleet:
        page = browser.open(rig.url + key_fragment(rig.key))
        begin(page)
        right, named = fleet.add(Kiosk(1)), fleet.add(Kiosk(2, TEXT))
        fleet.say(*right.born(), *(each for made in everything(right) for each in poisoned(right, made, TEXT)))
        fleet.say(*right.born(), *(each for made in everything(right) for each in poisoned(right, made, "__proto__")))
        fleet.say(*named.born(), *everything(named))
        fleet.say(*(named.pressed(kind=kind) for kind in (TEXT, "__proto__", "constructor", "toString")))
        for view in VIEWS:
            go(page, view)
            for number in range(min(page.locator(".row").count(), 8)):
                page.locator(".row").nth(number).click()
                expect(page.locator(".detail")).to_be_visible()
            if view == "alarms":
                expect(page.locator(".row-place", has_text=SCRIPT).first).to_be_visible()
            assert page.evaluate(UNHARMED), view
            assert not re.search("[\u202e\u2066\u200b\x00\x07\x1b]", page.locator("body").inner_text()), view
        # It has not been hurt: the next press is there.
        marker = fleet.add(Kiosk(3))
        fleet.say(*marker.born(), marker.pressed())
        go(page, "alarms")
        expect(page.locator(".row-place", has_text=marker.where)).to_be_visible()


@pytest.mark.parametrize("name", ["__proto__", "constructor", "x" * 64])
def test_a_name_that_every_object_has_is_a_name_like_any_other(rig: Rig, browser: Browser, name: str) -> None:
    with Fleet(rig, 1) as fleet:
        page = browser.open(rig.url + key_fragment(rig.key))
        begin(page)
        [kiosk] = fleet.kiosks
        kiosk.answers = refused(name)
        camera = {"name": name, "tracks": [name]}
        fleet.say(*kiosk.born(), kiosk.pressed(kind=name, codes={"contact_id": name, "sia": name}, camera=camera))
        page.keyboard.press("1")
        expect(page.locator(".row-more")).to_contain_text(name[:20])
        page.keyboard.press("Alt+1")
        page.keyboard.press("r")
        expect(page.get_by_text(f"The kiosk has refused: {name} ({name[:40]}")).to_be_visible()
        page.keyboard.press("2")
        expect(page.locator(".leaflet-container")).to_be_visible()
        assert page.evaluate(UNHARMED)
        assert page.workers[0].evaluate("Object.keys(Object.prototype).length") == 0


def test_garbage_on_every_topic_is_counted_and_changes_nothing(rig: Rig, browser: Browser) -> None:
    with Fleet(rig, 2) as fleet:
        page = browser.open(rig.url + key_fragment(rig.key))
        begin(page)
        bad, good = fleet.kiosks
        fleet.say(*bad.born(), *good.born())
        fleet.publish(garbage(bad))
        snapshot = press(camera={"name": "front", "persons": 1, "tracks": [], "snapshot": "zeros"})
        fleet.say(good.told(snapshot), Made(good.voice.identity.up("snapshot", "zeros"), bytes(100 * 1024)))
        half = press(camera={"name": "front", "persons": 1, "tracks": [], "snapshot": "half"})
        fleet.say(
            good.told(half), Made(good.voice.identity.up("snapshot", "half"), b"\xff\xd8\xff" + bytes(100 * 1024))
        )
        go(page, "devices")
        expect(page.get_by_text(re.compile(r"\d+ messages were none of the contract"))).to_be_visible()
        go(page, "alarms")
        expect(page.locator(".alarm-row")).to_have_count(2)
        page.locator(f'.alarm-row[data-id="{half.alarm_id}"]').click()
        expect(page.get_by_text("The picture cannot be read.")).to_be_visible()
        page.locator(f'.alarm-row[data-id="{snapshot.alarm_id}"]').click()
        expect(page.get_by_text("The picture has not come yet.")).to_be_visible()
        page.keyboard.press("r")
        expect(page.get_by_text("You have it: the kiosk says so.")).to_be_visible()
        assert page.evaluate(UNHARMED)
        expect(page.locator(".link-open")).to_have_count(1)


def test_whoever_presses_while_another_kiosk_floods_is_on_top_at_once_and_is_answered(
    rig: Rig, browser: Browser
) -> None:
    with Fleet(rig, 6) as fleet:
        page = browser.open(rig.url + key_fragment(rig.key), viewport={"width": 1440, "height": 900})
        begin(page)
        go(page, "alarms")
        found = drown(page, rig, fleet, FLOOD, presses=5)
        print(found)
        assert median(found.on_top_ms) < 200
        assert median(found.taken_ms) < 400
        # The kiosk that floods may have somebody in need, too: the newest of each button stands outside its fold.
        rows = page.locator(".alarm-row")
        expect(rows.filter(has_text="button medical")).to_be_visible()
        expect(rows.filter(has_text="button police")).to_have_count(6)
        fold = page.locator(".fold-row")
        expect(fold).to_contain_text("498 more alarms from gp/park-station/kiosk-9000")
        expect(fold).to_contain_text("button police: 498")
        expect(page.get_by_text("2 alarms that nobody has", exact=True)).to_be_visible()
        expect(page.get_by_role("heading", name="505 open alarms, 498 of them folded")).to_be_visible()
        fold.click()
        expect(fold).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator(".alarm-head h2")).to_have_text("Park Station, pole 9000")
        expect(page.get_by_role("button", name="Take it")).to_be_enabled()
        fold.click()
        expect(rows).to_have_count(7)


@pytest.mark.parametrize("hours", [5, -3])
def test_a_pc_whose_clock_is_hours_wrong_says_so_and_answers_all_the_same(
    tmp_path: Path, authorities: BrokerAuthorities, built_page: Path, browser: Browser, hours: int
) -> None:
    wrong = f"{{ const right = Date.now; Date.now = () => right() + {hours * 3_600_000}; }}\n"
    changed = page_with(wrong, built_page, tmp_path / "page")
    with Rig(tmp_path / "rig", authorities, changed) as rig, Fleet(rig, 3) as fleet:
        page = browser.open(rig.url + key_fragment(rig.key), script=wrong)
        begin(page)
        fleet.say(*(made for kiosk in fleet.kiosks for made in (*kiosk.born(), kiosk.healthy(), kiosk.pressed())))
        by = f"({abs(hours)} h 00|{abs(hours) - 1} h 59) min {'ahead of' if hours > 0 else 'behind'}"
        expect(page.get_by_text(re.compile(f"The clock of this PC is {by} the devices' clocks"))).to_be_visible()
        page.keyboard.press("Alt+1")
        expect(page.locator(".head-age")).to_have_text(re.compile(r"^0:\d\d$"))
        page.keyboard.press("r")
        expect(page.get_by_text("You have it: the kiosk says so.")).to_be_visible()
        [order] = fleet.orders
        assert abs(order["iat"] - fleet.published_ms[order["cmd_id"]] / 1000) < 30


def test_a_revoked_key_and_one_without_the_role_are_told_in_words(earnest: Rig, browser: Browser) -> None:
    technician = earnest.further_key("technician", "sipho")
    sipho = Person(browser, earnest.url, "sipho", technician)
    sipho.begin()
    earnest.agent.press(NAMES[0])
    wait_for(lambda: sipho.rows, what="the alarm")
    sipho.press("Alt+1", "r")
    sipho.await_text(".order", "Your key's role may not do this")
    sipho.await_text(".standing", "^Nobody has it$")
    keys = earnest.directory / "kiosk" / "keys" / "keys.json"
    thandi = Person(browser, earnest.url, OPERATOR, earnest.key)
    thandi.begin()
    keys.write_text(json.dumps({"keys": [technician.public().as_jwk()]}))
    thandi.press("Alt+1", "r")
    thandi.await_text(".order", "The kiosk does not know your key: it is not enrolled there, or was revoked")
    assert "Nobody has it" in thandi.text(".standing")


WRONG: list[tuple[str, Any, str]] = [
    ("no JSON", '{"centre": ', "It is not JSON"),
    ("a list", [], "It must be one object"),
    ("an unknown name", {"colour": "red"}, "“colour” is not known"),
    ("no broker", {"brokers": []}, "“brokers” must be a list with at least one"),
    ("another protocol", {"brokers": [{"name": "a", "url": "mqtt://a"}]}, "The address of broker “a” is none: “mqtt://a”"),
    ("no broker's name", {"brokers": [{"url": "/mqtt"}]}, "Broker 1 needs a “name” and a “url”"),
    ("a time of nothing", {"ring_after_s": "soon"}, "“ring_after_s” must be a number of seconds above 0"),
    ("a registrar of no province", {"registrar": {"url": "/registrar/"}}, "“registrar” must be {"),
    ("a registrar without TLS", {"registrar": {"url": "http://r/", "province": "gp"}}, "none: “http://r/”"),
    ("a wildcard", {"root": "edge/#"}, "“root” becomes part of topics"),
    ("a script", {"brokers": [{"name": SCRIPT, "url": "x:"}]}, SCRIPT),
]  # fmt: skip


def test_a_wrong_settings_file_is_explained_in_words(rig: Rig, browser: Browser) -> None:
    right = json.loads(rig.settings.read_text())
    page = browser.open(rig.url)
    for name, change, words in WRONG:
        text = change if isinstance(change, str) else json.dumps({**right, **change} if change else change)
        rig.settings.write_text(text)
        page.reload()
        expect(page.get_by_role("heading", name="This page cannot start: control-room.json is wrong")).to_be_visible()
        assert words in page.get_by_role("listitem").all_inner_texts()[0], name
        assert page.evaluate(UNHARMED), name
    rig.settings.unlink()
    page.reload()
    expect(page.get_by_text("The web server does not give it out: it answers 404.")).to_be_visible()
    browser.forgive("404")
