"""Clips that are begun, extended, joined and ended, on a card that is good or bad."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agent.core.camera.recorder_link import (
    AboutClips,
    ChainHead,
    ClipBegun,
    ClipDeleted,
    ClipEnded,
    ClipFailed,
    ClipHeld,
)
from agent.evidence.clips import Deleted
from agent.recorder.pieces import Piece
from agent.recorder.recorder import Limits, Recorder
from agent.recorder.ring import Ring
from tests.support.recording import KeptClips, encoded, pieces_of, probe
from tests.support.sim_clock import SimClock
from tests.support.wait import wait_for

WHY = {"alarm": "a-1"}


class Rig:
    """A recorder whose camera gives a piece a second when `run` says so."""

    def __init__(self, most_bytes: int = 1 << 20) -> None:
        self.clock = SimClock()
        self.clips = KeptClips()
        self.said: list[AboutClips] = []
        self.recorder = Recorder(
            Ring(10, 1 << 20), self.clips, self.said.append, self.clock, Limits(4, most_bytes, 300)
        )
        self._pieces = iter(pieces_of(encoded(400), SimClock()))

    @property
    def told(self) -> list[AboutClips]:
        """What was said of clips, without the heads."""
        return [each for each in self.said if not isinstance(each, ChainHead)]

    def run(self, seconds: int, *, writes: bool = True) -> None:
        for _ in range(seconds):
            self.give(next(self._pieces), writes=writes)

    def give(self, piece: Piece, *, writes: bool = True) -> None:
        self.clock.advance(timedelta(microseconds=(piece.end_ns - self.clock.boottime_ns()) / 1000))
        self.recorder.add(piece)
        if writes:
            self.recorder.run_once(0)


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(20)
    return rig


def test_the_ring_is_written_at_once_and_in_one_piece_and_then_a_fragment_a_second(rig: Rig, tmp_path: Path) -> None:
    rig.recorder.begin("c1", 5, WHY)
    rig.recorder.run_once(0)
    clip = rig.clips.kept["c1"]
    assert clip.writes == [11]
    rig.run(7)

    assert clip.writes == [11, 1, 1, 1, 1, 1]
    assert clip.ended == "complete"
    assert [each.index for each in clip.fragments] == list(range(16))
    assert [each.init for each in clip.fragments] == [True] + [False] * 15
    begun, ended = rig.told
    assert isinstance(begun, ClipBegun)
    assert begun.before_s == 10
    assert begun.begin_ns == clip.fragments[1].begin_ns
    assert isinstance(ended, ClipEnded)
    assert (ended.clip, ended.why, ended.seconds, ended.bytes > 0) == ("c1", "complete", 15, True)
    probed = probe(tmp_path / "a.mp4", clip.content)
    assert probed.complaints == ""
    assert probed.shown_s == pytest.approx([number / 5 for number in range(75)])


def test_the_head_of_the_chain_is_told_every_hour_and_no_more_often(rig: Rig) -> None:
    def heads() -> int:
        return sum(isinstance(each, ChainHead) for each in rig.said)

    before = heads()
    for _ in range(6):
        rig.clock.advance(timedelta(minutes=9))
        rig.recorder.run_once(0)
    assert heads() == before
    rig.clock.advance(timedelta(minutes=6))
    rig.recorder.run_once(0)
    assert heads() == before + 1
    rig.clock.advance(timedelta(minutes=54))
    rig.recorder.run_once(0)
    assert heads() == before + 1


def test_a_clip_goes_on_while_it_is_extended_and_ends_when_asked(rig: Rig) -> None:
    rig.recorder.begin("c1", 2, WHY)
    rig.run(1)
    rig.recorder.extend("c1", 30)
    rig.run(10)
    assert rig.clips.kept["c1"].ended == ""
    rig.recorder.end("c1", "asked")
    rig.recorder.run_once(0)

    assert rig.clips.kept["c1"].ended == "asked"
    assert len(rig.clips.kept["c1"].fragments) == 22


def test_a_clip_that_grows_for_one_alarm_after_the_other_goes_on_in_another_file(rig: Rig) -> None:
    rig.recorder = Recorder(Ring(10, 1 << 20), rig.clips, rig.said.append, rig.clock, Limits(1, 1 << 20, 20))
    for number in range(5):
        rig.recorder.begin(f"c{number}", 15, {"alarm": f"a-{number}"})
        rig.run(10)
    rig.run(10)

    clips = list(rig.clips.kept.values())
    assert [each.ended for each in clips] == ["long", "long", "complete"]
    assert [len(each.fragments) for each in clips] == [21, 21, 16]
    assert [each.why.get("continues") for each in clips] == [None, "c0", list(rig.clips.kept)[1]]
    times = [piece for each in clips for piece in each.fragments[1:]]
    assert all(before.end_ns == after.begin_ns for before, after in pairwise(times))


def test_twenty_alarms_at_once_are_in_four_files_and_each_knows_its_own(rig: Rig) -> None:
    for number in range(20):
        rig.recorder.begin(f"c{number}", 5, {"alarm": f"a-{number}"})
    rig.recorder.run_once(0)
    rig.recorder.extend("c19", 10)
    rig.run(12)

    assert list(rig.clips.kept) == ["c0", "c1", "c2", "c3"]
    assert [each["alarm"] for each in rig.clips.kept["c3"].joined] == [f"a-{number}" for number in range(4, 20)]
    begun = {each.clip: each.into for each in rig.told if isinstance(each, ClipBegun)}
    assert begun == {f"c{number}": f"c{min(number, 3)}" for number in range(20)}
    assert [len(clip.fragments) for clip in rig.clips.kept.values()] == [16, 16, 16, 21]


def test_an_alarm_that_joins_while_its_clip_ends_is_told(rig: Rig) -> None:
    for number in range(1, 6):
        rig.recorder.begin(f"c{number}", 5, {"alarm": f"a-{number}"})
    rig.recorder.run_once(0)
    newest = rig.clips.kept["c4"]
    join = newest.join

    def joins_another(why: Mapping[str, Any]) -> None:
        newest.join = join  # type: ignore[method-assign]
        join(why)
        rig.recorder.begin("c7", 5, {"alarm": "a-7"})
        rig.recorder.end(None, "stopped")

    newest.join = joins_another  # type: ignore[method-assign]
    rig.recorder.begin("c6", 5, {"alarm": "a-6"})
    rig.recorder.run_once(0)
    rig.recorder.close("stopped")
    assert [each["alarm"] for each in newest.joined] == ["a-5", "a-6", "a-7"]
    assert newest.ended == "stopped"


def test_a_clip_that_can_not_be_joined_is_closed_and_each_that_was_in_it_is_told(rig: Rig) -> None:
    for number in range(4):
        rig.recorder.begin(f"c{number}", 5, WHY)
    rig.recorder.run_once(0)
    rig.recorder.begin("c4", 5, WHY)
    rig.clips.room[0] = 0
    rig.recorder.run_once(0)

    assert rig.clips.kept["c3"].ended == "failed"
    assert [each.clip for each in rig.told if isinstance(each, ClipFailed)] == ["c3", "c4"]
    assert rig.recorder.state()[3] == ("c0", "c1", "c2")


def test_pictures_of_another_size_are_another_clip_that_continues_the_first(rig: Rig, tmp_path: Path) -> None:
    rig.recorder.begin("c1", 8, WHY)
    rig.run(2)
    larger = SimClock(boottime_ns=rig.clock.boottime_ns())
    for piece in pieces_of(encoded(50, (96, 64)), larger):
        rig.give(piece)

    first, second = rig.clips.kept.values()
    assert first.ended == "changed"
    assert second.why == {**WHY, "continues": "c1"}
    assert second.ended == "complete"
    assert [each.continues for each in rig.told if isinstance(each, ClipBegun)] == [None, "c1"]
    for clip, width in ((first, 64), (second, 96)):
        probed = probe(tmp_path / "a.mp4", clip.content)
        assert (probed.complaints, probed.streams[0]["width"]) == ("", width)
    assert second.fragments[1].begin_ns == first.fragments[-1].end_ns


def test_a_card_that_hangs_keeps_no_picture_from_the_ring_and_loses_whole_groups() -> None:
    rig = Rig(most_bytes=sum(len(piece.media) for piece in pieces_of(encoded(400))[20:32]))
    rig.run(20)
    rig.recorder.begin("c1", 60, WHY)
    rig.recorder.run_once(0)
    rig.run(40, writes=False)  # the writer is stuck in the card
    rig.recorder.run_once(0)

    indices = [each.index for each in rig.clips.kept["c1"].fragments]
    assert indices[:11] == list(range(11))
    assert indices[-1] == 50
    assert 0 < len(indices) - 11 < 20
    assert len(rig.clips.kept["c1"].writes) == 2, "what has waited is written as one"
    assert rig.recorder.state()[0] == 10


def test_what_can_not_be_written_is_told_once_and_what_can_again_is_kept(rig: Rig) -> None:
    rig.recorder.begin("c1", 10, WHY)
    rig.run(2)
    rig.clips.room[0] = 0
    rig.run(3)
    rig.clips.room[0] = 1
    rig.run(2)

    assert [each.index for each in rig.clips.kept["c1"].fragments] == [*range(13), 16, 17]
    assert [each for each in rig.told if isinstance(each, ClipFailed)] == [
        ClipFailed(clip="c1", detail="there is no room left on the disk")
    ]


def test_a_clip_that_can_not_be_begun_is_told_and_the_next_one_has_its_chance(rig: Rig) -> None:
    rig.clips.room[0] = 0
    rig.recorder.begin("c1", 10, WHY)
    rig.recorder.run_once(0)
    rig.clips.room[0] = 1
    rig.recorder.begin("c2", 10, WHY)
    rig.recorder.run_once(0)

    assert [type(each) for each in rig.told] == [ClipFailed, ClipBegun]
    assert list(rig.clips.kept) == ["c2"]


def test_a_camera_that_died_long_ago_gives_no_clip_of_what_it_showed_then(rig: Rig) -> None:
    rig.clock.advance(timedelta(seconds=60))
    rig.recorder.begin("c1", 5, WHY)
    rig.recorder.run_once(0)
    rig.clock.advance(timedelta(seconds=9))
    rig.recorder.run_once(0)

    assert rig.told == [ClipFailed(clip="c1", detail="the camera gave no pictures")]


def test_a_camera_that_stalls_in_a_clip_does_not_keep_it_open(rig: Rig) -> None:
    rig.recorder.begin("c1", 5, WHY)
    rig.run(1)
    rig.clock.advance(timedelta(seconds=9))
    rig.recorder.run_once(0)

    assert rig.clips.kept["c1"].ended == "complete"


def test_a_clip_of_a_camera_without_pictures_yet_begins_with_its_first_key_frame() -> None:
    rig = Rig()
    rig.recorder.begin("c1", 20, WHY)
    pieces = pieces_of(encoded(100, group=50))
    for piece in pieces[1:]:  # the first key frame is not among them
        rig.give(piece)

    [second] = [piece for piece in pieces[1:] if piece.key]
    assert rig.clips.kept["c1"].fragments[1].begin_ns == second.begin_ns


def test_at_the_end_all_clips_are_closed(rig: Rig) -> None:
    rig.recorder.begin("c1", 50, WHY)
    rig.recorder.begin("c2", 50, WHY)
    rig.recorder.close("stopped")

    assert [clip.ended for clip in rig.clips.kept.values()] == ["stopped", "stopped"]
    assert rig.recorder.state()[3] == ()


def test_what_was_cut_off_is_closed_before_anything_is_written_and_a_card_that_can_not_is_told() -> None:
    rig = Rig()
    rig.clips.room[0] = 0
    rig.clips.cut, rig.clips.unheard = ["c0"], ["c00"]
    rig.run(15)
    rig.recorder.begin("c1", 5, WHY)
    rig.recorder.run_once(0)
    assert rig.told == [ClipFailed(clip="c1", detail="there is no room left on the disk")]
    assert rig.recorder.card == "there is no room left on the disk"
    rig.clips.room[0] = 1
    rig.recorder.begin("c2", 5, WHY)
    rig.recorder.run_once(0)

    assert rig.clips.recovered == 1
    assert list(rig.clips.kept) == ["c2"]
    assert rig.told[1:3] == [
        ClipEnded(clip="c0", why="cut", seconds=0),
        ClipEnded(clip="c00", why="the agent ended", seconds=0),
    ]


def test_a_card_that_does_not_answer_is_told_and_holds_nobody_up(rig: Rig) -> None:
    stuck = threading.Event()
    rig.clips.stuck = stuck
    rig.recorder.begin("c1", 50, WHY)
    writer = threading.Thread(target=rig.recorder.run_once)
    writer.start()
    try:
        wait_for(lambda: rig.clips.waiting, what="the write")
        rig.run(8, writes=False)
        assert rig.recorder.card == "the card has not answered for 8 s"
        rig.recorder.begin("c2", 50, WHY)
        rig.recorder.close("stopped")
    finally:
        stuck.set()
        writer.join(10)
    assert rig.recorder.card == "the card is slow: it took 8 s to write", "and not well again with each write"
    rig.clock.advance(timedelta(minutes=1))
    assert rig.recorder.card == ""


def test_old_clips_are_looked_after_once_a_minute(rig: Rig) -> None:
    swept = rig.clips.swept
    rig.run(60)

    assert rig.clips.swept == swept + 1


def test_the_head_of_the_chain_leaves_with_each_begin_and_end_and_every_hour(rig: Rig) -> None:
    def heads() -> list[int]:
        return [each.seq for each in rig.said if isinstance(each, ChainHead)]

    assert heads() == [0]
    rig.recorder.begin("c1", 1, WHY)
    rig.run(3)
    assert heads() == [0, 1, 2]
    rig.clock.advance(timedelta(hours=1))
    rig.recorder.run_once(0)
    assert heads() == [0, 1, 2, 2]


def test_a_clip_is_held_and_released_and_one_that_is_not_there_is_told(rig: Rig) -> None:
    rig.recorder.begin("c1", 1, WHY)
    rig.run(3)
    rig.recorder.hold("c1", True, {"by": "officer"})
    rig.recorder.run_once(0)
    assert rig.recorder.held == 1
    rig.recorder.hold("c1", False, {"by": "officer"})
    rig.recorder.hold("nobody", True, {"by": "officer"})
    rig.recorder.run_once(0)

    assert rig.told[-3:] == [
        ClipHeld(clip="c1", held=True),
        ClipHeld(clip="c1", held=False),
        ClipFailed(clip="nobody", detail="there is no clip nobody here"),
    ]
    assert rig.recorder.held == 0
    rig.clips.room[0] = 0
    rig.recorder.hold("c1", True, {"by": "officer"})
    rig.recorder.run_once(0)
    assert rig.told[-1] == ClipFailed(clip="c1", detail="there is no room left on the disk", waits=True)


def test_what_is_deleted_is_told_and_so_is_a_card_that_needs_a_person(rig: Rig) -> None:
    rig.clips.old = [Deleted("c0", "age")]
    rig.clips.room[0] = 0
    rig.run(60)

    assert rig.told == [ClipDeleted(clip="c0", why="age")]
    assert rig.recorder.card == "the disk is nearly full"
