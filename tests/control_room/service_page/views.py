"""Every view of the page, and how one comes to it."""

import json
from collections.abc import Callable, Mapping

from playwright.sync_api import expect

from agent.trust.jose_keys import PrivateKey
from edge_centre.library import co_sign
from tests.control_room.service_page.conftest import ScriptedPhone
from tests.control_room.service_page.scripted import NAME, VERDICTS, walk


def code(phone: ScriptedPhone) -> None:
    phone.open()
    for digit in "402":
        phone.tap(digit)


def wrong_code(phone: ScriptedPhone) -> None:
    phone.open()
    phone.type_code("11111111")
    expect(phone.page.get_by_text("4 tries left")).to_be_visible()


def closed(phone: ScriptedPhone) -> None:
    phone.device.end("closed")
    phone.open()
    expect(phone.page.get_by_role("heading", name="closed")).to_be_visible()


def label(phone: ScriptedPhone) -> None:
    phone.open()
    phone.type_code()
    phone.give_key()


def _walk(name: str) -> Callable[[ScriptedPhone], None]:
    def show(phone: ScriptedPhone) -> None:
        phone.device.show(walk=walk(name), verdicts=[] if name == "label" else VERDICTS)
        phone.enter()
        expect(phone.page.get_by_role("heading", level=1)).to_be_visible()

    return show


def leave_out(phone: ScriptedPhone) -> None:
    _walk("press")(phone)
    phone.page.wait_for_timeout(600)
    phone.tap("Leave out…")
    phone.page.get_by_label("The part is not fitted").check()


def taken_over(phone: ScriptedPhone) -> None:
    phone.enter()
    phone.device.end("taken-over")
    expect(phone.page.get_by_role("heading", name="Another phone")).to_be_visible()


def lost(phone: ScriptedPhone) -> None:
    _walk("press")(phone)
    phone.device.cut()
    expect(phone.page.locator(".said")).to_contain_text("No answer from the device")


def cameras(phone: ScriptedPhone) -> None:
    phone.enter()
    phone.go("Cameras")
    expect(phone.page.get_by_alt_text("What the camera front sees now")).to_be_visible()


def no_picture(phone: ScriptedPhone) -> None:
    phone.device.no_picture = "the camera front has not answered for 10 s"
    phone.enter()
    phone.go("Cameras")
    expect(phone.page.get_by_text("has not answered")).to_be_visible()


def draw(phone: ScriptedPhone) -> None:
    cameras(phone)
    phone.tap("Draw zones and masks")
    expect(phone.page.get_by_text("Tap something")).to_be_visible()


def draw_zone(phone: ScriptedPhone) -> None:
    draw(phone)
    phone.page.get_by_role("button", name="entrance", exact=True).tap()


def draw_corner(phone: ScriptedPhone) -> None:
    draw_zone(phone)
    phone.page.get_by_role("button", name="Corner 2").focus()


def draw_gone(phone: ScriptedPhone) -> None:
    draw(phone)
    phone.page.get_by_role("button", name="mask 1").tap()
    phone.tap("Details…")
    phone.tap("Remove this mask")
    expect(phone.page.locator(".gone")).to_have_count(1)


def draw_loupe(phone: ScriptedPhone) -> None:
    draw(phone)
    phone.tap("+ Mask")
    stage = phone.page.locator(".stage").bounding_box()
    assert stage is not None
    for x, y in ((0.55, 0.5), (0.75, 0.5)):
        phone.page.touchscreen.tap(stage["x"] + x * stage["width"], stage["y"] + y * stage["height"])
    cdp = phone.page.context.new_cdp_session(phone.page)
    at = {"x": stage["x"] + 0.7 * stage["width"], "y": stage["y"] + 0.6 * stage["height"]}
    cdp.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})


def draw_crossing(phone: ScriptedPhone) -> None:
    phone.device.cameras[0]["zones"][0]["polygon"] = [[0.2, 0.5], [0.7, 0.95], [0.7, 0.5], [0.2, 0.95]]
    draw_zone(phone)


