"""Encoding with the FFmpeg of this machine."""

from collections import deque
from types import SimpleNamespace
from typing import Any

import av
import pytest

from agent.adapters import av_encoder
from agent.adapters.av_encoder import AvEncoder
from agent.core.errors import EncoderError
from agent.trust.evidence.h264 import begins_group, units
from agent.trust.evidence.parameter_sets import ParameterSets
from tests.support.recording import SECOND


@pytest.mark.parametrize("size", [(1280, 720), (1366, 768), (98, 62)])
def test_any_even_size_is_encoded_with_a_key_frame_each_second_and_no_picture_waits(size: tuple[int, int]) -> None:
    width, height = size
    encoder = AvEncoder(width, height, 5, 1_000_000)
    keys = []
    for number in range(11):
        grey = bytes([number * 9]) * (width * height) + bytes([128]) * (width * height // 2)
        [(unit, time_ns)] = encoder.encode(memoryview(grey), SECOND + number * SECOND // 5)
        assert time_ns == SECOND + number * SECOND // 5
        found = units(unit)
        if any(each.starts_gop for each in found):
            keys.append(number)
            sets = ParameterSets.found(found)
            assert sets is not None
            assert sets.size == size
    encoder.close()

    assert keys == [0, 5, 10]


def test_a_camera_that_is_slower_than_its_rate_has_a_key_frame_each_second_all_the_same() -> None:
    encoder = AvEncoder(64, 48, 12, 1_000_000)
    keys = [
        number * 0.25
        for number in range(17)
        for unit, _ in encoder.encode(memoryview(bytes(64 * 48 * 3 // 2)), SECOND + number * SECOND // 4)
        if begins_group(unit)
    ]
    encoder.close()

    assert keys == [0, 1, 2, 3, 4]


def test_without_an_encoder_that_works_each_one_is_named_with_its_reason() -> None:
    with pytest.raises(EncoderError) as caught:
        AvEncoder(1296, 972, 5, 1_000_000, ("h264_v4l2m2m", "no-such-encoder"))

    assert str(caught.value) == (
        "nothing here encodes 1296 x 972 to H.264 (h264_v4l2m2m: it spoils pictures of this size; "
        "no-such-encoder: not known here)"
    )


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(EncoderError, match="must be even"):
        AvEncoder(31, 32, 5, 1_000_000)


class Hardware:
    """Stands for the encoder of a Pi 4: it gives a picture some pictures later, and may fail."""

    def __init__(self, delay: int, fails_at: int) -> None:
        self._real = av.CodecContext.create("libx264", "w")
        self._delay, self._left = delay, fails_at
        self._kept: deque[Any] = deque()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_"):
            setattr(self._real, name, value)

    def open(self) -> None:
        self._real.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "repeat-headers=1"}
        self._real.open()

    def encode(self, frame: Any) -> list[Any]:
        self._left -= 1
        if self._left < 0:
            raise OSError(110, "Connection timed out")
        self._kept.extend(self._real.encode(frame))
        return [self._kept.popleft()] if len(self._kept) > self._delay else []


def with_hardware(monkeypatch: pytest.MonkeyPatch, delay: int, fails_at: int = 10**9) -> AvEncoder:
    def create(name: str, mode: str) -> Any:
        return Hardware(delay, fails_at) if name == "h264_v4l2m2m" else av.CodecContext.create(name, mode)

    library = SimpleNamespace(
        VideoFrame=av.VideoFrame, video=av.video, error=av.error, CodecContext=SimpleNamespace(create=create)
    )
    monkeypatch.setattr(av_encoder, "_pyav", lambda: library)
    return AvEncoder(128, 96, 10, 1_000_000, ("h264_v4l2m2m", "libx264"))


def encode(encoder: AvEncoder, count: int) -> list[tuple[bytes, int]]:
    grey = memoryview(bytes(128 * 96 * 3 // 2))
    return [unit for at in range(count) for unit in encoder.encode(grey, SECOND + at * SECOND // 10)]


def test_hardware_that_gives_its_pictures_later_gives_each_with_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = with_hardware(monkeypatch, delay=3)
    given = encode(encoder, 25)

    assert [time_ns for _, time_ns in given] == [SECOND + at * SECOND // 10 for at in range(22)]
    assert [at for at, (unit, _) in enumerate(given) if begins_group(unit)] == [0, 10, 20]
    assert (encoder.name, encoder.trouble) == ("h264_v4l2m2m", "")


@pytest.mark.parametrize(("delay", "fails_at"), [(0, 7), (10**9, 10**9)], ids=["fails", "gives-nothing"])
def test_hardware_that_fails_is_replaced_within_seconds_by_a_key_frame_of_the_next_encoder(
    monkeypatch: pytest.MonkeyPatch, delay: int, fails_at: int
) -> None:
    encoder = with_hardware(monkeypatch, delay, fails_at)
    before = encode(encoder, fails_at) if fails_at < 100 else []
    after = encode(encoder, 70)

    assert begins_group(after[0][0])
    assert len(after) >= 8
    assert encoder.name == "libx264"
    assert encoder.trouble.startswith("the encoder h264_v4l2m2m failed (h264_v4l2m2m ")
    assert len(before) == (0 if fails_at > 100 else fails_at)
