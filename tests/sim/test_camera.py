from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.adapters.opencv_imaging import read_picture
from agent.core.errors import CameraError, CameraSilentError
from agent.ports import Frame
from agent.sim.camera import PictureFolder, SimCamera, drawn_picture
from agent.sim.camera_faults import CameraFault, CameraFaultFile, FaultyCamera, camera_faults
from agent.sim.spoil import SPOILS
from tests.support.vision_stand_ins import SECOND, ManualClock, ScriptedCamera, boottime_ns


def test_drawn_pictures_differ_from_one_to_the_next() -> None:
    pictures = [drawn_picture(320, 240, number) for number in range(100)]
    assert not any(np.array_equal(*each) for each in pairwise(pictures))
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

    camera = SimCamera(boottime_ns, None, 1000, PictureFolder(tmp_path, read))
    camera.open()

    assert [int(camera.read(1).pixels[0, 0, 0]) for _ in range(4)] == [1, 2, 3, 4]
    assert seen == ["a.JPG", "b.png"] * 2
    camera.close()


def test_a_folder_without_pictures_is_an_error_until_there_is_one(tmp_path: Path) -> None:
    camera = SimCamera(boottime_ns, None, 1000, PictureFolder(tmp_path, read_picture))
    with pytest.raises(CameraError, match="no JPEG or PNG"):
        camera.open()
    cv2.imwrite(str(tmp_path / "a.png"), np.full((2, 2, 3), 7, np.uint8))
    camera.open()

    assert camera.read(1).pixels.shape == (2, 2, 3)
    camera.close()


def test_a_picture_that_can_not_be_read_is_named_and_its_neighbours_are_shown(tmp_path: Path) -> None:
    for name, width in (("a.png", 2), ("c.png", 3)):
        cv2.imwrite(str(tmp_path / name), np.full((2, width, 3), 7, np.uint8))
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(whole[:20])
    camera = SimCamera(boottime_ns, None, 1000, PictureFolder(tmp_path, read_picture))
    camera.open()

    assert camera.read(1).pixels.shape == (2, 2, 3)
    with pytest.raises(CameraError, match=r"b\.png is not a readable picture"):
        camera.read(1)
    camera.close()
    camera.open()
    assert camera.read(1).pixels.shape == (2, 3, 3)
    camera.close()


def test_a_black_camera_gives_black_frames_of_the_same_size_and_time() -> None:
    camera = FaultyCamera(ScriptedCamera(["open", "frame"]), lambda: CameraFault.BLACK, {})
    camera.open()
    black = camera.read(1)

    assert black.pixels.shape == (50, 100, 3)
    assert not black.pixels.any()
    assert black.number == 1


def test_a_black_camera_is_black_in_its_grey_stream_too() -> None:
    class GreyCamera(ScriptedCamera):
        def read(self, timeout_s: float) -> Frame:
            return replace(super().read(timeout_s), grey=np.full((5, 10), 99, np.uint8))

    camera = FaultyCamera(GreyCamera(["open", "frame"]), lambda: CameraFault.BLACK, {})
    camera.open()
    grey = camera.read(1).grey

    assert grey is not None
    assert grey.dtype == np.uint8
    assert not grey.any()


@pytest.mark.parametrize("fault", list(SPOILS))
def test_each_spoil_is_a_fault_that_changes_the_picture_and_neither_its_size_nor_its_source(
    fault: str, tmp_path: Path
) -> None:
    (tmp_path / "a.png").touch()
    source = drawn_picture(64, 48, 3)
    kept = source.copy()
    folder = PictureFolder(tmp_path, lambda _: source)
    camera = FaultyCamera(SimCamera(boottime_ns, None, 100, folder), lambda: CameraFault(fault), SPOILS)
    camera.open()
    spoiled = camera.read(1).pixels

    assert spoiled.shape == source.shape
    assert spoiled.dtype == np.uint8
    assert not np.array_equal(spoiled, source)
    assert np.array_equal(source, kept)


def test_a_frozen_camera_gives_one_picture_again_and_again_under_new_stamps_and_nobody_may_draw_on_it() -> None:
    class GreyCamera(SimCamera):
        def read(self, timeout_s: float) -> Frame:
            frame = super().read(timeout_s)
            return replace(frame, grey=frame.pixels[:, :, 0].copy())

    faults = [CameraFault.FROZEN]
    camera = FaultyCamera(GreyCamera(boottime_ns, (64, 48), 100), lambda: faults[-1], {})
    camera.open()
    first, second = camera.read(1), camera.read(1)

    assert np.array_equal(first.pixels, second.pixels)
    assert second.boottime_ns > first.boottime_ns
    assert (first.number, second.number) == (1, 2)
    for frame in (first, second):
        assert frame.grey is not None
        assert not frame.pixels.flags.writeable
        assert not frame.grey.flags.writeable
    faults.append(CameraFault.NONE)
    last = camera.read(1)
    assert not np.array_equal(last.pixels, first.pixels)
    faults.append(CameraFault.FROZEN)
    assert not np.array_equal(camera.read(1).pixels, first.pixels), "each time it freezes anew"


def test_the_fault_is_the_word_in_the_file_and_none_without_one(tmp_path: Path) -> None:
    path = tmp_path / "front.fault"
    fault = CameraFaultFile(tmp_path, "front")
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


def test_a_fault_is_set_for_every_simulated_camera_at_once(tmp_path: Path) -> None:
    files = [CameraFaultFile(tmp_path / "run", name) for name in ("front", "back")]
    faults = camera_faults(files, lambda: [None])
    faults["vision-crash"]()  # no process is there to be ended
    faults["camera-black"]()
    assert [file() for file in files] == [CameraFault.BLACK] * 2
    faults["camera-none"]()
    assert [file() for file in files] == [CameraFault.NONE] * 2
