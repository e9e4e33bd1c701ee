"""Encoding with the FFmpeg of this machine."""

import pytest

from agent.adapters.av_encoder import AvEncoder
from agent.core.errors import EncoderError
from agent.trust.evidence.h264 import units
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
