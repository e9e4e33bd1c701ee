"""The walk on a technician's phone: a scripted device tells it, and verifies what the phone signs."""

import base64
import json
import re
import time

import jwt
import pytest
from playwright.sync_api import expect

from agent.trust.jose_keys import PrivateKey
from tests.control_room.service_page.conftest import SETTLED_MS, ScriptedPhone
from tests.control_room.service_page.scripted import AHEAD_S, NAME, NONCE, VERDICTS, walk
from tests.support.wait import wait_for

ORDERS = [
    {"id": "walk-1-1-1", "topic": "command/identify", "name": "identify", "args": {"seconds": 10.0}},
    {
        "id": "walk-1-1-2",
        "topic": "ack/01a21ac6-4e3b-7040-853c-2ab18aa679d7",
        "name": "ack",
        "args": {"alarm_id": "01a21ac6-4e3b-7040-853c-2ab18aa679d7", "action": "closed", "reason": "test"},
    },
]
UNFAIR = [
    {"id": "walk-1-1-3", "topic": "command/keys-set", "name": "keys-set", "args": {"revision": 2, "keys": []}},
    {
        "id": "walk-1-1-4",
        "topic": "ack/01a21ac6-4e3b-7040-853c-2ab18aa679d7",
        "name": "ack",
        "args": {"alarm_id": "01a21ac6-4e3b-7040-853c-2ab18aa679d7", "action": "registered", "by": "x"},
    },
]


def tokens(phone: ScriptedPhone) -> dict[str, str]:
    return {each["id"]: each["token"] for body in phone.device.heard_at("orders") for each in body["orders"]}


def answers(phone: ScriptedPhone) -> list[tuple[str, str]]:
    return [(each["answer"], each["reason"]) for each in phone.device.heard_at("answer")]


