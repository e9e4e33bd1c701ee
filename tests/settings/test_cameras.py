from pathlib import Path

import pytest

from agent.core.errors import SettingsError
from agent.core.link import VisionSpec
from agent.core.tamper import TamperKind
from agent.profile import vision_spec
from agent.settings import load

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


def spec_of(tmp_path: Path, *lines: str) -> VisionSpec:
    path = tmp_path / "edge-agent.toml"
    path.write_text(DEVICE + "\n".join(lines))
    settings = load(path, {})
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


def test_every_kind_of_tamper_is_told_unless_some_are_named(tmp_path: Path) -> None:
    assert spec_of(tmp_path).tamper == tuple(TamperKind)
    named = spec_of(tmp_path, 'tamper = ["covered", "signal-lost"]').tamper
    assert named == (TamperKind.COVERED, TamperKind.SIGNAL_LOST)
    assert spec_of(tmp_path, "tamper = []").tamper == ()


def test_a_kind_of_tamper_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cameras.*tamper"):
        spec_of(tmp_path, 'tamper = ["kicked"]')
