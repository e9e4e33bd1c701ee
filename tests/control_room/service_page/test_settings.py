"""Settings by form, and what takes a second person, on a phone."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from agent.trust.jose_keys import PrivateKey, sign
from edge_centre.__main__ import PROGRAM
from edge_centre.library import co_sign
from tests.control_room.service_page.conftest import ScriptedPhone
from tests.control_room.service_page.scripted import NAME, key_ring

SOURCE = f"/edge/{NAME}"
TWO = "Two must sign for mqtt.brokers."
BROKERS = {"mqtt": {"brokers": ["mqtts://b.example:8883", "mqtts://c.example:8883"]}}


def order(phone: ScriptedPhone, number: int = -1) -> dict[str, Any]:
    """The arguments of the settings that were sent last."""
    claims = phone.device.verified(phone.device.heard_at("settings")[number]["token"]).claims
    assert claims["name"] == "config-set"
    args: dict[str, Any] = claims["args"]
    return args


def group(phone: ScriptedPhone, name: str) -> None:
    phone.page.get_by_role("group", name="Which settings").get_by_role("button", name=name).tap()


def change_brokers(phone: ScriptedPhone) -> None:
    """Come as far as the question who the second person is."""
    phone.enter()
    phone.go("Settings")
    group(phone, "Brokers")
    phone.page.get_by_label("The brokers").fill("mqtts://b.example:8883\n mqtts://c.example:8883 \n")
    phone.device.two = TWO
    phone.tap("Check and save 1 change…")
    dialog = phone.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Brokers: the brokerstwo sign")
    expect(dialog).to_contain_text("from mqtt://127.0.0.1:1883 → to mqtts://b.example:8883, mqtts://c.example:8883")
    expect(dialog).to_contain_text(TWO)
    phone.tap("Second person…")
    expect(phone.page.get_by_role("heading", name="A second person signs")).to_be_visible()


def test_only_what_was_changed_is_signed_and_a_mistake_stands_at_its_field(phone: ScriptedPhone) -> None:
    page, device = phone.page, phone.device
    phone.enter()
    phone.go("Settings")
    page.get_by_label("How the dispatcher reads the place").fill("Park Station, platform 3")
    group(phone, "Camera front")
    page.get_by_label("Who is too far away to report").fill("0,1")
    page.get_by_label("Processor threads of the model").fill("many")
    expect(page.get_by_label("Where the pictures come from")).to_have_value("")
    assert "hunter2" not in page.content()
    expect(page.get_by_text("now rtsp://***@10.0.0.5/stream")).to_be_visible()
    group(phone, "Storage")
    page.get_by_label("The budget of pictures and events").fill("128")
    group(phone, "Self-test")
    page.get_by_label("The time of the daily self-test").fill("02:30")

    device.mistakes = [{"path": "cameras.front.threads", "sentence": "input should be a valid integer (given: 'many')"}]
    phone.tap("Check and save 5 changes…")
    expect(page.get_by_text("▲ Input should be a valid integer (given: 'many')")).to_be_visible()
    expect(page.get_by_label("Processor threads of the model")).to_have_attribute("aria-invalid", "true")
    device.mistakes = [{"path": "", "sentence": "the disk is full"}]
    page.get_by_label("Processor threads of the model").fill("2")  # as before: not changed any more
    expect(page.get_by_text("▲ Input should be")).to_have_count(0)
    phone.tap("Check and save 4 changes…")
    expect(page.locator(".said")).to_contain_text("the disk is full")
    device.mistakes = []
    phone.tap("Check and save 4 changes…")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Camera front: who is too far away to report")
    expect(dialog).to_contain_text("from 0.07 of height → to 0.1 of height")
    expect(dialog).to_contain_text("from 64 MiB → to 128 MiB")
    phone.tap("Sign and save")
    expect(page.locator(".said")).to_contain_text("Saved")
    changes = {
        "device": {"location": {"text": "Park Station, platform 3"}},
        "self_test": {"at": "02:30:00+02:00"},
        "storage": {"telemetry_max_bytes": 128 * 1024 * 1024},
        "cameras": [{"name": "front", "smallest_person": 0.1}],
    }
    assert order(phone) == {"revision": 8, "changes": changes}
    assert device.heard_at("settings/check")[-1] == {"changes": changes}
    expect(page.get_by_role("button", name="Nothing changed")).to_be_visible()


def test_another_person_signs_here_and_their_key_is_forgotten(
    phone: ScriptedPhone, technician: PrivateKey, tmp_path: Path
) -> None:
    page, device = phone.page, phone.device
    change_brokers(phone)
    dialog = page.get_by_role("dialog")
    nomsa = PrivateKey.generate("supervisor", "nomsa")
    refused = {
        "That key is of sipho too": PrivateKey.generate("admin", "sipho"),
        "or is the same key": PrivateKey("admin-1", "admin", "nomsa", technician.key),
        "That key has the role technician.": PrivateKey.generate("technician", "lerato"),
        "That key has the role operator.": PrivateKey.generate("operator", "thandi"),
    }
    for why, key in refused.items():
        page.get_by_label("Or paste their key").fill(json.dumps(key.as_jwk()))
        expect(dialog).to_contain_text(why)
        expect(page.get_by_role("button", name="Sign and save")).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Or paste their key").fill("hello")
    expect(dialog).to_contain_text("That file is no key.")
    assert device.heard_at("settings") == []
    file = tmp_path / "nomsa.key.json"
    file.write_text(json.dumps(nomsa.as_jwk()))
    page.get_by_label("Choose their key file").set_input_files(file)
    expect(dialog).to_contain_text("✓ Key of nomsa, supervisor")
    # A revision that was taken since the question was asked is no matter to somebody who is here.
    device.revision = 11
    phone.tap("Sign and save")
    expect(page.locator(".said")).to_contain_text("Saved")
    args = order(phone)
    second = key_ring(tmp_path, nomsa).verify(args.pop("second").encode())
    assert args == {"revision": 12, "changes": BROKERS}
    assert (second.issuer, second.claims["name"], second.claims["aud"]) == ("nomsa", "config-set", SOURCE)
    assert second.claims["args"] == args
    assert second.claims["exp"] == second.claims["iat"], "it is good for nothing else"
    assert nomsa.as_jwk()["d"] not in json.dumps(device.heard)

    # The next change that takes two asks for a key again.
    page.get_by_label("The brokers").fill("mqtts://d.example")
    phone.tap("Check and save 1 change…")
    phone.tap("Second person…")
    expect(page.get_by_role("button", name="Sign and save")).to_have_attribute("aria-disabled", "true")
    expect(dialog).not_to_contain_text("nomsa")


def test_the_office_signs_by_the_very_command_that_the_page_shows(
    phone: ScriptedPhone, technician: PrivateKey, tmp_path: Path
) -> None:
    page, device = phone.page, phone.device
    phone.enter()
    phone.go("Settings")
    place = "O'Brien's, \"Nord\" $HOME `x` \\ \u00e9 \ufdfd \U0001d54f"
    page.get_by_label("How the dispatcher reads the place").fill(place)
    page.get_by_label("The time zone of the zones' hours").fill("Africa/Maputo")
    changes = {"device": {"location": {"text": place}, "time_zone": "Africa/Maputo"}}
    device.two = "Two must sign for device.time_zone."
    phone.tap("Check and save 2 changes…")
    phone.tap("Second person…")
    phone.tap("The office signs")
    nomsa = PrivateKey.generate("admin", "nomsa")
    file, out = tmp_path / "nomsa.key.json", tmp_path / "second.jwt"
    file.write_text(json.dumps(nomsa.as_jwk()))

    def office(line: str) -> str:
        """What the office sends back for a command that was sent to it."""
        program, *words = shlex.split(line)
        assert program == "edge-centre"
        assert line.isascii()
        args = PROGRAM.whole_parser().parse_args(
            [{"YOUR.key.json": str(file), "second.jwt": str(out)}.get(w, w) for w in words]
        )
        assert args.run(args) == 0
        return out.read_text()

    expect(page.get_by_role("dialog")).not_to_contain_text("login")
    command, token = (
        page.get_by_label("An admin or supervisor runs this"),
        page.get_by_label("What second.jwt has then"),
    )
    phone.tap("Copy the command")
    right = office(command.input_value())
    asked = {"revision": 8, "changes": changes}
    other = SOURCE.replace("0042", "0043")
    reboot = {"cmd_id": "c1", "name": "reboot", "args": {}, "aud": SOURCE, "iss": nomsa.issuer}
    wrong = {
        "That is not what --co-sign writes": "eyJhbGciOiJFZERTQSJ9",
        "They have signed for another device": co_sign(other, "config-set", asked, nomsa),
        "They have signed other changes": co_sign(SOURCE, "config-set", {**asked, "changes": {}}, nomsa),
        "They have signed another revision": co_sign(SOURCE, "config-set", {**asked, "revision": 7}, nomsa),
        "They have signed another command": sign(reboot, nomsa).decode(),
        "Both signatures are of you": co_sign(SOURCE, "config-set", asked, PrivateKey.generate("admin", "sipho")),
    }
    for why, text in wrong.items():
        token.fill(text)
        expect(page.get_by_role("dialog")).to_contain_text(why)
        expect(page.get_by_role("button", name="Sign and save")).to_have_attribute("aria-disabled", "true")
    assert device.heard_at("settings") == []

    device.revision = 8  # meanwhile
    token.fill(right)
    phone.tap("Sign and save")
    expect(page.get_by_role("dialog")).to_contain_text("The command has the number 9 now: have it signed again.")
    expect(token).to_have_value("")
    assert device.heard_at("settings") == []
    token.fill(office(command.input_value()).replace(".", ".\n "))  # as a messenger may break it
    phone.tap("Sign and save")
    expect(page.locator(".said")).to_contain_text("Saved")
    args = order(phone)
    assert key_ring(tmp_path, nomsa).verify(args.pop("second").encode()).claims["args"] == args
    assert args == {"revision": 9, "changes": changes}


def test_a_camera_s_login_in_the_office_s_command_is_pointed_out_before_anybody_sends_it(phone: ScriptedPhone) -> None:
    page = phone.page
    phone.enter()
    phone.go("Settings")
    group(phone, "Camera front")
    for source, has_login in (
        ("rtsp://viewer:s3cret@10.0.0.6/stream", True),
        ("http://10.0.0.6/live?user=viewer&pwd=s3cret", True),
        ("rtsp://10.0.0.6/stream", False),
    ):
        page.get_by_label("Where the pictures come from").fill(source)
        phone.device.two = "Two must sign for cameras.source."
        phone.tap("Check and save 1 change…")
        phone.tap("Second person…")
        phone.tap("The office signs")
        expect(page.get_by_label("An admin or supervisor runs this")).to_have_value(re.compile(re.escape(source)))
        expect(page.get_by_text("There is a login in this command.")).to_have_count(int(has_login))
        phone.tap("Cancel")
