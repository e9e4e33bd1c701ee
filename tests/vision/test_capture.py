import threading
from collections.abc import Callable, Iterator

import pytest

from agent.core.errors import CameraEndedError, CameraError, CameraSilentError
from agent.ports import Frame
from agent.vision.capture import Capture, CaptureLimits
from agent.vision.frame_slot import FrameSlot
from tests.support.vision_stand_ins import ScriptedCamera, boottime_ns, given_up, made_in_turn
from tests.support.wait import wait_for

LIMITS = CaptureLimits(silence_s=0.1, grace_s=0.1, first_retry_s=0.01, last_retry_s=0.05, stop_s=5)
Start = Callable[..., Capture]


@pytest.fixture
def slot() -> FrameSlot:
    return FrameSlot()


@pytest.fixture
def unhang() -> Iterator[threading.Event]:
    """Frees every camera that hangs, at the end."""
    event = threading.Event()
    yield event
    event.set()
    wait_for(lambda: all(thread.name != "capture" for thread in threading.enumerate()), what="the end of threads")


@pytest.fixture
def start(slot: FrameSlot, unhang: threading.Event) -> Iterator[Start]:
    running: list[Capture] = []

    def start(*cameras: ScriptedCamera, limits: CaptureLimits = LIMITS) -> Capture:
        capture = Capture("front", made_in_turn(cameras), slot, boottime_ns, limits)
        running.append(capture)
        capture.start()
        return capture

    yield start
    unhang.set()
    for capture in running:
        capture.stop()


def test_frames_reach_the_slot_and_the_state_is_good(start: Start, slot: FrameSlot) -> None:
    capture = start(ScriptedCamera(["open", "frame", "frame"]))
    wait_for(lambda: getattr(slot.newest(), "number", 0) == 2, what="two frames")

    assert capture.detail == ""
    capture.check()


def test_constructing_opens_nothing(slot: FrameSlot) -> None:
    camera = ScriptedCamera([])
    Capture("front", made_in_turn([camera]), slot, boottime_ns, LIMITS)

    assert camera.opens == 0


