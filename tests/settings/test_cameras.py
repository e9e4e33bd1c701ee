import math
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent.adapters.child_link import CoreLink
from agent.bootstrap.specs import meta
from agent.bootstrap.vision_specs import vision_spec
from agent.contract.device import CameraMeta
from agent.contract.vocabulary import TamperKind
from agent.core.camera.link import Start, decode_for_vision
from agent.core.camera.settings import DAYS
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import SettingsError
from agent.core.link_lines import LONGEST_LINE, encode
from agent.settings import CameraSettings, Settings, load

DEVICE = """\
[device]
province = "gp"
site = "park-station"
id = "camera-1"
[storage]
directory = "/var/lib/edge-agent"
[mqtt]
brokers = ["mqtts://a.example:8883"]
[[cameras]]
name = "front"
source = "picamera2:0"
"""


def settings_of(tmp_path: Path, *lines: str) -> Settings:
    path = tmp_path / "edge-agent.toml"
    path.write_text(DEVICE + "\n".join(lines))
    return load(path, {})


def cameras_in_meta(tmp_path: Path, *lines: str) -> tuple[CameraMeta, ...]:
    return meta(settings_of(tmp_path, *lines)).cameras


def spec_of(tmp_path: Path, *lines: str) -> VisionSpec:
    settings = settings_of(tmp_path, *lines)
    return vision_spec(settings, settings.cameras[0], simulate=False)


def test_what_runs_the_model_comes_from_the_settings(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        'model = "ours"',
        "threads = 4",
        'delegate = "libedgetpu.so.1"',
        'delegate_options = { device = "usb:0" }',
    )

    assert (spec.model, spec.threads, spec.delegate) == ("ours", 4, "libedgetpu.so.1")
    assert spec.delegate_options == {"device": "usb:0"}


def test_without_a_word_the_runtime_of_the_processor_does(tmp_path: Path) -> None:
    assert spec_of(tmp_path).delegate == "xnnpack"


@pytest.mark.parametrize("library", ["/usr/lib/libedgetpu.so.1.0", "libQnnTFLiteDelegate.so", "none"])
def test_a_library_may_have_a_path_and_a_version(tmp_path: Path, library: str) -> None:
    assert spec_of(tmp_path, f'delegate = "{library}"').delegate == library


def test_masks_come_from_the_settings_and_from_a_file_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "front.json"
    file.write_text('{"version": 1, "masks": [{"name": "window", "polygon": [[0, 0], [0.5, 0], [0.5, 1]]}]}')
    lines = (f'mask_file = "{file}"', "masks = [[[0, 0], [1, 0], [1, 0.25]]]")
    spec = spec_of(tmp_path, *lines)

    assert spec.masks == (((0.0, 0.0), (1.0, 0.0), (1.0, 0.25)),)
    assert spec.mask_file == file
    assert cameras_in_meta(tmp_path, *lines)[0]["masks"] == 2


def test_without_a_mask_there_is_none(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)

    assert (spec.masks, spec.mask_file) == ((), None)
    assert cameras_in_meta(tmp_path)[0]["masks"] == 0


def test_a_mask_file_that_is_not_there_is_no_mistake_of_the_settings_and_no_number_of_masks(tmp_path: Path) -> None:
    lines = (f'mask_file = "{tmp_path / "nowhere.json"}"', "masks = [[[0, 0], [1, 0], [1, 0.25]]]")

    assert spec_of(tmp_path, *lines).mask_file == tmp_path / "nowhere.json"
    assert "masks" not in cameras_in_meta(tmp_path, *lines)[0]


