"""The last seconds in memory."""

import pytest

from agent.recorder.pieces import Piece
from agent.recorder.ring import Ring
from tests.support.recording import SECOND, encoded, pieces_of


def filled(ring: Ring, pieces: list[Piece]) -> Ring:
    for piece in pieces:
        ring.add(piece)
    return ring


@pytest.mark.parametrize("group", [5, 10, 50])
def test_it_always_begins_with_a_key_frame_and_reaches_back_far_enough(group: int) -> None:
    ring = Ring(10, 1 << 20)
    for number, piece in enumerate(pieces_of(encoded(200, group=group))):
        ring.add(piece)
        held = ring.pieces()
        assert held[0].key
        assert held[-1] is piece
        if number >= 10 + group // 5:
            assert 10 * SECOND <= held[-1].end_ns - held[0].begin_ns <= (10 + group / 5) * SECOND
    assert ring.longest_group_ns == group * SECOND // 5


def test_what_it_may_hold_in_bytes_comes_before_what_it_should_in_seconds() -> None:
    pieces = pieces_of(encoded(100))
    most = sum(len(piece.media) for piece in pieces[-4:])
    ring = filled(Ring(10, most), pieces)

    assert ring.pieces() == tuple(pieces[-4:])
    assert ring.bytes == most


def test_a_camera_that_never_sends_another_key_frame_does_not_fill_the_memory() -> None:
    pieces = pieces_of(encoded(200, group=1000))
    most = sum(len(piece.media) for piece in pieces[:8])
    ring = Ring(10, most)
    for piece in pieces:
        ring.add(piece)
        assert ring.bytes <= most
    assert ring.pieces() == ()


def test_what_a_camera_that_died_has_shown_leaves_the_memory() -> None:
    ring = filled(Ring(10, 1 << 20), pieces_of(encoded(50)))
    end_ns = ring.pieces()[-1].end_ns

    ring.prune(end_ns + 10 * SECOND - 1)
    assert len(ring.pieces()) == 1
    ring.prune(end_ns + 10 * SECOND)
    assert ring.pieces() == ()
    assert ring.bytes == 0