def test_a_camera_that_can_not_be_opened_is_tried_again_and_again(
    start: Start, slot: FrameSlot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    camera = ScriptedCamera([CameraError("no such device")] * 5 + ["open", "frame"])
    capture = start(camera)
    wait_for(slot.newest, what="a frame")

    assert camera.opens == 6
    wait_for(lambda: capture.detail == "", what="a good state")
    levels = [record.levelname for record in caplog.records if "no such device" in record.message]
    assert levels == ["ERROR"] + ["DEBUG"] * 4


def test_each_reason_for_which_no_pictures_come_is_logged_once_and_not_too_many(
    start: Start, slot: FrameSlot, caplog: pytest.LogCaptureFixture
) -> None:
    reasons = ["unplugged", "not allowed", "unplugged", "not allowed", "busy", "something else"]
    camera = ScriptedCamera([*map(CameraError, reasons), "open", "frame", CameraError("unplugged"), "open", "frame"])
    capture = start(camera)
    wait_for(lambda: camera.opens == 8 and capture.detail == "", what="frames again")

    errors = [record.message.partition(": ")[2] for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["unplugged", "not allowed", "busy", "unplugged"]


def test_while_the_camera_is_away_the_state_says_why(start: Start) -> None:
    limits = CaptureLimits(first_retry_s=60, stop_s=5)
    capture = start(ScriptedCamera([CameraError("no such device")]), limits=limits)

    wait_for(lambda: capture.detail == "no such device", what="the reason")
    capture.check()


def test_a_camera_that_is_lost_while_it_runs_is_closed_and_opened_again(start: Start, slot: FrameSlot) -> None:
    camera = ScriptedCamera(["open", "frame", CameraError("unplugged"), "open", "frame", "frame"])
    capture = start(camera)
    wait_for(lambda: camera.opens == 2 and slot.newest() is not None and capture.detail == "", what="frames again")

    assert camera.closes >= 1


def test_a_file_that_ends_is_not_opened_again_and_is_no_failure(start: Start) -> None:
    camera = ScriptedCamera(["open", "frame", CameraEndedError("v.avi has ended after 1 frames")])
    capture = start(camera)
    wait_for(lambda: capture.detail.startswith("ended: v.avi"), what="the end")

    capture.check()
    assert camera.opens == 1


def test_a_silent_camera_is_opened_again_once_and_then_given_up(start: Start) -> None:
    camera = ScriptedCamera(["open", CameraSilentError("no picture"), "open", CameraSilentError("no picture")])
    reason = given_up(start(camera))

    assert reason == "camera front: no picture, and opening it again did not help"
    assert camera.opens == 2


def test_silence_now_and_then_is_forgiven_when_frames_come_between(start: Start, slot: FrameSlot) -> None:
    silent = CameraSilentError("no picture")
    camera = ScriptedCamera(["open", silent, "open", "frame", silent, "open", "frame"])
    capture = start(camera)
    wait_for(lambda: camera.opens == 3 and capture.detail == "", what="the third opening")

    capture.check()


def test_silence_after_the_camera_was_away_is_forgiven_once_more(start: Start) -> None:
    silent = CameraSilentError("no picture")
    camera = ScriptedCamera(["open", silent, CameraError("gone"), "open", silent, "open", "frame"])
    capture = start(camera)
    wait_for(lambda: capture.detail == "", what="a frame")

    capture.check()


def test_a_thread_that_hangs_is_replaced_by_one_with_a_fresh_camera(
    start: Start, slot: FrameSlot, unhang: threading.Event
) -> None:
    fresh = ScriptedCamera(["open", "frame"])
    capture = start(ScriptedCamera(["open", "hang"], unhang), fresh)

    def frame_came() -> bool:
        capture.check()
        return slot.newest() is not None and capture.detail == ""

    wait_for(frame_came, what="a frame from the second camera")


@pytest.mark.parametrize(
    "second", [["hang"], ["open", "hang"], [CameraError("device busy")], ["open", CameraSilentError("no picture")]]
)
def test_when_the_replacement_fails_too_the_camera_is_given_up(
    start: Start, unhang: threading.Event, second: list[object]
) -> None:
    capture = start(ScriptedCamera(["open", "hang"], unhang), ScriptedCamera(second, unhang))

    assert "opening it again did not help" in given_up(capture)


def test_a_camera_that_hangs_again_and_again_is_given_up_although_pictures_come_between(
    start: Start, unhang: threading.Event
) -> None:
    capture = start(*[ScriptedCamera(["open", "frame", "hang"], unhang) for _ in range(10)])

    assert given_up(capture).endswith("it hangs again and again")
    assert sum(thread.name == "capture" for thread in threading.enumerate()) <= 4, "each holds memory and a driver"


def test_a_thread_that_came_back_counts_no_more(start: Start, slot: FrameSlot, unhang: threading.Event) -> None:
    hangs = [threading.Event() for _ in range(5)]
    last = ScriptedCamera(["open", "frame"])
    capture = start(*[ScriptedCamera(["open", "frame", "hang"], hang) for hang in hangs], last)
    for hang in hangs:
        seen = wait_for(slot.newest, what="a picture")

        def replaced(seen: Frame | None = seen) -> bool:
            capture.check()
            return slot.newest() is not seen

        wait_for(replaced, what="a picture of the next camera")
        hang.set()
        wait_for(lambda: sum(thread.name == "capture" for thread in threading.enumerate()) == 1, what="the end of it")

    assert last.opens == 1


def test_a_frame_of_an_abandoned_thread_that_comes_back_is_not_used(
    start: Start, slot: FrameSlot, unhang: threading.Event
) -> None:
    class LateCamera(ScriptedCamera):
        def _do(self, expected: str) -> None:
            if expected == "frame":
                unhang.wait()

    late, fresh = LateCamera(["open", "frame"]), ScriptedCamera(["open", "frame"])
    capture = start(late, fresh)

    def frame_came() -> bool:
        capture.check()
        return slot.newest() is not None

    wait_for(frame_came, what="a frame of the second camera")
    newest = slot.newest()
    unhang.set()
    wait_for(lambda: late.closes >= 2, what="the end of the first thread")

    assert slot.newest() is newest


def test_an_unexpected_fault_of_the_driver_is_given_up_with_its_name(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")

    assert "ZeroDivisionError" in given_up(start(ScriptedCamera(["open", ZeroDivisionError("x")])))


def test_stopping_closes_the_camera_and_ends_the_thread(start: Start, slot: FrameSlot) -> None:
    camera = ScriptedCamera(["open", "frame"])
    capture = start(camera)
    wait_for(slot.newest, what="a frame")
    capture.stop()

    assert camera.closes >= 1
    assert all(thread.name != "capture" for thread in threading.enumerate())
