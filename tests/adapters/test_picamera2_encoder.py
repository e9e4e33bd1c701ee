"""The H.264 of a Pi's hardware, from a stand-in for picamera2."""

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.adapters.picamera2_camera import Picamera2Camera
from agent.adapters.picamera2_encoder import Picamera2Encoder
from agent.trust.evidence import h264
from tests.support.picamera2_stand_in import make_library
from tests.support.vision_stand_ins import SECOND, boottime_ns
from tests.support.wait import wait_for

Units = list[tuple[bytes, int, bool, tuple[int, int]]]


def opened(hardware: Path, **faults: Any) -> tuple[Picamera2Camera, Any, Units]:
    """A camera, what picamera2 has of it, and what was encoded."""
    library, units = make_library(**faults), Units()

    def on_unit(*unit: Any) -> None:
        units.append(unit)

    camera = Picamera2Camera(library, 0, boottime_ns, (64, 48), 10, Picamera2Encoder(on_unit, hardware=hardware))
    camera.open()
    return camera, library.Picamera2.opened[0], units


@pytest.fixture
def hardware(tmp_path: Path) -> Path:
    path = tmp_path / "video11"
    path.touch()
    return path


def test_each_unit_comes_with_the_time_at_which_the_sensor_saw_it(hardware: Path) -> None:
    camera, device, units = opened(hardware)
    [encoder] = device.encoders
    encoder.gives(b"one", True, 5_000_000)
    encoder.outputframe(b"two", False, timestamp=100_000, packet=object())  # as newer versions do
    camera.close()

    assert units == [(b"one", 5_000_000_000, True, (64, 48)), (b"two", 5_100_000_000, False, (64, 48))]
    assert encoder.iperiod == 10
    assert device.closed


def test_sound_is_not_taken(hardware: Path) -> None:
    camera, device, units = opened(hardware)
    device.encoders[0].outputframe(None, True, 0, object(), True)
    camera.close()

    assert units == []


def test_a_pi_without_the_hardware_encodes_nothing_and_sees_all_the_same(tmp_path: Path) -> None:
    camera, device, _ = opened(tmp_path / "none")

    assert device.encoders == []
    assert camera.read(1).number == 1
    camera.close()


def test_an_encoder_that_does_not_start_leaves_the_camera_open(
    hardware: Path, caplog: pytest.LogCaptureFixture
) -> None:
    camera, _, _ = opened(hardware, no_encoder=True)

    assert camera.read(1).number == 1
    assert "the Pi's encoder can't be used" in caplog.text
    camera.close()


if find_spec("libcamera"):  # make test-picamera2

    def test_the_real_picamera2_gives_units_of_a_virtual_camera(hardware: Path) -> None:
        from tests.support import virtual_picamera2  # noqa: PLC0415

        library: Any = virtual_picamera2.make_library()  # first: it fills in what the real one imports
        from picamera2.encoders import LibavH264Encoder  # noqa: PLC0415

        # What picamera2 has where there is no hardware; it is called in the same way.
        library.encoders = SimpleNamespace(H264Encoder=LibavH264Encoder)
        units = Units()
        encoder = Picamera2Encoder(lambda *unit: units.append(unit), hardware=hardware)
        camera = Picamera2Camera(library, 0, boottime_ns, (640, 360), 10, encoder)
        camera.open()
        wait_for(lambda: camera.read(5) and len(units) >= 30, what="thirty units")
        camera.close()

        assert [number for number, unit in enumerate(units[:30]) if unit[2]] == [0, 10, 20]
        assert {kind.type for unit in units[:1] for kind in h264.units(unit[0])} >= {5, 7, 8}
        assert [unit[1] for unit in units] == sorted({unit[1] for unit in units})
        assert 0 < boottime_ns() - units[-1][1] < 5 * SECOND
