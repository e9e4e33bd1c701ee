import threading

import cv2
import pytest

from agent.adapters.opencv_capture import SharedCapture, stated_rate
from agent.core.errors import CameraError


class FakeCapture:
    """Counts what happens to it."""

    def __init__(self, rate: float = 25.0, release_error: Exception | None = None) -> None:
        self.released = 0
        self._rate = rate
        self._release_error = release_error

    def get(self, property_id: int) -> float:
        assert property_id == cv2.CAP_PROP_FPS
        return self._rate

    def release(self) -> None:
        self.released += 1
        if self._release_error is not None:
            raise self._release_error


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 90_000.0, 1000.0])
def test_a_rate_that_is_nonsense_is_none(rate: float) -> None:
    assert stated_rate(FakeCapture(rate)) is None


@pytest.mark.parametrize("rate", [0.2, 25.0, 29.97, 120.0])
def test_a_rate_that_makes_sense_is_told(rate: float) -> None:
    assert stated_rate(FakeCapture(rate)) == rate


def test_a_capture_that_nobody_uses_is_released_at_once_and_not_used_again() -> None:
    capture = FakeCapture()
    shared = SharedCapture(capture, "the camera")
    shared.close()

    assert capture.released == 1
    with pytest.raises(CameraError, match="the camera was closed"), shared.in_use():
        pass


def test_a_capture_in_use_is_released_by_its_user_and_closing_does_not_wait() -> None:
    capture = FakeCapture()
    shared = SharedCapture(capture, "the camera")
    with shared.in_use():
        closer = threading.Thread(target=shared.close, name="closer")
        closer.start()
        closer.join(10)
        assert not closer.is_alive()
        assert capture.released == 0

    assert capture.released == 1


def test_whenever_the_close_comes_the_capture_is_released() -> None:
    for _ in range(200):
        capture = FakeCapture()
        shared = SharedCapture(capture, "the camera")
        user = threading.Thread(target=use_until_closed, args=(shared,), name="user")
        user.start()
        shared.close()
        user.join()
        assert capture.released >= 1


def use_until_closed(shared: SharedCapture) -> None:
    while True:
        try:
            with shared.in_use():
                pass
        except CameraError:
            return


def test_a_release_that_fails_is_no_trouble_to_anybody() -> None:
    SharedCapture(FakeCapture(release_error=cv2.error("x")), "the camera").close()
