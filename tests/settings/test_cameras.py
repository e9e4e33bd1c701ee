import math
from pathlib import Path
from typing import Any

import pytest

from agent.core.errors import SettingsError
from agent.core.link import Start, VisionSpec, encode
from agent.core.tamper import TamperKind
from agent.profile import meta, vision_spec
from agent.settings import Settings, load

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


def cameras_in_meta(tmp_path: Path, *lines: str) -> tuple[dict[str, Any], ...]:
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
        ("[[[0, 0], [1, 0]]]", "masks.0: a polygon needs at least 3 points"),
        ("[[[0, 0], [1, 0], [1, 2]]]", "masks.0: point 3 (1, 2) lies outside of the picture"),
        ("[[[0, 0], [1, 0], [1, nan]]]", "masks.0: point 3 (1, nan) lies outside of the picture"),
        ("[[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [1, 0], [0, 1]]]", "masks.1: it crosses itself"),
        ("[[0, 0], [1, 0], [1, 1]]", "masks.0.0: input should be a valid tuple"),
        ("[[[0, 0], [1, 0], [1]]]", "masks.0.2.1 is missing"),
        (str([[[0, 0], [1, 0], [1, 1]]] * 11), "masks: tuple should have at most 10 items"),
    ],
)
def test_a_mask_that_is_no_area_is_a_mistake_in_the_settings(tmp_path: Path, masks: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        spec_of(tmp_path, f"masks = {masks}")
    assert reason in str(caught.value)


def test_the_masks_that_the_settings_can_hold_fit_into_one_line_to_the_camera_process(tmp_path: Path) -> None:
    ring = [[0.5 + 0.123456789 * math.cos(a / 16), 0.5 + 0.123456789 * math.sin(a / 16)] for a in range(100)]
    spec = spec_of(tmp_path, f"masks = {[ring] * 10}")

    assert len(encode(Start(spec=spec))) < 64 * 1024


def test_every_kind_of_tamper_is_told_unless_some_are_named(tmp_path: Path) -> None:
    assert spec_of(tmp_path).tamper == tuple(TamperKind)
    named = spec_of(tmp_path, 'tamper = ["covered", "signal-lost"]').tamper
    assert named == (TamperKind.COVERED, TamperKind.SIGNAL_LOST)
    assert spec_of(tmp_path, "tamper = []").tamper == ()


def test_a_kind_of_tamper_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cameras.*tamper"):
        spec_of(tmp_path, 'tamper = ["kicked"]')
