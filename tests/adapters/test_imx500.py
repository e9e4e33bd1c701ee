import logging
import threading
from collections.abc import Callable
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agent.adapters import imx500
from agent.adapters.imx500 import Imx500, load_imx500
from agent.adapters.picamera2_camera import Picamera2Camera
from agent.core.errors import CameraSilentError, DelegateError
from tests.support.imx500 import MOST, SENSOR, StandInDevice, make_devices, packed, put_in_place
from tests.support.picamera2_stand_in import make_library
from tests.support.vision_media import Open
from tests.support.vision_stand_ins import boottime_ns

BOXES = np.arange(4 * MOST, dtype=np.float32).reshape(MOST, 4)
SCORES, CLASSES = np.linspace(1, 0, MOST), np.zeros(MOST)
WIDE = (0, 379, 4056, 2282)
"""What a picture of 16:9 shows of the sensor."""


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.rpk"
    path.write_bytes(b"a network")
    return path


@pytest.fixture(params=["stand-in", *(["virtual"] if find_spec("libcamera") else [])])
def library(request: pytest.FixtureRequest) -> Any:
    if request.param == "stand-in":
        return make_library()
    from tests.support import virtual_picamera2  # noqa: PLC0415

    return virtual_picamera2.make_library()


@pytest.fixture(params=["stand-in", *(["virtual"] if find_spec("libcamera") else [])])
def device(request: pytest.FixtureRequest, network: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The stand-in, and where there is one the real class without its sensor."""
    made = StandInDevice(str(network))
    if request.param == "virtual":
        from tests.support import virtual_picamera2  # noqa: F401, PLC0415 - it fills in what a real one imports
        from picamera2.devices.imx500 import IMX500  # noqa: PLC0415 # isort: skip

        real = IMX500.__new__(IMX500)
        real.device_fd = None
        monkeypatch.setattr(made, "get_outputs", real.get_outputs)
    return made


def settled(device: Any, metadata: dict[str, Any]) -> Any:
    """What a frame gives once the network looks at what the pictures show."""
    sensor = Imx500(device, 0)
    for _ in range(imx500._SETTLES):
        sensor.result({"ScalerCrop": metadata["ScalerCrop"]} if "ScalerCrop" in metadata else {})
    return sensor.result(metadata)


def test_tensors_come_in_their_shapes_and_with_an_axis_for_the_inference(device: Any) -> None:
    result = settled(device, packed(BOXES, SCORES, CLASSES, [7]))

    assert [output.shape for output in result.outputs] == [(1, MOST, 4), (1, MOST), (1, MOST), (1,)]
    np.testing.assert_array_equal(result.outputs[0][0], BOXES)
    assert result.outputs[3].tolist() == [7]


def test_a_frame_without_tensors_has_no_result_and_that_is_no_trouble(
    device: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert settled(device, {}) is None
    assert not caplog.records


@pytest.mark.parametrize(
    "metadata",
    [
        {**packed(BOXES, SCORES), "CnnOutputTensor": (1.0, 2.0)},
        {**packed(BOXES), "CnnOutputTensorInfo": (1, 2, 3)},
        {**packed(BOXES), "CnnOutputTensorInfo": (255,) * 712},
        {**packed(BOXES), "ScalerCrop": (0, 0, 0, 0)},
        {**packed(BOXES), "ScalerCrop": (0, 0)},
        {**packed(BOXES), "CnnOutputTensor": ("many",)},
    ],
    ids=["short", "short-info", "foreign-info", "no-area", "half-a-crop", "text"],
)
def test_a_result_that_cannot_be_read_is_none_and_logged_once(
    device: Any, metadata: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    sensor = Imx500(device, 0)
    for _ in range(3 * imx500._SETTLES):
        assert sensor.result(metadata) is None

    assert len([each for each in caplog.records if "can't read a result of its network" in each.message]) <= 1


def test_a_result_without_a_description_is_none(device: Any) -> None:
    assert settled(device, {"CnnOutputTensor": (1.0,) * 4}) is None


def test_the_network_looks_at_what_the_picture_shows() -> None:
    device = StandInDevice(__file__)
    result = settled(device, {**packed(BOXES), "ScalerCrop": WIDE})

    assert device.config["roi"].to_tuple() == WIDE
    assert result.view == (0, 0, 1, 1)


def test_results_of_the_place_it_looked_at_before_are_left_out() -> None:
    sensor = Imx500(StandInDevice(__file__), 0)
    at_once = [sensor.result({**packed(BOXES), "ScalerCrop": WIDE}) for _ in range(2 * imx500._SETTLES)]

    assert [each is None for each in at_once] == [True] * (imx500._SETTLES - 1) + [False] * (imx500._SETTLES + 1)


def test_where_the_driver_refuses_that_its_results_are_of_the_whole_sensor() -> None:
    device = make_devices(refuses_roi=True).IMX500(__file__)
    left, top, width, height = settled(device, {**packed(BOXES), "ScalerCrop": WIDE}).view

    assert (left, width) == (0, 1)
    assert top == pytest.approx(-379 / 2282)
    assert height == pytest.approx(SENSOR[3] / 2282)


def test_the_camera_hands_results_over_with_its_frames(opened: Open, library: Any) -> None:
    turns = cycle([packed(BOXES), {}])
    library.Picamera2.more = staticmethod(lambda: next(turns))
    sensor = Imx500(StandInDevice(__file__), 0)
    camera = opened(Picamera2Camera(library, 0, boottime_ns, (640, 360), sensor=sensor))
    results = [camera.read(1).result for _ in range(2 * imx500._SETTLES)]

    assert [each is not None for each in results[-4:]] == [True, False, True, False]


def test_a_camera_that_is_no_imx500_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, network: Path, library: Any
) -> None:
    put_in_place(monkeypatch, library, make_devices())

    with pytest.raises(DelegateError, match=r"camera 0 is a (imx708|Virtual.*), not an IMX500: .*imx500-all"):
        load_imx500(network, 0)


def test_the_network_goes_to_the_camera_of_the_settings(monkeypatch: pytest.MonkeyPatch, network: Path) -> None:
    devices = make_devices()
    put_in_place(monkeypatch, make_library(model="imx500", cameras=2), devices)
    sensor = load_imx500(network, 1)

    assert sensor._device.camera_id == "/base/imx500@1"


@pytest.mark.parametrize(
    ("library", "devices", "text"),
    [
        (None, make_devices(), "picamera2 can't be used for an IMX500"),
        (make_library(model="imx500"), None, "picamera2 can't be used for an IMX500"),
        (make_library(cameras=0), make_devices(), "camera 0 is not there"),
    ],
    ids=["no-picamera2", "old-picamera2", "no-camera"],
)
def test_what_is_missing_is_said_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, network: Path, library: Any, devices: Any, text: str
) -> None:
    put_in_place(monkeypatch, library, devices)

    with pytest.raises(DelegateError, match=f"{text}.*imx500-all"):
        load_imx500(network, 0)


def test_a_network_that_is_not_there_or_not_taken_is_named(monkeypatch: pytest.MonkeyPatch, network: Path) -> None:
    put_in_place(monkeypatch, make_library(model="imx500"), make_devices())
    network.unlink()

    with pytest.raises(DelegateError, match=r"does not take network\.rpk \(Firmware file .* does not exist"):
        load_imx500(network, 0)


def test_a_model_for_another_chip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DelegateError, match=r"yolov8s\.hef is not compiled for an IMX500"):
        load_imx500(tmp_path / "yolov8s.hef", 0)


def uploading(
    monkeypatch: pytest.MonkeyPatch, progress: Any, start: Callable[[], object], limit_s: float = 0.05
) -> None:
    monkeypatch.setattr(imx500, "_TELL_EVERY_S", 0.01)
    monkeypatch.setattr(imx500, "UPLOAD_LIMIT_S", limit_s)
    Imx500(make_devices(progress=progress).IMX500(__file__), 0).start(start)


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        ((30, 120), "25 %"),
        ((0, 0), "its progress is not known"),
        (AssertionError(), "its progress can't be read"),
        (ValueError("no number"), "its progress can't be read"),
    ],
)
def test_an_upload_that_does_not_end_is_told_with_how_far_it_got(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, progress: Any, text: str
) -> None:
    caplog.set_level(logging.INFO)
    release = threading.Event()
    clock = SimpleNamespace(monotonic=iter(np.arange(0, 1, 0.02)).__next__)  # however late this thread is woken
    monkeypatch.setattr(imx500, "time", clock)
    with pytest.raises(CameraSilentError, match=f"has not taken its network within .*{text}.*dmesg"):
        uploading(monkeypatch, progress, release.wait)
    release.set()

    assert f"camera 0: uploading its network, {text} after" in caplog.text


def test_an_upload_that_ends_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    called = threading.Event()
    uploading(monkeypatch, (1, 1), called.set, limit_s=10)

    assert called.is_set()


def test_a_sensor_that_does_not_start_says_what_it_may_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> None:
        raise RuntimeError("Failed to start camera: No such file or directory")

    with pytest.raises(CameraSilentError, match=r"does not start with its network \(Failed to start .*imx500-all"):
        uploading(monkeypatch, (1, 1), start, limit_s=10)