def test_a_technician_walks_and_seals_the_report_and_the_key_stays_in_the_phone(
    phone: ScriptedPhone, technician: PrivateKey
) -> None:
    page, device = phone.page, phone.device
    device.show(orders=[*ORDERS, *UNFAIR])
    phone.open()
    phone.type_code("00000000")
    expect(page.get_by_text("Wrong code. 4 tries left.")).to_be_visible()
    phone.type_code()
    for text in (NAME, "10000000a3f2c1d4", "Park Station, concourse, pillar 7"):
        expect(page.get_by_text(text, exact=True)).to_be_visible()
    phone.give_key()
    assert tokens(phone) == {}, "nothing is signed before the technician has said which device it is"
    phone.tap("It is this device: go on")

    # What the walk needs is signed as the contract has it, and nothing else is.
    wait_for(lambda: len(tokens(phone)) == len(ORDERS))
    expect(page.get_by_text("The device asked for a signature that no walk needs.")).to_be_visible()
    for order in ORDERS:
        token = tokens(phone)[str(order["id"])]
        claims = device.verified(token).claims
        assert (claims["cmd_id"], claims["name"], claims["args"]) == (order["id"], order["name"], order["args"])
        assert (claims["aud"], claims["iss"], claims["boot_nonce"]) == (f"/edge/{NAME}", "sipho", NONCE)
        assert claims["exp"] - claims["iat"] == 120
        assert abs(claims["iat"] - time.time() - AHEAD_S) < 30, "by the device's clock"
    counters = [device.verified(token).claims["ctr"] for token in tokens(phone).values()]
    assert len(set(counters)) == len(counters)
    # With another nonce, an order that is asked for again is signed again.
    device.show(orders=ORDERS[:1], nonce="1-aaaaaaaaaaaaaaaa")
    wait_for(lambda: device.verified(tokens(phone)["walk-1-1-1"]).claims["boot_nonce"] == "1-aaaaaaaaaaaaaaaa")

    page.wait_for_timeout(SETTLED_MS)
    phone.tap("Yes")
    wait_for(lambda: answers(phone) == [("yes", "")])
    device.show(walk=walk("press"), verdicts=VERDICTS, orders=[])
    expect(page.get_by_text("Heard 1 of 2")).to_be_visible()
    expect(page.get_by_text("4 verdicts so far")).to_be_visible()
    expect(page.get_by_text("1:47 left")).to_be_visible()
    page.wait_for_timeout(SETTLED_MS)
    phone.tap("Leave out…")
    page.get_by_label("Or in your words").fill("vandalised, new one ordered")
    phone.tap("Leave it out")
    wait_for(lambda: answers(phone)[-1] == ("leave-out", "vandalised, new one ordered"))
    device.show(walk=walk("failed"))
    page.wait_for_timeout(SETTLED_MS)
    phone.tap("Go on")
    wait_for(lambda: answers(phone)[-1] == ("go-on", ""))

    # A real alarm is told in every view, and nothing can be answered.
    device.show(walk=walk("waiting"))
    expect(page.get_by_role("heading", name="A real alarm is open")).to_be_visible()
    expect(page).to_have_title(re.compile("REAL ALARM"))
    assert page.get_by_role("button", name="Yes").count() == 0
    phone.go("Cameras")
    expect(page.get_by_role("banner")).to_contain_text("REAL ALARM")

    device.show(walk=walk("done"))
    phone.go("Report")
    expect(page.get_by_text("2 passed, 1 failed, 1 left out")).to_be_visible()
    expect(page.get_by_text("1 real alarm came during the walk")).to_be_visible()
    page.get_by_label("Note for the office").fill("lamp cover is cracked")
    phone.tap("Sign and seal")
    expect(page.get_by_text("The device keeps the report")).to_be_visible()
    [seal] = device.heard_at("report")
    payload = device.sealed_payload
    signed = jwt.api_jws.decode(
        f"{seal['protected']}.{payload}.{seal['signature']}", technician.key.public_key(), ["EdDSA"]
    )
    assert json.loads(signed)["commissioning"] == device.report["id"]
    assert json.loads(base64.urlsafe_b64decode(seal["protected"] + "=="))["kid"] == technician.kid
    assert device.sealed_note == "lamp cover is cracked"

    phone.tap("Walk this device again…")
    phone.tap("Begin another walk")
    wait_for(lambda: device.heard_at("walk") == [{}])
    device.show(walk=walk("label"), verdicts=[])
    expect(page.get_by_role("heading", name="label")).to_be_visible()
    phone.go("Report")
    expect(page.get_by_text("The walk is at step 1 of 13")).to_be_visible()

    assert technician.as_jwk()["d"] not in json.dumps(device.heard)
    kept = page.evaluate("Promise.all([localStorage.length, sessionStorage.length, indexedDB.databases()])")
    assert kept == [0, 0, []]


def test_a_report_that_is_not_what_would_be_signed_is_not_signed(phone: ScriptedPhone) -> None:
    phone.device.show(walk=walk("done"))
    phone.device.forges = True
    phone.enter()
    phone.tap("To the report")
    phone.tap("Sign and seal")
    expect(phone.page.get_by_text("Nothing was signed.")).to_be_visible()
    assert phone.device.heard_at("report") == []


def test_a_tap_that_was_meant_for_the_step_before_answers_nothing(phone: ScriptedPhone) -> None:
    phone.enter()
    phone.page.wait_for_timeout(SETTLED_MS)
    box = phone.page.get_by_role("button", name="Yes").bounding_box()
    # The walk goes on by itself while the finger comes down.
    phone.device.show(walk=walk("yellow"))
    expect(phone.page.get_by_text("Is yellow lit?")).to_be_visible()
    phone.tap("Yes")
    assert phone.page.get_by_role("button", name="Yes").bounding_box() == box
    assert answers(phone) == []
    phone.page.wait_for_timeout(SETTLED_MS)
    phone.tap("Yes")
    wait_for(lambda: answers(phone) == [("yes", "")])


def test_a_technician_who_gives_a_reason_while_the_walk_goes_on_leaves_out_no_other_step(phone: ScriptedPhone) -> None:
    phone.device.show(walk=walk("press"))
    phone.enter()
    phone.page.wait_for_timeout(SETTLED_MS)
    phone.tap("Leave out…")
    phone.page.get_by_label("The part is not fitted").check()
    phone.device.show(walk=walk("yellow", step="lamp yellow"))
    expect(phone.page.get_by_text("The walk had gone on before your tap came. Look again.")).to_be_visible()
    expect(phone.page.get_by_role("dialog")).to_have_count(0)
    assert answers(phone) == []


