"""Reading MP4: the same units from any form of the file, with their places; bad files end in a sentence, and soon."""

import struct
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.trust.evidence.h264 import Kind
from edge_centre.evidence.media_signing.keys import Trust
from edge_centre.evidence.media_signing.verdict import Result
from edge_centre.evidence.media_signing.verify import verify
from edge_centre.evidence.mp4 import Mp4, Unreadable
from tests.support.signed_media import judged, mp4, recording, signing

PLAIN, FRAGMENTED = mp4(recording()), mp4(recording(), fragment=6)


def read(file: bytes) -> Mp4:
    return Mp4.read(BytesIO(file))


@pytest.mark.parametrize("file", [PLAIN, FRAGMENTED], ids=["plain", "fragmented"])
def test_each_unit_lies_where_it_says(file: bytes) -> None:
    found = list(read(file).units())
    assert len(found) == 29 * 2 + 10 + 5
    for each in found:
        assert file[each.offset : each.offset + len(each.data)] == each.data
    assert [each.time for each in found if each.kind is Kind.DELIMITER] == [at / 5 for at in range(29)]


def test_both_forms_of_a_file_hold_the_same() -> None:
    plain, fragmented = ([(each.data, each.time) for each in read(file).units()] for file in (PLAIN, FRAGMENTED))
    assert plain == fragmented


@pytest.mark.parametrize("file", [PLAIN, FRAGMENTED], ids=["plain", "fragmented"])
def test_a_file_that_was_cut_short_says_so(file: bytes) -> None:
    boxes = {each.end for each in read(file).boxes}  # a cut between two boxes leaves a file that is whole
    for end in set(range(1, len(file), 97)) - boxes:
        with pytest.raises(Unreadable):
            read(file[:end])


def after(file: bytes, kind: bytes, offset: int, value: int, *, last: bool = False) -> bytes:
    """The file with four bytes of a box changed."""
    at = (file.rindex if last else file.index)(kind) + offset
    return file[:at] + struct.pack(">I", value) + file[at + 4 :]


def twice(file: bytes, kind: bytes, *parents: bytes) -> bytes:
    """The file with the last box of a kind twice, in all that it is in."""
    at = file.rindex(kind) - 4
    again = file[at : at + int.from_bytes(file[at : at + 4])]
    for each in parents:
        begin = file.rindex(each) - 4
        file = after(file, each, -4, int.from_bytes(file[begin : begin + 4]) + len(again), last=True)
    return file[:at] + again + file[at:]


BAD = {
    "no MP4": b"RIFF" + bytes(100),
    "empty": b"",
    "huge box": after(PLAIN, b"mdat", -4, 0xFFFFFFFF),
    "box of nothing": after(PLAIN, b"mdat", -4, 4),
    "huge number of samples": after(PLAIN, b"stsz", 12, 0xFFFFFFFF),
    "samples of one huge size": after(PLAIN, b"stsz", 8, 0x7FFFFFFF),
    "a byte each, without end": after(after(PLAIN, b"stsz", 8, 1), b"stsz", 12, 0xFFFFFFFF),
    "many chunks": after(PLAIN, b"stco", 8, 0x7FFFFFFF),
    "pictures behind the end": after(PLAIN, b"stco", 12, 0x7FFFFFFF),
    "no clock": after(PLAIN, b"mdhd", 16, 0),
    "another codec": PLAIN.replace(b"avc1", b"av01"),
    "a description that FFmpeg reads as a stream": after(PLAIN, b"avcC", 4, 0x00_64_00_14),
    "no video": PLAIN.replace(b"vide", b"soun"),
    "two films": PLAIN + PLAIN[PLAIN.index(b"moov") - 4 :],
    "a fragment without end": after(FRAGMENTED, b"trun", 8, 0xFFFFFFFF),
    "a fragment of empty samples": after(after(FRAGMENTED, b"trun", 4, 1), b"trun", 8, 0xFFFFFFFF),
    "two defaults for fragments": twice(FRAGMENTED, b"trex", b"mvex", b"moov"),
    "chunks that do not begin with the first": after(PLAIN, b"stsc", 8, 0),
    "a fragment before the beginning": after(FRAGMENTED, b"trun", 12, 0x80000000),
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_ends_in_a_sentence(name: str) -> None:
    with pytest.raises(Unreadable) as caught:
        list(read(BAD[name]).units())
    assert str(caught.value)


def test_a_fragment_that_each_player_reads_at_another_place_is_refused() -> None:
    parts = twice(after(FRAGMENTED, b"tfhd", 4, 0, last=True), b"traf", b"moof")
    runs = after(twice(FRAGMENTED, b"trun", b"traf", b"moof"), b"trun", 4, 0x01_00_0F_00, last=True)
    for each in (parts, runs):
        with pytest.raises(Unreadable, match="leaves open where its pictures begin"):
            list(read(each).units())


def test_units_that_lie_about_their_length_are_wrong_and_not_the_end() -> None:
    for lie in (0, 1, 0x7FFFFFFF):
        at = PLAIN.index(recording()[8])
        verdict = judged(PLAIN[:at] + struct.pack(">I", lie) + PLAIN[at + 4 :])
        assert verdict.result in (Result.NOT_AUTHENTIC, Result.MISSING)
        assert verdict.first is not None
        assert verdict.first.place.offset <= at + len(recording()[8])
        assert verdict.first.place.end > at


@settings(max_examples=150, deadline=2000)
@given(st.sampled_from([PLAIN, FRAGMENTED]), st.data())
def test_any_spoilt_file_is_judged_or_refused_and_not_taken_for_authentic_pictures(
    file: bytes, data: st.DataObject
) -> None:
    spoilt = bytearray(file)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(file) - 1))
        match data.draw(st.sampled_from(["byte", "number", "cut", "twice"])):
            case "byte":
                spoilt[at : at + 1] = bytes([data.draw(st.integers(0, 255))])
            case "number":
                spoilt[at : at + 4] = struct.pack(">I", data.draw(st.sampled_from([0, 1, 7, 0x7FFFFFFF, 0xFFFFFFFF])))
            case "cut":
                del spoilt[at : at + data.draw(st.integers(1, 200))]
            case _:
                spoilt[at:at] = spoilt[at : at + data.draw(st.integers(1, 200))]
    try:
        verdict = verify(read(bytes(spoilt)).units(), Trust(signing().ca))
    except Unreadable:
        return
    if verdict.result is Result.AUTHENTIC and verdict.tail is None and verdict.begins_at == 1:
        pictures = [each.data for each in read(bytes(spoilt)).units() if each.kind is Kind.PICTURE]
        assert pictures == [each.data for each in read(file).units() if each.kind is Kind.PICTURE][: len(pictures)]
