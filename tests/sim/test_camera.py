from pathlib import Path

import numpy as np
import pytest

from agent.core.errors import CameraError, CameraSilentError
from agent.sim.camera import SimCamera, drawn_picture, pictures_in
from agent.sim.camera_faults import CameraFault, CameraFaultFile, FaultyCamera
from agent.sim.spoil import SPOILS
from tests.support.vision_stand_ins import SECOND, ManualClock, ScriptedCamera, boottime_ns


def test_drawn_pictures_differ_from_one_to_the_next() -> None:
    assert not np.array_equal(drawn_picture(64, 48, 1), drawn_picture(64, 48, 2))
    assert drawn_picture(64, 48, 1).shape == (48, 64, 3)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (1920, 1080)])
def test_a_picture_of_any_size_can_be_drawn(width: int, height: int) -> None:
    assert drawn_picture(width, height, 12345).shape == (height, width, 3)


def test_frames_come_at_the_set_rate() -> None:
    camera = SimCamera(boottime_ns, (32, 24), frames_per_second=50)
    camera.open()
    began_ns = boottime_ns()
    for _ in range(6):
        camera.read(1)

    assert boottime_ns() - began_ns >= 5 * SECOND // 50
    camera.close()


def test_time_that_was_lost_is_not_made_up_for() -> None:
    clock = ManualClock()
    camera = SimCamera(clock.boottime_ns, (32, 24), frames_per_second=10)
    camera.open()
    clock.now_ns += 10 * SECOND
    camera.read(1)
    clock.now_ns += 1

    assert camera._due_ns >= clock.now_ns - SECOND // 10
    camera.close()


def test_a_slow_camera_is_silent_within_a_short_limit() -> None:
    camera = SimCamera(boottime_ns, (32, 24), frames_per_second=0.01)
    camera.open()
    camera.read(1)

    with pytest.raises(CameraSilentError):
        camera.read(0.01)
    camera.close()


def test_the_pictures_of_a_folder_are_shown_in_turn_by_name(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / name).touch()
    seen: list[str] = []

    def read(path: Path) -> np.ndarray:
        seen.append(path.name)
        return np.full((2, 2, 3), len(seen), np.uint8)

    camera = SimCamera(boottime_ns, None, 1000, pictures_in(tmp_path, read))
    camera.open()

    assert seen == ["a.JPG", "b.png"]
    assert [int(camera.read(1).pixels[0, 0, 0]) for _ in range(4)] == [1, 2, 1, 2]
    camera.close()


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no JPEG or PNG"):
        pictures_in(tmp_path, lambda _: np.zeros((1, 1, 3), np.uint8))


def test_a_black_camera_gives_black_frames_of_the_same_size_and_time() -> None:
    camera = FaultyCamera(ScriptedCamera(["open", "frame"]), lambda: CameraFault.BLACK, {})
    camera.open()
    black = camera.read(1)

    assert black.pixels.shape == (50, 100, 3)
    assert not black.pixels.any()
    assert black.number == 1


@pytest.mark.parametrize("fault", list(SPOILS))
def test_each_spoil_is_a_fault_that_changes_the_picture_and_neither_its_size_nor_its_source(fault: str) -> None:
    source = drawn_picture(64, 48, 3)
    kept = source.copy()
    camera = FaultyCamera(SimCamera(boottime_ns, (64, 48), 100, [source]), lambda: CameraFault(fault), SPOILS)
    camera.open()
    spoiled = camera.read(1).pixels

    assert spoiled.shape == source.shape
    assert spoiled.dtype == np.uint8
    assert not np.array_equal(spoiled, source)
    assert np.array_equal(source, kept)


def test_a_frozen_camera_goes_on_with_its_last_picture_under_new_stamps() -> None:
    faults = [CameraFault.NONE]
    camera = FaultyCamera(SimCamera(boottime_ns, (64, 48), 100), lambda: faults[-1], {})
    camera.open()
    last = camera.read(1)
    faults.append(CameraFault.FROZEN)
    frozen = camera.read(1)

    assert np.array_equal(frozen.pixels, last.pixels)
    assert frozen.boottime_ns > last.boottime_ns
    faults.append(CameraFault.NONE)
    assert not np.array_equal(camera.read(1).pixels, last.pixels)


def test_the_fault_is_the_word_in_the_file_and_none_without_one(tmp_path: Path) -> None:
    path = tmp_path / "front.fault"
    fault = CameraFaultFile(path)
    seen = [fault()]
    for text in ("hang\n", "black now", "", "nonsense", "lost"):
        path.write_text(text)
        seen.append(fault())

    assert seen == [
        CameraFault.NONE,
        CameraFault.HANG,
        CameraFault.BLACK,
        CameraFault.NONE,
        CameraFault.NONE,
        CameraFault.LOST,
    ]