def test_a_device_that_falls_silent_is_said_so_and_taken_up_again_and_nothing_moves(phone: ScriptedPhone) -> None:
    page, device = phone.page, phone.device
    device.show(walk=walk("yellow"), verdicts=VERDICTS)
    phone.enter()
    expect(page.get_by_text("Is yellow lit?")).to_be_visible()
    places = "[...document.querySelectorAll('button, .sentence')].map(each => each.getBoundingClientRect().top)"
    before = page.evaluate(places)
    device.cut()
    expect(page.locator(".said")).to_contain_text("No answer from the device for 3 s. Trying again.")
    assert page.evaluate(places) == before
    device.cut(False)
    expect(page.locator(".said")).to_contain_text("The device answers again.")
    assert page.evaluate(places) == before
    device.show(walk=walk("power-cut"))
    expect(page.get_by_text("Cut the power of the whole device")).to_be_visible()
    device.cut()
    expect(page.locator(".said")).to_contain_text("Once the beacon is lit, hold the service contact again.")


@pytest.mark.parametrize(
    ("why", "words"), [("taken-over", "Another phone is on this page now"), ("ended", "Your session has ended")]
)
def test_whoever_is_out_comes_back_by_the_code_and_keeps_their_key(phone: ScriptedPhone, why: str, words: str) -> None:
    phone.enter()
    expect(phone.page.get_by_text("Step 1 of 13")).to_be_visible()
    phone.device.end(why)
    expect(phone.page.get_by_role("heading", name=words)).to_be_visible()
    phone.tap("Enter the code")
    phone.type_code()
    expect(phone.page.get_by_text("Step 1 of 13")).to_be_visible()


def test_five_wrong_codes_close_the_page(phone: ScriptedPhone) -> None:
    phone.open()
    for left in ("4 tries left.", "3 tries left.", "2 tries left.", "1 try left"):
        phone.type_code("00000000")
        expect(phone.page.get_by_text(left)).to_be_visible()
    phone.type_code("00000000")
    expect(phone.page.get_by_role("heading", name="This page is closed")).to_be_visible()


def test_only_a_technicians_whole_key_is_taken(phone: ScriptedPhone, technician: PrivateKey) -> None:
    whole = technician.as_jwk()
    other = PrivateKey.generate("technician", "x").as_jwk()
    wrong = {
        "That file is no key.": "not json",
        "That is the public half.": json.dumps({name: whole[name] for name in whole if name != "d"}),
        "This key has the role operator.": json.dumps({**whole, "role": "operator"}),
        "are not of one key": json.dumps({**whole, "d": other["d"]}),
        "That file is no Ed25519 key": json.dumps({"kty": "EC"}),
    }
    phone.open()
    phone.type_code()
    field = phone.page.get_by_label("Choose your key file")
    for words, text in wrong.items():
        field.set_input_files({"name": "key.json", "mimeType": "application/json", "buffer": text.encode()})
        expect(phone.page.locator(".said")).to_contain_text(words)
    phone.page.get_by_role("button", name="It is this device: go on").tap(force=True)
    expect(phone.page.locator(".said")).to_contain_text("First choose your key file.")


def test_a_keyboard_alone_comes_through_code_and_walk(phone: ScriptedPhone) -> None:
    page, keyboard = phone.page, phone.page.keyboard
    phone.open()
    page.get_by_role("textbox").focus()
    keyboard.type("4028 1937")
    keyboard.press("Enter")
    expect(page.locator(".label")).to_be_visible()  # until the device has answered, its name can't be confirmed
    phone.give_key()
    page.get_by_role("button", name="It is this device: go on").focus()
    keyboard.press("Enter")
    expect(page.get_by_text("Step 1 of 13")).to_be_visible()
    page.wait_for_timeout(SETTLED_MS)
    page.get_by_role("button", name="Leave out…").focus()
    keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    keyboard.press("Tab")  # from where the focus was
    keyboard.press("Tab")
    keyboard.press("Enter")
    wait_for(lambda: answers(phone) == [("yes", "")])
