"""NAL units: how a stream falls into them, and the bytes that keep start codes out."""

from hypothesis import given
from hypothesis import strategies as st

from agent.trust.evidence.h264 import Kind, escape, unescape, units

_NEAR_ZERO = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255])).map(bytes)


@given(_NEAR_ZERO)
def test_what_is_escaped_has_no_start_code_and_comes_back(payload: bytes) -> None:
    escaped = escape(payload)
    assert not any(bytes([0, 0, low]) in escaped for low in range(3))
    assert unescape(escaped) == payload


@given(st.lists(_NEAR_ZERO.map(lambda each: b"\x41" + escape(each) + b"\x80"), max_size=5), st.booleans())
def test_a_stream_falls_into_the_units_that_it_was_made_of(made: list[bytes], long: bool) -> None:
    code = b"\0\0\0\1" if long else b"\0\0\1"
    found = units(b"".join(code + each for each in made))
    assert [each.data for each in found] == made


@given(st.binary())
def test_any_bytes_give_units_that_lie_in_them(stream: bytes) -> None:
    for each in units(stream):
        assert stream[each.offset : each.offset + len(each.data)] == each.data


def test_kinds_are_told_apart() -> None:
    heads = (b"\x65\x88", b"\x65\x44", b"\x41\x9a", b"\x06", b"\x67", b"\x09", b"\x0c", b"\xe5")
    [*found] = units(b"".join(b"\0\0\1" + each for each in heads))
    assert [each.kind for each in found] == [
        *(Kind.PICTURE, Kind.PICTURE, Kind.PICTURE, Kind.SEI),
        *(Kind.PARAMETERS, Kind.DELIMITER, Kind.OTHER, Kind.BROKEN),
    ]
    assert [each.starts_gop for each in found[:3]] == [True, False, False]
    assert [each.starts_picture for each in found[:3]] == [True, False, True]