@pytest.mark.parametrize(
    ("masks", "reason"),
    [
        ("[[[0, 0], [1, 0]]]", 'masks.0 of camera "front": a polygon needs at least 3 points'),
        ("[[[0, 0], [1, 0], [1, 2]]]", 'masks.0 of camera "front": point 3 (1, 2) lies outside of the picture'),
        ("[[[0, 0], [1, 0], [1, nan]]]", 'masks.0 of camera "front": point 3 (1, nan) lies outside of the picture'),
        (
            "[[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [1, 0], [0, 1]]]",
            'camera "front": it crosses itself',
        ),
        ("[[0, 0], [1, 0], [1, 1]]", 'masks.0.0 of camera "front": input should be a valid tuple'),
        ("[[[0, 0], [1, 0], [1]]]", 'masks.0.2.1 of camera "front" is missing'),
        (str([[[0, 0], [1, 0], [1, 1]]] * 11), 'masks of camera "front": tuple should have at most 10 items'),
    ],
)
def test_a_mask_that_is_no_area_is_a_mistake_in_the_settings(tmp_path: Path, masks: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        spec_of(tmp_path, f"masks = {masks}")
    assert reason in str(caught.value)


def ring(corners: int) -> list[list[float]]:
    """A polygon of numbers that are long to write."""
    turn = 2 * math.pi / corners
    return [[0.5 + math.cos(at * turn) / 3, 0.5 + math.sin(at * turn) / 3] for at in range(corners)]


def test_the_most_that_the_settings_can_hold_goes_to_the_camera_process_in_one_piece(tmp_path: Path) -> None:
    hours = [{"days": list(DAYS), "from": f"{at:02}:00:00.000001", "to": f"{at:02}:59:59.999999"} for at in range(14)]
    name = "z" * 60
    zones = [
        {"name": f"{name}-{at}", "polygon": ring(32), "loitering_after_s": 86399.123456789, "crowd_from": 200}
        | {"crowd_after_s": 3599.123456789, "open": hours, "watched": hours}
        for at in range(16)
    ]
    lines = [{"name": f"{name}-{at}", "from": ring(99)[at], "to": ring(98)[at + 1]} for at in range(16)]
    camera = {"name": "front", "source": "picamera2:0", "masks": [ring(100)] * 10, "zones": zones, "lines": lines}
    device = {"province": "gp", "site": "jhb", "id": "kiosk-0042"}
    whole = {"device": device, "storage": {"directory": str(tmp_path)}, "mqtt": {"brokers": ["mqtt://localhost:1"]}}
    settings = Settings.model_validate({**whole, "cameras": [camera]})
    spec = vision_spec(settings, settings.cameras[0], simulate=False)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    line = encode(Start(spec=spec))
    link = CoreLink(theirs, decode_for_vision)

    assert 100_000 < len(line) < LONGEST_LINE
    assert ours.send(line) == len(line)
    assert link.first(Start).spec == spec
    link.close()
    ours.close()


@pytest.mark.parametrize(
    "zones",
    [
        [{"name": "a", "polygon": ring(33)}],
        [{"name": f"z{at}", "polygon": ring(3)} for at in range(17)],
        [{"name": "a", "polygon": ring(3), "open": [{"from": "08:00", "to": "09:00"}] * 15}],
    ],
    ids=["corners", "zones", "hours"],
)
def test_more_than_fits_is_a_mistake_in_the_settings(zones: list[dict[str, Any]]) -> None:
    camera = {"name": "front", "source": "picamera2:0", "zones": zones}
    with pytest.raises(ValidationError, match="at most"):
        CameraSettings.model_validate(camera)


def test_every_kind_of_tamper_is_told_unless_some_are_named(tmp_path: Path) -> None:
    assert spec_of(tmp_path).tamper == tuple(TamperKind)
    named = spec_of(tmp_path, 'tamper = ["covered", "signal-lost"]').tamper
    assert named == (TamperKind.COVERED, TamperKind.SIGNAL_LOST)
    assert spec_of(tmp_path, "tamper = []").tamper == ()


def test_a_kind_of_tamper_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"tamper.* of camera"):
        spec_of(tmp_path, 'tamper = ["kicked"]')


def test_the_inferences_of_a_camera_are_limited_as_its_settings_say(tmp_path: Path) -> None:
    assert spec_of(tmp_path).inferences_per_second == 20
    assert spec_of(tmp_path).smallest_person == 0.07
    assert spec_of(tmp_path, "smallest_person = 0.2").smallest_person == 0.2
    assert spec_of(tmp_path, "inferences_per_second = 0.2").inferences_per_second == 0.2
    for wrong in ("0.1", "1001", "nan"):
        with pytest.raises(SettingsError, match="inferences_per_second"):
            spec_of(tmp_path, f"inferences_per_second = {wrong}")