def draw_save(phone: ScriptedPhone) -> None:
    draw(phone)
    phone.tap("+ Mask")
    stage = phone.page.locator(".stage").bounding_box()
    assert stage is not None
    for x, y in ((0.55, 0.5), (0.75, 0.5), (0.75, 0.6)):
        phone.page.touchscreen.tap(stage["x"] + x * stage["width"], stage["y"] + y * stage["height"])
    phone.tap("Done")
    phone.tap("Done")
    phone.tap("Save…")
    expect(phone.page.get_by_text("1 new mask: once saved")).to_be_visible()


def draw_details(phone: ScriptedPhone) -> None:
    draw_zone(phone)
    phone.tap("Details…")


def settings(phone: ScriptedPhone) -> None:
    phone.enter()
    phone.go("Settings")
    expect(phone.page.get_by_label("How the dispatcher reads the place")).to_be_visible()


def settings_camera(phone: ScriptedPhone) -> None:
    settings(phone)
    phone.page.get_by_role("button", name="Camera front").tap()
    phone.page.get_by_label("Who is too far away to report").fill("1.5")
    phone.device.mistakes = [
        {"path": "cameras.front.smallest_person", "sentence": "input should be less than 1 (given: 1.5)"}
    ]
    phone.tap("Check and save 1 change…")
    expect(phone.page.get_by_text("▲ Input should be less than 1")).to_be_visible()


def settings_save(phone: ScriptedPhone) -> None:
    settings(phone)
    phone.page.get_by_label("How the dispatcher reads the place").fill("Park Station, platform 3")
    phone.page.get_by_role("button", name="Brokers").tap()
    phone.page.get_by_label("The brokers").fill("mqtts://broker-a.example:8883\nmqtts://broker-b.example:8883")
    phone.device.two = "Two must sign for mqtt.brokers."
    phone.tap("Check and save 2 changes…")
    expect(phone.page.get_by_role("button", name="Second person…")).to_be_visible()


def second_here(phone: ScriptedPhone) -> None:
    settings_save(phone)
    phone.tap("Second person…")
    key = PrivateKey.generate("supervisor", "nomsa").as_jwk()
    phone.page.get_by_label("Or paste their key").fill(json.dumps(key))
    expect(phone.page.get_by_text("Key of nomsa, supervisor")).to_be_visible()


def second_office(phone: ScriptedPhone) -> None:
    settings_save(phone)
    phone.tap("Second person…")
    phone.tap("The office signs")
    other = co_sign(
        f"/edge/{NAME}", "config-set", {"revision": 7, "changes": {}}, PrivateKey.generate("admin", "nomsa")
    )
    phone.page.get_by_label("What second.jwt has then").fill(other)
    expect(phone.page.get_by_text("They have signed another revision")).to_be_visible()


def report_not_yet(phone: ScriptedPhone) -> None:
    phone.enter()
    phone.go("Report")


def report(phone: ScriptedPhone) -> None:
    _walk("done")(phone)
    phone.tap("To the report")
    expect(phone.page.get_by_text("2 passed, 1 failed, 1 left out")).to_be_visible()


def sealed(phone: ScriptedPhone) -> None:
    report(phone)
    phone.tap("Sign and seal")
    expect(phone.page.get_by_text("Signed and sealed")).to_be_visible()


VIEWS: Mapping[str, Callable[[ScriptedPhone], None]] = {
    "code": code,
    "wrong-code": wrong_code,
    "closed": closed,
    "label": label,
    "walk-label": _walk("label"),
    "walk-preparing": _walk("preparing"),
    "walk-press": _walk("press"),
    "walk-yellow": _walk("yellow"),
    "walk-failed": _walk("failed"),
    "walk-waiting": _walk("waiting"),
    "walk-power-cut": _walk("power-cut"),
    "walk-done": _walk("done"),
    "leave-out": leave_out,
    "taken-over": taken_over,
    "lost": lost,
    "cameras": cameras,
    "no-picture": no_picture,
    "draw": draw,
    "draw-zone": draw_zone,
    "draw-corner": draw_corner,
    "draw-gone": draw_gone,
    "draw-loupe": draw_loupe,
    "draw-crossing": draw_crossing,
    "draw-details": draw_details,
    "draw-save": draw_save,
    "settings-camera": settings_camera,
    "second-here": second_here,
    "second-office": second_office,
    "report-not-yet": report_not_yet,
    "report": report,
    "sealed": sealed,
}
