"""Parameter sets of H.264, as real encoders write them."""

import pytest

from agent.trust.evidence.h264 import Kind, unit, units
from agent.trust.evidence.mp4_write import init_segment
from agent.trust.evidence.parameter_sets import ParameterSets, UnreadableVideoError, is_b
from tests.support.recording import encoded


def sets_of(size: tuple[int, int]) -> ParameterSets:
    found = ParameterSets.found(units(encoded(1, size)[0][0]))
    assert found is not None
    return found


@pytest.mark.parametrize("size", [(64, 48), (640, 360), (1366, 768), (1920, 1080)])
def test_the_size_is_that_of_the_picture_and_not_of_its_blocks(size: tuple[int, int]) -> None:
    assert sets_of(size).size == size


def test_a_high_profile_says_how_its_colours_are_coded() -> None:
    # Written by hand, after 7.3.2.1.1: profile 100, 4:2:0, 8 bits, no scaling lists, 4 x 3 blocks, no cropping.
    bits = "0110010000000000000111101010110011101000010001111001"
    sps = b"\x67" + int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    sets = ParameterSets(sps, (b"\x68\xce",))

    assert sets.size == (64, 48)
    assert sets.configuration().endswith(b"\x68\xce" + bytes((0xFC | 1, 0xF8, 0xF8, 0)))


def test_one_that_is_cut_off_is_an_error_and_no_guess() -> None:
    whole = sets_of((64, 48))

    with pytest.raises(UnreadableVideoError, match="cut off"):
        _ = ParameterSets(whole.sps[:6], whole.pps).size


@pytest.mark.parametrize("pps", [(b"\x68" + bytes(70_000),), tuple(b"\x68" + bytes([n, 1]) for n in range(256))])
def test_more_than_an_init_segment_has_room_for_is_refused(pps: tuple[bytes, ...]) -> None:
    with pytest.raises(UnreadableVideoError, match="make no sense"):
        _ = ParameterSets(sets_of((64, 48)).sps, pps).size


def number(value: int) -> str:
    """Exp-Golomb (9.1)."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


@pytest.mark.parametrize(
    "bits",
    [
        f"{66:08b}{0:016b}" + "".join(map(number, (0, 0, 2, 1))) + "0" + number(2**40) + number(2) + "110",
        f"{100:08b}{0:016b}" + "".join(map(number, (0, 4, 0, 0))) + "00" + "".join(map(number, (0, 2, 1))) + "0110110",
    ],
    ids=["a width of 2**40 blocks", "colours of no known form"],
)
def test_what_no_encoder_writes_is_an_error_of_the_camera_and_ends_nothing_else(bits: str) -> None:
    content = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    with pytest.raises(UnreadableVideoError, match="make no sense"):
        init_segment(ParameterSets(b"\x67" + content, (b"\x68\xce",)))


def test_without_both_kinds_there_are_none_and_missing_ones_stay_as_they_were() -> None:
    whole = sets_of((64, 48))

    assert ParameterSets.found([unit(whole.sps)]) is None
    assert ParameterSets.found([], whole) == whole
    assert ParameterSets.found([unit(whole.sps)], whole) == whole


def test_slices_of_pictures_that_are_shown_later_are_told_apart() -> None:
    stream = encoded(10, reordered=2)
    newest, early = -1, []
    for _, shown in stream:
        early.append(shown < newest)
        newest = max(newest, shown)
    slices = [next(each for each in units(content) if each.kind is Kind.PICTURE) for content, _ in stream]

    assert not is_b(unit(b"\x41"))
    assert any(early)
    assert [is_b(each) for each in slices] == early
