"""Pieces of about a second, made of whatever a camera sends."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from agent.recorder.pieces import Assembler, Piece
from agent.trust.evidence.h264 import Kind, Unit, units
from agent.trust.evidence.parameter_sets import ParameterSets, UnreadableVideoError
from tests.support.recording import SECOND, as_file, encoded, feed, pieces_of, probe
from tests.support.signed_media import BEGAN, judged, signing
from tests.support.sim_clock import SimClock
from tests.support.unsigned import Unsigned


def test_each_group_of_pictures_is_a_piece_that_ends_where_the_next_begins() -> None:
    pieces = pieces_of(encoded(13))

    assert [len(piece.sizes) for piece in pieces] == [5, 5, 3]
    assert all(piece.key for piece in pieces)
    assert [before.end_ns == after.begin_ns for before, after in pairwise(pieces)] == [True, True]
    assert pieces[-1].end_ns - pieces[0].begin_ns == 13 * SECOND // 5


def test_a_group_of_ten_seconds_is_handed_on_second_by_second(tmp_path: Path) -> None:
    pieces = pieces_of(encoded(100, group=50))

    assert [piece.key for piece in pieces].count(True) == 2
    assert all(piece.end_ns - piece.begin_ns <= 1.5 * SECOND for piece in pieces)
    probed = probe(tmp_path / "a.mp4", as_file(pieces))
    assert probed.complaints == ""
    assert probed.keys == [0, 50]


def test_nothing_is_taken_before_a_picture_that_needs_no_other() -> None:
    assert [len(piece.sizes) for piece in pieces_of(encoded(13)[2:])] == [5, 3]


def test_parameter_sets_that_only_the_header_has_count() -> None:
    found = units(encoded(5)[0][0])
    sets = [each for each in found if each.kind is Kind.PARAMETERS]
    bare = _annex_b([each.data for each in found if each.kind is not Kind.PARAMETERS])
    pieces: list[Piece] = []
    clock = SimClock()
    assembler = Assembler(Unsigned(), clock, pieces.append)

    assembler.add(bare, clock.boottime_ns())
    assembler.restart(_annex_b([each.data for each in sets]))
    assembler.add(bare, clock.boottime_ns())
    assembler.restart()

    assert [piece.parameters for piece in pieces] == [ParameterSets.found(sets)]


def test_unreadable_parameter_sets_get_into_no_clip() -> None:
    assembler = Assembler(Unsigned(), SimClock(), lambda _: pytest.fail("a piece was made"))

    with pytest.raises(UnreadableVideoError):
        assembler.add(_annex_b([b"\x67\x42", b"\x68\xce", b"\x65\x88"]), SECOND)


def test_a_camera_that_stalls_leaves_a_hole_of_the_true_length(tmp_path: Path) -> None:
    pieces: list[Piece] = []
    clock = SimClock()
    assembler = Assembler(Unsigned(), clock, pieces.append)
    stream = encoded(10)
    feed(assembler, clock, stream[:7])
    assembler.flush()
    assert sum(len(piece.sizes) for piece in pieces) == 7  # nothing waits for what may never come
    clock.advance(timedelta(seconds=30))
    feed(assembler, clock, [(unit, number) for number, (unit, _) in enumerate(stream[7:])])
    assembler.restart()

    probed = probe(tmp_path / "a.mp4", as_file(pieces))
    assert probed.complaints == ""
    assert probed.shown_s[6] == pytest.approx(1.2)
    assert probed.shown_s[7] == pytest.approx(31.4)


def test_a_source_that_connects_anew_leaves_no_picture_without_a_signature() -> None:
    pieces: list[Piece] = []
    clock = SimClock(wall=BEGAN)
    assembler = Assembler(signing().signer(), clock, pieces.append)
    for _ in range(2):
        feed(assembler, clock, encoded(13))
        assembler.restart()
    feed(assembler, clock, encoded(10))

    verdict = judged(as_file(pieces))
    assert (verdict.findings, verdict.gops) == ([], 6)


@pytest.mark.parametrize("jump_s", [-3600, -6, 1, 3600, 10**9])
def test_a_capture_time_that_can_not_be_is_replaced_by_now(jump_s: int) -> None:
    pieces: list[Piece] = []
    clock = SimClock(boottime_ns=10**6 * SECOND)
    assembler = Assembler(Unsigned(), clock, pieces.append)
    begin_ns = clock.boottime_ns()
    for number, (unit, _) in enumerate(encoded(10)):
        assembler.add(unit, max(clock.boottime_ns() + (jump_s * SECOND if number >= 5 else 0), 0))
        clock.advance(timedelta(seconds=0.2))
    assembler.restart()

    assert [time_ns - begin_ns for piece in pieces for time_ns in piece.times_ns] == [
        number * SECOND // 5 for number in range(10)
    ]
    assert assembler.retimed == 5


def test_a_camera_that_repeats_its_times_makes_a_file_whose_times_still_rise(tmp_path: Path) -> None:
    pieces: list[Piece] = []
    clock = SimClock()
    assembler = Assembler(Unsigned(), clock, pieces.append)
    for unit, _ in encoded(10):
        assembler.add(unit, clock.boottime_ns())
    assembler.restart()

    probed = probe(tmp_path / "a.mp4", as_file(pieces))
    assert probed.complaints == ""
    assert all(before < after for before, after in pairwise(probed.shown_s))


def test_a_clock_that_steps_in_the_middle_changes_what_is_said_of_it_and_no_picture(tmp_path: Path) -> None:
    pieces: list[Piece] = []
    clock = SimClock()
    wall = clock.wall()
    assembler = Assembler(Unsigned(), clock, pieces.append)
    stream = encoded(15)
    feed(assembler, clock, stream[:9])
    clock.step_wall(timedelta(hours=-2))
    feed(assembler, clock, [(unit, number) for number, (unit, _) in enumerate(stream[9:])])
    assembler.restart()

    begins = [piece.fragment(1, 0).wall_begin - wall for piece in pieces]
    assert begins[0] == timedelta(0)
    assert begins[1:] == [timedelta(seconds=1, hours=-2), timedelta(seconds=2, hours=-2)]
    assert probe(tmp_path / "a.mp4", as_file(pieces)).shown_s == pytest.approx([n / 5 for n in range(15)])


class Marks:
    """A signer that writes into the stream."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.finished = 0

    def add(self, units: Sequence[Unit], t_ns: int) -> list[bytes]:
        self.times.append(t_ns)
        return [b"\x06signed", *(each.data for each in units)]

    def put_off(self) -> None: ...

    def finish(self, t_ns: int) -> bytes:
        self.finished += 1
        return b""


def test_what_is_written_is_what_was_signed() -> None:
    marks = Marks()
    pieces = pieces_of(encoded(12), signer=marks)

    assert b"".join(piece.media for piece in pieces).count(b"signed") == 12
    assert marks.times[0] == round(SimClock().wall().timestamp() * SECOND)
    assert {after - before for before, after in pairwise(marks.times)} == {SECOND // 5}


def _annex_b(payloads: list[bytes]) -> bytes:
    return b"".join(b"\0\0\0\1" + payload for payload in payloads)
