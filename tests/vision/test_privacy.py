"""What a privacy mask does to a frame, with the real drawing."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pytest

from agent.adapters.opencv_imaging import fill_polygon
from agent.core.camera.masks import LEVEL
from agent.core.errors import CameraError
from agent.core.polygon import Point
from agent.ports import Frame, SensorResult
from agent.vision.capture import CaptureLimits, CaptureLoop
from agent.vision.frame_slot import FrameSlot
from agent.vision.privacy import PrivacyMask
from tests.support.vision_stand_ins import ScriptedCamera, boottime_ns, frame

LEFT = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
TOP = [(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)]


def noise(height: int, width: int, *depth: int) -> npt.NDArray[np.uint8]:
    """Without the level of the mask, so that what is masked can be told from what is not."""
    return np.random.default_rng(1).integers(0, LEVEL, (height, width, *depth), np.uint8)


def mask(*polygons: Sequence[Point]) -> PrivacyMask:
    return PrivacyMask(polygons, fill_polygon)


def test_without_a_mask_a_frame_is_passed_on_untouched_and_uncopied() -> None:
    given = frame(1, 0)

    assert mask().cover(given) is given


def test_what_is_masked_is_one_grey_and_the_rest_is_as_it_was() -> None:
    pixels = noise(100, 200, 3)
    covered = mask(LEFT).cover(Frame(pixels.copy(), 7, 9))

    assert (covered.pixels[:, :100] == LEVEL).all()
    assert np.array_equal(covered.pixels[:, 104:], pixels[:, 104:])
    assert (covered.boottime_ns, covered.number) == (7, 9)


def test_where_two_masks_overlap_there_is_no_hole() -> None:
    covered = mask(LEFT, TOP).cover(Frame(noise(100, 200, 3), 0, 1))

    assert (covered.pixels[:50] == LEVEL).all()
    assert (covered.pixels[:, :100] == LEVEL).all()


def test_a_read_only_picture_is_left_as_it_is_and_masked_each_time_that_it_comes() -> None:
    pixels, grey = noise(48, 64, 3), noise(24, 32)
    for array in (pixels, grey):
        array.flags.writeable = False
    for _ in range(2):
        covered = mask(LEFT).cover(Frame(pixels, 0, 1, grey=grey))
        assert (covered.pixels[:, :32] == LEVEL).all()
        assert covered.grey is not None
        assert (covered.grey[:, :16] == LEVEL).all()

    assert np.array_equal(pixels, noise(48, 64, 3))
    assert np.array_equal(grey, noise(24, 32))


@pytest.mark.parametrize("read_only", [False, True])
def test_a_picture_that_is_part_of_a_larger_buffer_is_masked_as_any_other(read_only: bool) -> None:
    buffer = noise(50, 100, 3)
    pixels = buffer[2:, :64]
    pixels.flags.writeable = not read_only
    covered = mask(LEFT).cover(Frame(pixels, 0, 1))

    assert covered.pixels.shape == (48, 64, 3)
    assert (covered.pixels[:, :32] == LEVEL).all()
    assert np.array_equal(buffer[:, 64:], noise(50, 100, 3)[:, 64:])


def test_every_size_of_frame_is_masked_in_its_own_measure() -> None:
    covers = mask(LEFT)
    for height, width in ((576, 768), (48, 64), (720, 1280), (576, 768)):
        covered = covers.cover(Frame(noise(height, width, 3), 0, 1)).pixels
        assert (covered[:, : width // 2] == LEVEL).all()
        assert (covered[:, width // 2 + 4 :] != LEVEL).all()


def test_the_small_grey_picture_is_masked_too_and_a_pixel_wider() -> None:
    covered = mask(LEFT).cover(Frame(noise(480, 640, 3), 0, 1, grey=noise(48, 64)))

    assert covered.grey is not None
    assert (covered.grey[:, : 32 + 4] == LEVEL).all()
    assert (covered.pixels[:, 320 + 3 :] != LEVEL).all()
    assert (covered.grey[:, 32 + 6 :] != LEVEL).all()


def test_every_picture_that_a_frame_can_carry_is_known_to_the_mask() -> None:
    """Whoever gives a frame another picture has to cover it in `PrivacyMask.cover`, and then to add it here."""
    assert {field.name for field in fields(Frame)} == {"pixels", "grey", "boottime_ns", "number", "result"}


def test_what_a_sensor_has_found_by_itself_goes_no_further_where_there_are_masks() -> None:
    found = SensorResult((np.zeros((1, 4), np.float32),), (0.0, 0.0, 1.0, 1.0))
    frame = Frame(np.zeros((40, 40, 3), np.uint8), 1, 1, result=found)

    assert mask(LEFT).cover(frame).result is None
    assert mask().cover(frame).result is found


def test_no_unmasked_picture_is_ever_in_the_slot() -> None:
    slot = FrameSlot(mask(LEFT).cover)
    loop = CaptureLoop("front", ScriptedCamera(["open", "frame"]), slot, boottime_ns, CaptureLimits())
    loop.run_once()
    loop.run_once()
    newest = slot.newest()

    assert newest is not None
    assert slot.wait_newer(None, 0) is newest
    assert (newest.pixels[:, :50] == LEVEL).all()
    assert (newest.pixels[:, 54:] == 99).all()


def test_a_read_only_picture_is_masked_in_the_slot_as_well() -> None:
    slot = FrameSlot(mask(LEFT).cover)
    given = frame(1, 0)
    given.pixels.flags.writeable = False
    slot.put(given)
    newest = slot.newest()

    assert newest is not None
    assert (newest.pixels[:, :50] == LEVEL).all()


def fails(*_: object) -> None:
    raise CameraError("a mask can't be drawn")


def breaks(*_: object) -> None:
    raise ZeroDivisionError


def test_a_frame_whose_mask_can_not_be_drawn_goes_no_further_and_the_camera_says_why() -> None:
    slot = FrameSlot(PrivacyMask([LEFT], fails).cover)
    limits = CaptureLimits(first_retry_s=0)
    camera = ScriptedCamera(["open", "frame"])
    loop = CaptureLoop("front", camera, slot, boottime_ns, limits)
    loop.run_once()
    loop.run_once()

    assert slot.newest() is None
    assert loop.detail == "a mask can't be drawn"
    assert camera.closes == 1


def test_a_frame_goes_no_further_when_the_drawing_breaks_in_a_way_nobody_thought_of() -> None:
    slot = FrameSlot(PrivacyMask([LEFT], breaks).cover)

    with pytest.raises(ZeroDivisionError):
        slot.put(frame(1, 0))
    assert slot.newest() is None
