"""Zones, lines and masks, drawn by a finger on a phone."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

from playwright.sync_api import expect

from agent.contract import layers
from agent.core.errors import SettingsError
from agent.core.polygon import Polygon
from agent.settings import afar
from agent.trust.jose_keys import PrivateKey
from tests.control_room.scripted import ROOM
from tests.control_room.service_page.conftest import PAGE_SOURCE, Phone, ScriptedPhone
from tests.control_room.service_page.scripted import CAMERAS, key_ring

ASPECT = 1280 / 720


class Finger:
    """One or more fingers on the stage. Points are fractions of the picture, which is as wide as the stage."""

    def __init__(self, phone: Phone, aspect: float = ASPECT) -> None:
        self._aspect = aspect
        self._page = phone.page
        self._cdp = phone.page.context.new_cdp_session(phone.page)
        phone.go("Cameras")
        expect(phone.page.get_by_alt_text("What the camera front sees now")).to_be_visible()
        phone.tap("Draw zones and masks")
        expect(phone.page.locator(".stage image").first).to_be_visible()
        self._measure()

    def _measure(self) -> None:
        box = self._page.locator(".stage").bounding_box()
        assert box is not None
        self._box = box

    def at(self, x: float, y: float) -> dict[str, float]:
        box = self._box
        high = box["width"] / self._aspect
        return {"x": box["x"] + x * box["width"], "y": box["y"] + (box["height"] - high) / 2 + y * high}

    def add(self, kind: str) -> None:
        """Begin to draw one more. A click comes a moment after its tap, and another tap may come before."""
        self._page.get_by_role("button", name=f"+ {kind}").tap()
        expect(self._page.locator(".hint")).to_contain_text(re.compile("Tap the first corner|where the line begins"))
        self._measure()  # the list of what there is may take another row

    def down(self, *points: tuple[float, float]) -> None:
        self._send("touchStart", *points)

    def move(self, *points: tuple[float, float]) -> None:
        self._send("touchMove", *points)

    def up(self) -> None:
        self._send("touchEnd")

    def tap(self, x: float, y: float) -> None:
        self.down((x, y))
        self.up()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.down(start)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        for point in (middle, end):
            self.move(point)
        self.up()

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{**self.at(*point), "id": number} for number, point in enumerate(points)]
        self._cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def saved(phone: ScriptedPhone) -> dict[str, Any]:
    """What the last signature that was sent would change of the camera."""
    claims = phone.device.verified(phone.device.heard_at("settings")[-1]["token"]).claims
    assert claims["name"] == "config-set"
    [camera] = claims["args"]["changes"]["cameras"]
    assert isinstance(camera, dict)
    return camera


def save(phone: ScriptedPhone) -> None:
    phone.tap("Save…")
    phone.tap("Sign and save")
    expect(phone.page.get_by_role("dialog")).to_have_count(0)


def near(found: list[list[float]], wanted: list[list[float]]) -> bool:
    return len(found) == len(wanted) and all(
        abs(a - b) <= 0.006 for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_a_zone_drawn_by_a_finger_is_the_one_that_a_file_would_have(phone: ScriptedPhone, tmp_path: Path) -> None:
    phone.enter()
    finger = Finger(phone)
    finger.add("Zone")
    finger.tap(0.05, 0.25)
    phone.tap("Done")
    expect(phone.page.locator(".said")).to_contain_text("A zone needs at least 3 corners.")
    finger.tap(0.45, 0.25)
    # A finger that is down may still slide, under the magnifier; near the edge of the picture a corner is on it.
    finger.down((0.6, 0.7))
    expect(phone.page.locator(".loupe")).to_be_visible()
    finger.move((0.45, 0.97))
    finger.up()
    expect(phone.page.locator(".loupe")).to_have_count(0)
    finger.tap(0.01, 0.98)
    phone.tap("Undo")
    finger.tap(0.015, 0.98)
    finger.tap(0.05, 0.25)  # the first corner again: done
    expect(phone.page.get_by_text("Drag a corner.")).to_be_visible()
    finger.tap(0.25, 0.25)  # the middle of its upper side: one more corner
    finger.drag((0.25, 0.25), (0.25, 0.15))
    phone.tap("Done")
    save(phone)
    expect(phone.page.locator(".said")).to_contain_text("Saved")
    camera = saved(phone)
    assert set(camera) == {"name", "zones"}, "what has not changed is not said"
    entrance, drawn = camera["zones"]
    assert entrance == CAMERAS[0]["zones"][0], "a zone that nobody touched keeps all that it had"
    assert near(drawn["polygon"], [[0.05, 0.25], [0.25, 0.15], [0.45, 0.25], [0.45, 1.0], [0.0, 1.0]])
    assert drawn["polygon"][3][1] == 1.0
    assert drawn["polygon"][4] == [0.0, 1.0]

    # The same numbers in a file give the same settings, and so the same events.
    profile = ROOM.parents[1] / "firmware_configs" / "simulated" / "edge-agent.toml"
    from_page = afar.apply(layers.read(profile)[0], {"cameras": [camera]}, "page").cameras[0]
    corners = ", ".join(f"[{x}, {y}]" for x, y in drawn["polygon"])
    zone = f'[[cameras.zones]]\nname = "zone-1"\npolygon = [{corners}]\n'
    file = tmp_path / "edge-agent.toml"
    file.write_text(profile.read_text().replace("[health]", zone + "[health]"))
    from_file = afar.apply(layers.read(file)[0], {}, "file").cameras[0]
    assert from_page.zones[1] == from_file.zones[0]


def test_corners_are_dragged_removed_nudged_and_taken_back(phone: ScriptedPhone) -> None:
    phone.enter()
    finger = Finger(phone)
    finger.tap(0.4, 0.8)  # into the zone
    expect(phone.page.get_by_role("button", name="entrance")).to_have_attribute("aria-pressed", "true")
    # Whoever takes a corner beside its middle does not move it by that.
    finger.drag((0.62, 0.52), (0.67, 0.62))
    corner = phone.page.get_by_role("button", name="Corner 2")
    expect(corner).to_have_attribute("aria-label", "Corner 2: 65 % across, 60 % down")
    phone.tap("Right")
    phone.tap("Right")
    corner.focus()
    phone.page.keyboard.press("ArrowDown")
    expect(corner).to_have_attribute("aria-label", "Corner 2: 66 % across, 61 % down")
    phone.tap("Remove corner")
    expect(phone.page.get_by_role("button", name="Corner 4")).to_have_count(0)
    phone.page.get_by_role("button", name="Corner 1").focus()
    phone.page.keyboard.press("Delete")
    expect(phone.page.locator(".said")).to_contain_text("A zone needs at least 3 corners.")
    phone.page.keyboard.press("Control+z")
    expect(corner).to_have_attribute("aria-label", "Corner 2: 66 % across, 61 % down")
    # A corner near one of another thing is in the same place.
    finger.drag((0.66, 0.61), (0.795, 0.605))
    expect(corner).to_have_attribute("aria-label", "Corner 2: 80 % across, 60 % down")
    phone.tap("Undo")
    # Two fingers make it larger, and draw nothing.
    finger.down((0.3, 0.3))
    finger.down((0.3, 0.3), (0.5, 0.3))
    finger.move((0.2, 0.3), (0.6, 0.3))
    finger.up()
    width = phone.page.locator(".stage image").first.get_attribute("width")
    assert width is not None
    assert 2 * 370 < float(width) < 2 * 410
    assert phone.page.locator(".corner").count() == 4
    save_is = phone.page.get_by_role("button", name="Save…")
    phone.tap("Done")
    expect(save_is).to_be_visible()


def test_a_polygon_that_crosses_itself_is_shown_and_refused_in_words(phone: ScriptedPhone) -> None:
    phone.enter()
    finger = Finger(phone)
    finger.add("Zone")
    for point in ((0.1, 0.55), (0.18, 0.9), (0.18, 0.55), (0.1, 0.9)):
        finger.tap(*point)
    phone.tap("Done")
    expect(phone.page.get_by_text("Its sides cross (dashed).")).to_be_visible()
    expect(phone.page.locator(".crossing").first).to_be_visible()
    phone.tap("Done")
    phone.tap("Save…")
    expect(phone.page.get_by_role("dialog")).to_have_count(0)
    expect(phone.page.get_by_text("Its sides cross (dashed).")).to_be_visible()
    finger.drag((0.1, 0.9), (0.05, 0.7))
    finger.drag((0.18, 0.55), (0.18, 0.95))
    finger.drag((0.18, 0.9), (0.18, 0.6))
    expect(phone.page.locator(".crossing")).to_have_count(0)
    assert phone.device.heard_at("settings/check") == []


def test_a_mask_can_be_added_by_one_and_goes_or_changes_by_two(phone: ScriptedPhone, tmp_path: Path) -> None:
    page, device = phone.page, phone.device
    phone.enter()
    finger = Finger(phone)
    finger.add("Mask")
    for point in ((0.75, 0.1), (0.95, 0.1), (0.95, 0.4), (0.75, 0.4)):
        finger.tap(*point)
    phone.tap("Done")
    # One that is not in force yet can be taken away, and got back.
    phone.tap("Details…")
    phone.tap("Remove this mask")
    expect(page.get_by_role("button", name="mask 2")).to_have_count(0)
    phone.tap("Undo")
    expect(page.get_by_role("button", name="mask 2")).to_have_count(1)
    phone.tap("Save…")
    expect(page.get_by_role("dialog")).to_contain_text("1 new mask: once saved, it takes a second person")
    phone.tap("Sign and save")
    expect(page.locator(".said")).to_contain_text("Saved")
    assert near(saved(phone)["masks"][1], [[0.75, 0.1], [0.95, 0.1], [0.95, 0.4], [0.75, 0.4]])
    expect(page.get_by_role("button", name="Nothing to save")).to_be_visible()

    # Both are in force now. One that goes stays drawn as what it is.
    gone = page.locator(".gone")
    finger.tap(0.09, 0.3)
    expect(page.get_by_text("In force. If you change or remove it, a second person must sign")).to_be_visible()
    phone.tap("Details…")
    phone.tap("Remove this mask")
    expect(gone).to_have_text("taken away")
    expect(page.get_by_text("1 mask in force is to be taken away or changed. Undo brings it back.")).to_be_visible()
    phone.tap("Undo")
    expect(gone).to_have_count(0)
    finger.tap(0.09, 0.3)
    finger.drag((0.16, 0.45), (0.1, 0.45))
    expect(gone).to_have_count(1)
    device.two = "Two must sign for what front may show then."
    phone.tap("Done")
    phone.tap("Save…")
    expect(page.get_by_role("dialog")).to_contain_text("Two must sign for what front may show then.")
    phone.tap("Second person…")
    nomsa = PrivateKey.generate("supervisor", "nomsa")
    page.get_by_label("Or paste their key").fill(json.dumps(nomsa.as_jwk()))
    device.result = {"status": "failed", "code": "second-signer", "text": "nomsa is not known here"}
    phone.tap("Sign and save")
    expect(page.locator(".said")).to_contain_text("Not saved: nomsa is not known here")
    expect(gone).to_have_count(1)
    args = device.verified(device.heard_at("settings")[-1]["token"]).claims["args"]
    second = key_ring(tmp_path, nomsa).verify(args.pop("second").encode())
    assert second.claims["args"] == args
    assert near(args["changes"]["cameras"][0]["masks"][0], [[0.02, 0.1], [0.16, 0.1], [0.1, 0.45], [0.02, 0.45]])


def test_a_line_has_two_ends_and_can_be_turned(phone: ScriptedPhone) -> None:
    phone.enter()
    finger = Finger(phone)
    finger.add("Line")
    finger.tap(0.1, 0.9)
    finger.tap(0.3, 0.5)
    phone.tap("Details…")
    phone.page.get_by_label("Name").fill("Stairs Up")
    phone.tap("Turn the line around")
    phone.tap("Close")
    expect(phone.page.get_by_text("A name has small letters, digits and hyphens.")).to_be_visible()
    phone.tap("Details…")
    phone.page.get_by_label("Name").fill("stairs-up")
    phone.tap("Close")
    phone.tap("Done")
    save(phone)
    gate, stairs = saved(phone)["lines"]
    assert gate == CAMERAS[0]["lines"][0]
    assert stairs["name"] == "stairs-up"
    assert near([stairs["from"], stairs["to"]], [[0.3, 0.5], [0.1, 0.9]])


def test_a_drawing_outlives_its_camera_its_session_and_a_refusal(phone: ScriptedPhone) -> None:
    page, device = phone.page, phone.device
    phone.enter()
    finger = Finger(phone)
    finger.add("Zone")
    finger.tap(0.1, 0.6)
    device.no_picture = "the camera front has not answered for 10 s"
    expect(page.get_by_text("The camera gives no picture now. Your drawing is kept, on the last one.")).to_be_visible()
    for point in ((0.18, 0.6), (0.18, 0.9)):
        finger.tap(*point)
    phone.tap("Done")
    device.end("ended")
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    phone.tap("Enter the code")
    phone.type_code()
    device.no_picture = ""
    expect(page.get_by_role("button", name="zone-1")).to_be_visible()
    phone.tap("Done")
    # A mistake stands beside what it belongs to.
    device.mistakes = [{"path": "cameras.front.zones.1.name", "sentence": "zone-1 is taken by another camera"}]
    phone.tap("Save…")
    expect(page.get_by_text("zone-1 is taken by another camera")).to_be_visible()
    expect(page.get_by_role("button", name="zone-1")).to_have_class("is-bad")
    expect(page.get_by_role("button", name="zone-1")).to_have_attribute("aria-pressed", "true")
    device.mistakes = []
    phone.tap("Done")
    save(phone)
    expect(page.locator(".said")).to_contain_text("Saved")


def test_page_and_device_agree_on_which_polygons_cross_themselves(tmp_path: Path) -> None:
    random = Random(17)
    grid = [i / 4 for i in range(5)]
    polygons = [[[random.choice(grid), random.choice(grid)] for _ in range(random.randint(3, 6))] for _ in range(1500)]
    program = tmp_path / "program.mjs"
    program.write_text(
        f"""import {{ build }} from {json.dumps(str(ROOM / "node_modules/esbuild/lib/main.js"))};
const options = {{ bundle: true, format: "esm", write: false, entryPoints: [process.argv[2]] }};
const {{ outputFiles }} = await build(options);
const url = "data:text/javascript;base64," + Buffer.from(outputFiles[0].contents).toString("base64");
const {{ faultOf }} = await import(url);
const polygons = JSON.parse(process.argv[3]);
const of = (polygon) => faultOf({{ zones: [], lines: [], masks: [polygon] }}, {{ kind: "masks", index: 0 }});
console.log(JSON.stringify(polygons.map(of)));
"""
    )
    node = shutil.which("node")
    assert node is not None
    source = PAGE_SOURCE / "drawing.ts"
    done = subprocess.run(
        [node, program, source, json.dumps(polygons)], check=True, capture_output=True, text=True, timeout=60
    )
    found = json.loads(done.stdout)
    assert found == [_fault(polygon) for polygon in polygons]
    assert {None, "twice", "crosses"} == set(found)


def _fault(polygon: list[list[float]]) -> str | None:
    try:
        Polygon([(x, y) for x, y in polygon])
    except (ValueError, SettingsError) as error:
        return "crosses" if "crosses" in str(error) else "twice"
    return None
