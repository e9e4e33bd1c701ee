"""What is written as MP4, as FFmpeg reads it."""

from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest

from agent.recorder.pieces import Piece
from agent.trust.evidence.mp4_write import Sample, fragment, init_segment, plain, ticks
from agent.trust.evidence.parameter_sets import ParameterSets
from agent.trust.evidence.sealed_file import ClipError
from edge_centre.evidence.remux import indexed, plain_mp4
from tests.support.recording import as_file, encoded, pieces_of, probe


def as_plain_file(pieces: list[Piece]) -> bytes:
    times = [time_ns for piece in pieces for time_ns in piece.times_ns]
    edges = [ticks(each) for each in (*sorted(times), pieces[-1].end_ns)]
    keys = [piece.key and not number for piece in pieces for number, _ in enumerate(piece.sizes)]
    sizes = [size for piece in pieces for size in piece.sizes]
    samples = [
        Sample(size, after - before, key, ticks(time_ns) - before)
        for size, key, time_ns, (before, after) in zip(sizes, keys, times, pairwise(edges), strict=True)
    ]
    return plain(pieces[0].parameters, samples, b"".join(piece.media for piece in pieces))


def as_indexed_file(pieces: list[Piece]) -> bytes:
    return indexed(as_file(pieces))


@pytest.mark.parametrize("writes", [as_file, as_indexed_file, as_plain_file])
@pytest.mark.parametrize("reordered", [0, 2])
def test_ffmpeg_reads_and_decodes_it_without_a_complaint(tmp_path: Path, writes: object, reordered: int) -> None:
    assert callable(writes)
    probed = probe(tmp_path / "a.mp4", writes(pieces_of(encoded(13, reordered=reordered))))

    assert probed.complaints == ""
    assert len(probed.streams) == 1
    assert (probed.streams[0]["width"], probed.streams[0]["height"]) == (64, 48)
    assert probed.keys == [0, 5, 10]
    first = min(probed.shown_s)
    assert sorted(each - first for each in probed.shown_s) == pytest.approx([number / 5 for number in range(13)])


def test_pictures_out_of_order_are_shown_in_the_order_in_which_they_were_captured(tmp_path: Path) -> None:
    units = encoded(10, reordered=2)
    assert [shown for _, shown in units] != list(range(10))

    probed = probe(tmp_path / "a.mp4", as_file(pieces_of(units)))

    first = min(probed.shown_s)
    assert [round((each - first) * 5) for each in probed.shown_s] == [shown for _, shown in units]


def test_there_is_one_track_and_it_is_no_sound() -> None:
    for content in (as_file(pieces_of(encoded(5))), as_plain_file(pieces_of(encoded(5)))):
        assert content.count(b"trak") == content.count(b"hdlr") == 1
        assert b"soun" not in content
        assert b"mp4a" not in content


def test_the_plain_file_has_its_index_in_front_and_no_fragments() -> None:
    content = as_plain_file(pieces_of(encoded(10)))

    assert 0 < content.index(b"moov") < content.index(b"mdat")
    assert b"moof" not in content


def test_a_film_whose_header_was_emptied_of_its_picture_parameters_is_refused_in_words() -> None:
    content = bytearray(as_file(pieces_of(encoded(5))))
    sps = int.from_bytes(content[(at := content.index(b"avcC") + 10) : at + 2])
    content[at + 2 + sps] = 0  # how many picture parameter sets follow
    with pytest.raises(ClipError, match="can't be made an ordinary MP4"):
        plain_mp4(bytes(content))


def test_the_copy_to_watch_is_made_as_ever_or_case_folders_of_old_would_no_longer_verify() -> None:
    # Written by hand, after 7.3.2.1.1: profile 100, 4:2:0, 8 bits, no scaling lists, 4 x 3 blocks, no cropping.
    sets = ParameterSets(bytes.fromhex("6764001eace84790"), (b"\x68\xce",))
    samples = [Sample(3, 18_000, True), Sample(2, 18_000, False, 9_000)]
    film = init_segment(sets) + fragment(1, 0, samples, b"abcde") + fragment(2, 90_000, samples, b"fghij")
    assert sha256(plain_mp4(film)).hexdigest() == "5b3910332caa6a46350c806c17de910617fbbc73dd17fbea1ea481d5365a62ab"
