"""The service page in a browser, in front of a whole simulated kiosk."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from agent.core import service_code
from agent.service_page import page as service_page
from agent.settings.kept import begin
from edge_centre.key_files import make_key, private_path
from tests.control_room.service_page.conftest import PHONE, Phone
from tests.control_room.service_page.test_drawing import Finger
from tests.support.agent_process import USER, AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.service_page import CODE, KEPT, Page
from tests.support.vision_media import demo_video
from tests.support.wait import wait_for

LOWER_LEFT = """() => {
  const picture = document.querySelector(".preview img");
  const { naturalWidth: width, naturalHeight: height } = picture;
  const drawing = new OffscreenCanvas(width, height).getContext("2d");
  drawing.drawImage(picture, 0, 0);
  return [...drawing.getImageData(0.1 * width, 0.9 * height, 1, 1).data.slice(0, 3)];
}"""
BUTTONS = [{"name": "police", "pin": 17, "debounce_ms": 0, "chatter_presses": 0}]
LIGHTS = {"yellow": 22, "green": 27, "beacon": 23}
CAMERA = {"name": "front", "source": f"file:{demo_video()}?loop=1"}
SERVICE = {"name": "key", "kind": "service", "pin": 16, "active_when": "closed", "delay_s": 0, "restore_s": 0}


@pytest.fixture
def agent(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AgentProcess]:
    monkeypatch.setattr(service_page, "_LOOK_S", 0.05)
    files = authorities.device(USER)
    agent = AgentProcess(
        tmp_path / "kiosk",
        tls_broker.url,
        mqtt=files.mqtt,
        buttons=BUTTONS,
        lights=LIGHTS,
        inputs=[SERVICE],
        cameras=[CAMERA],
    )
    agent.storage.mkdir()
    (agent.storage / service_code.FILE).write_bytes(service_code.written(KEPT))
    with agent:
        yield agent


@pytest.mark.long
def test_a_kiosk_is_walked_a_zone_drawn_and_the_report_sealed_from_a_phone(
    agent: AgentProcess,
    tls_broker: Mosquitto,
    authorities: BrokerAuthorities,
    chromium: Browser,
    built_service_page: Path,
    tmp_path: Path,
) -> None:
    assert built_service_page == service_page.STATIC
    key = make_key("technician", agent.directory / "keys")
    supervisor = private_path(agent.directory / "keys", make_key("supervisor", agent.directory / "keys"))
    page_of = Page(tmp_path, agent=agent.directory / "run", walk=agent.storage / "commissioning")
    context = chromium.new_context(**PHONE)
    with Centre(tls_broker.centre_port, host="localhost", files=authorities.centre(CENTRE)) as centre:
        agent.sim("hold", name="key")
        centre.wait_for("security/service-page-opened")
        with page_of:
            phone = Phone(context.new_page(), page_of.told[-1], agent.directory / "keys" / f"{key.kid}.key.json")
            page = phone.page
            phone.enter(CODE, f"Key of {key.issuer}, technician")
            agent.wait_for_outputs(yellow="fast-flash", beacon="fast-flash")
            expect(page.get_by_role("heading", name="label")).to_be_visible()
            draw(phone)
            take_the_mask_away(phone, supervisor)
            set_by_form(phone, supervisor, agent)
            entered = centre.wait_for("event/person-entered", lambda m: m.data.get("zone") == "zone-1", timeout_s=60)
            assert entered.data["camera"] == "front"
            phone.go("Walk")
            button = page.get_by_text("The button 'police': press it once")
            phone.answer("Yes", page.get_by_role("heading", name="self test").or_(button))
            expect(button).to_be_visible()  # the self-test has passed by itself
            agent.press("police")
            assert centre.wait_for_alarm(input="police").data["status"] == "test"
            expect(page.get_by_text("Is yellow lit?")).to_be_visible()
            phone.answer("Yes", page.get_by_role("heading", name="camera front view"))
            # No test runs now: a press is in earnest (an exercise, as its pin is simulated), and the walk waits.
            centre.wait_for_alarm("closed", input="police")
            agent.press("police")
            earnest = centre.wait_for_alarm(input="police", status="exercise").data["alarm_id"]
            expect(page.get_by_role("heading", name="A real alarm is open")).to_be_visible()
            centre.acknowledge(earnest, agent.key, "closed")
            expect(page.get_by_role("heading", name="camera front view")).to_be_visible()
            done = page.get_by_role("heading", name="Every step has its verdict")
            while not done.is_visible():
                heading = page.get_by_role("heading", level=1).inner_text()
                leave_out(phone)
                expect(page.get_by_role("heading", name=heading, exact=True)).to_have_count(0)
            phone.tap("To the report")
            page.get_by_label("Note for the office").fill("lamp cover is cracked")
            phone.tap("Sign and seal")
            expect(page.get_by_text("The device keeps the report")).to_be_visible()
            report = centre.wait_for("commissioning").data["report"]
            assert report["by"]["kid"] == key.kid
            assert report["note"] == "lamp cover is cracked"
            assert [each["alarm_id"] for each in report["in_earnest"]] == [earnest]
            steps = {step["name"]: step for step in report["steps"]}
            assert steps["button-police"]["verdict"] == "passed"
            drawn = {figure["name"]: figure["value"] for figure in steps["camera-front-view"]["figures"]}
            assert drawn == {"zones": 1, "lines": 0, "masks": 0}
            assert phone.complaints == []
        # The page has closed, and the phone says so.
        expect(page.get_by_text("Your report is sealed")).to_be_visible()
    context.close()


def draw(phone: Phone) -> None:
    """Draw a zone and a mask on what the camera sees now, and save them."""
    page = phone.page
    phone.go("Cameras")
    expect(page.get_by_alt_text("What the camera front sees now")).to_be_visible(timeout=60_000)
    finger = Finger(phone, aspect=768 / 576)
    finger.add("Zone")
    for point in ((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)):
        finger.tap(*point)
    phone.tap("Done")
    phone.tap("Done")
    finger.add("Mask")
    for point in ((0.01, 0.7), (0.2, 0.7), (0.2, 0.99), (0.01, 0.99)):
        finger.tap(*point)
    phone.tap("Done")
    phone.tap("Done")
    phone.tap("Save…")
    phone.tap("Sign and save")
    expect(page.locator(".said")).to_contain_text("Saved", timeout=120_000)
    # What the mask hides is not in the picture any more.
    phone.tap("Back")
    wait_for(lambda: page.evaluate(LOWER_LEFT) == [128, 128, 128], what="a picture with the mask in it")


def take_the_mask_away(phone: Phone, supervisor: Path) -> None:
    """Have a supervisor who is there sign that the mask goes."""
    page = phone.page
    phone.tap("Draw zones and masks")
    page.get_by_role("button", name="mask 1").tap()
    phone.tap("Details…")
    phone.tap("Remove this mask")
    phone.tap("Save…")
    expect(page.get_by_role("dialog")).to_contain_text("Two must sign for what front may show then.")
    phone.tap("Second person…")
    page.get_by_label("Choose their key file").set_input_files(supervisor)
    expect(page.get_by_text("✓ Key of")).to_be_visible()
    phone.tap("Sign and save")
    expect(page.locator(".said")).to_contain_text("Saved", timeout=120_000)
    phone.tap("Back")
    wait_for(lambda: page.evaluate(LOWER_LEFT) != [128, 128, 128], what="a picture without the mask")


def set_by_form(phone: Phone, supervisor: Path, agent: AgentProcess) -> None:
    """Change a figure of the camera, alone; and with the office, how often the health is reported."""
    page = phone.page
    phone.go("Settings")
    groups = page.get_by_role("group", name="Which settings")
    groups.get_by_role("button", name="Camera front").tap()
    page.get_by_label("Who is too far away to report").fill("1,5")
    phone.tap("Check and save 1 change…")
    expect(page.get_by_text("▲ Input should be less than 1 (given: 1.5)")).to_be_visible()
    page.get_by_label("Who is too far away to report").fill("0,06")
    phone.tap("Check and save 1 change…")
    expect(page.get_by_role("dialog")).to_contain_text("from 0.07 of height → to 0.06 of height")
    phone.tap("Sign and save")
    expect(page.locator(".said")).to_contain_text("Saved", timeout=120_000)
    expect(page.get_by_text("now 0.06 of height · set since")).to_be_visible()

    groups.get_by_role("button", name="Health").tap()
    page.get_by_label("How often the health is reported").fill("45")
    phone.tap("Check and save 1 change…")
    phone.tap("Second person…")
    phone.tap("The office signs")
    program, *words = shlex.split(page.get_by_label("An admin or supervisor runs this").input_value())
    assert program == "edge-centre"
    out = agent.directory / "second.jwt"
    theirs = {"YOUR.key.json": supervisor, "second.jwt": out}
    done = run_cli(*(theirs.get(word, word) for word in words))
    assert done.returncode == 0, done.stderr
    page.get_by_label("What second.jwt has then").fill(out.read_text())
    phone.tap("Sign and save")  # the agent starts again
    expect(page.locator(".said")).to_contain_text("Saved", timeout=120_000)
    expect(page.get_by_text("now 45 s · set since")).to_be_visible()
    settings = begin(agent.config).settings
    assert (settings.health.interval_s, settings.cameras[0].smallest_person) == (45, 0.06)
    assert settings.cameras[0].masks == ()


def leave_out(phone: Phone) -> None:
    reason = phone.page.get_by_label("I have no tool for it here")
    phone.answer("Leave out…", reason)
    reason.check()
    phone.tap("Leave it out")
    expect(phone.page.get_by_role("dialog")).to_have_count(0)
