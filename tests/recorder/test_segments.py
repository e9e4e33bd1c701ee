"""What goes into the spool of a clip: whole segments, the newest of the past first, and no more than there is room."""

import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from agent.contract.stores import OBJECT_NAME
from agent.core.camera.recorder_link import UploadSpec
from agent.core.camera.segment import NOTE, Segment, read_note
from agent.recorder.segments import Part, Segments
from agent.trust.evidence.fragment import Fragment
from edge_centre.evidence.segments import pieces
from tests.recorder.test_recorder import Rig

CLIP = "01a21ac6-1e90-755d-98d2-2feefdb0a969"
OTHER = "01a21ac6-ffff-755d-98d2-2feefdb0a969"
INIT = b"init"
START = datetime(2026, 11, 27, 22, 59, 58, 123_000, tzinfo=UTC)


def part(index: int, *, key: bool = True, size: int = 1000) -> Part:
    begin = START + timedelta(seconds=index)
    return Part(
        Fragment(
            index,
            False,
            b"%04d" % index * (size // 4),
            index * 10**9,
            (index + 1) * 10**9,
            begin,
            begin + timedelta(seconds=1),
        ),
        key,
    )


def parts(first: int, last: int, **more: Any) -> list[Part]:
    return [part(index, **more) for index in range(first, last + 1)]


class Spool:
    def __init__(self, directory: Path, size: int = 10**6, clips: tuple[str, ...] = ("alarm",)) -> None:
        self.directory = directory
        self.spec = UploadSpec(directory=str(directory), bytes=size, clips=clips)
        self.segments = Segments("front", self.spec)

    def found(self) -> list[Segment]:
        """What waits, in the order in which it was written."""
        notes = [read_note(note) for note in (self.directory / "front").glob(f"*{NOTE}")]
        return sorted(
            (each for each in notes if each), key=lambda each: int(re.findall(r"\.(\d+)(?:\.mp4|_end)$", each.name)[0])
        )

    def media(self, segment: Segment) -> bytes:
        return segment.file(self.directory, ".mp4").read_bytes()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "upload")


def test_what_was_in_memory_is_there_at_once_and_its_end_first(spool: Spool) -> None:
    spool.segments.begin(CLIP, {"alarm": "a-1", "input": "police"}, INIT, parts(1, 15))
    newest, *older = spool.found()
    assert (newest.order, newest.first, newest.last) == (0, 11, 15)
    assert [(each.order, each.first, each.last) for each in older] == [(1, 6, 10), (2, 1, 5)]
    assert newest.urgency < older[0].urgency < older[1].urgency
    assert spool.media(newest) == INIT + b"".join(each.fragment.data for each in parts(11, 15))
    assert (newest.sha256, newest.size) == (sha256(spool.media(newest)).hexdigest(), len(spool.media(newest)))
    assert (newest.alarm_id, newest.clip, newest.camera) == ("a-1", CLIP, "front")
    assert newest.name == "front/2026-11-27/23/00-09.123Z.1.mp4"
    assert (newest.begins, newest.ends) == ("2026-11-27T23:00:09.123Z", "2026-11-27T23:00:14.123Z")


def test_what_follows_is_a_segment_every_four_seconds_and_an_end(spool: Spool) -> None:
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 3))
    for each in parts(4, 13):
        spool.segments.add(CLIP, each)
    spool.segments.end(CLIP)
    *found, end = spool.found()
    assert [(each.order, each.first, each.last) for each in found] == [(0, 1, 3), (1, 4, 7), (2, 8, 11), (3, 12, 13)]
    assert (end.is_end, end.size, spool.media(end)) == (True, 0, b"")
    assert end.order == 4
    assert all(re.match(OBJECT_NAME, each.name) for each in [*found, end])
    spool.segments.add(CLIP, part(14))
    spool.segments.end(CLIP)
    assert len(spool.found()) == 5, "a clip that has ended has no more segments"


def test_no_segment_is_one_group_alone_as_its_signature_is_in_the_next(spool: Spool) -> None:
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 11))
    for each in parts(12, 16):
        spool.segments.add(CLIP, each)
    spool.segments.end(CLIP)
    assert [(each.first, each.last) for each in spool.found()[:-1]] == [(7, 11), (1, 6), (12, 15), (15, 16)]


def test_what_follows_a_press_in_the_middle_of_a_group_begins_with_that_group(spool: Spool) -> None:
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 5))
    for each in (part(6, key=False), *parts(7, 10)):
        spool.segments.add(CLIP, each)
    spool.segments.end(CLIP)
    assert [(each.first, each.last) for each in spool.found()[:-1]] == [(1, 5), (5, 8), (9, 10)]


def test_a_segment_begins_with_a_key_frame_however_long_that_takes(spool: Spool) -> None:
    ring = [*parts(1, 1), *parts(2, 6, key=False), *parts(7, 7), *parts(8, 12, key=False)]
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, ring)
    for each in [*parts(13, 18, key=False), part(19)]:
        spool.segments.add(CLIP, each)
    spool.segments.end(CLIP)
    assert [(each.first, each.last) for each in spool.found()][:-1] == [(7, 12), (1, 6), (7, 18), (7, 19)]


def test_only_clips_of_the_kinds_in_the_settings_are_uploaded(tmp_path: Path) -> None:
    spool = Spool(tmp_path, clips=("alarm", "command"))
    spool.segments.begin(CLIP, {"event": "e-1"}, INIT, parts(1, 3))
    assert spool.found() == []
    spool.segments.begin(OTHER, {"command": "c-1", "by": "control room"}, INIT, parts(1, 3))
    assert [each.command_id for each in spool.found()] == ["c-1"]


def test_a_clip_that_goes_on_with_another_had_no_press(spool: Spool) -> None:
    spool.segments.begin(CLIP, {"alarm": "a-1", "continues": OTHER}, INIT, parts(1, 3))
    assert spool.found() == []
    spool.segments.end(CLIP)
    assert [each.order for each in spool.found()] == [0, 1]


def test_what_does_not_fit_stays_on_the_card_and_is_told(tmp_path: Path) -> None:
    spool = Spool(tmp_path, size=21_000)
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 3))
    for each in parts(4, 24):
        spool.segments.add(CLIP, each)
    assert [bool(each.lost) for each in spool.found()] == [False, False, False, False, True, True]
    spool.segments.begin(OTHER, {"alarm": "a-2"}, INIT, parts(25, 28))
    assert not spool.found()[-1].lost, "there is always room for the seconds before a press"
    assert spool.found()[-1].urgency < spool.found()[0].urgency, "and the newest alarm's go first"


def test_a_memory_that_takes_nothing_does_not_stop_a_clip(spool: Spool) -> None:
    for each in (spool.directory / "front").iterdir():
        each.unlink()
    (spool.directory / "front").rmdir()
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 3))
    spool.segments.end(CLIP)
    assert spool.found() == []


def test_a_spool_that_can_not_be_made_does_not_stop_a_clip(tmp_path: Path) -> None:
    (tmp_path / "upload").touch()
    spool = Spool(tmp_path / "upload")
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 3))
    spool.segments.add(CLIP, part(4))
    spool.segments.end(CLIP)
    assert spool.found() == []


def test_a_camera_that_sends_no_key_frame_any_more_fills_no_memory(spool: Spool) -> None:
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 5))
    for index in range(6, 600):
        spool.segments.add(CLIP, part(index, key=index == 6, size=20_000))
    [_, lost] = spool.found()
    assert (lost.first, "no key frame" in lost.lost) == (6, True)
    assert lost.size <= 250_000 + 40_000
    for each in parts(600, 606):
        spool.segments.add(CLIP, each)
    assert (spool.found()[-1].first, spool.found()[-1].lost) == (600, ""), "it goes on with the next one"


def test_what_a_kill_has_left_half_done_goes_and_the_rest_stays(spool: Spool) -> None:
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 3))
    own = spool.directory / "front"
    (own / "x.new").write_bytes(b"1")
    (own / "y.mp4").write_bytes(b"1")
    Spool(spool.directory)
    assert len(spool.found()) == 1
    assert len(list(own.iterdir())) == 2
    assert own.stat().st_mode & 0o777 == 0o700


def test_a_note_that_is_none_of_ours_is_left_alone(spool: Spool) -> None:
    own = spool.directory / "front"
    spool.segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 3))
    good = json.loads(next(own.glob(f"*{NOTE}")).read_bytes())
    for content in (
        b"",
        b"{",
        b"[]",
        b'{"name":1}',
        json.dumps({**good, "name": "../../x"}).encode(),
        json.dumps({**good, "clip": "x"}).encode(),
    ):
        (own / f"z{NOTE}").write_bytes(content)
        assert read_note(own / f"z{NOTE}") is None


def test_without_uploads_nothing_is_written(tmp_path: Path) -> None:
    segments = Segments("front", None)
    segments.begin(CLIP, {"alarm": "a-1"}, INIT, parts(1, 3))
    segments.add(CLIP, part(4))
    segments.end(CLIP)
    assert list(tmp_path.iterdir()) == []


def test_a_segment_has_the_very_bytes_that_the_card_has(tmp_path: Path) -> None:
    spool, rig = Spool(tmp_path), Rig()
    rig.recorder.segments = spool.segments
    rig.run(20)
    rig.recorder.begin("c1", 6, {"alarm": "a-1"})
    rig.run(8)
    init, *fragments = (each.data for each in rig.clips.kept["c1"].fragments)
    *found, end = sorted(spool.found(), key=lambda each: (each.first is None, each.first))
    there = [pieces(spool.media(each)) for each in found]
    assert {each[0] for each in there} == {init}
    assert list(dict.fromkeys(piece for _, *rest in there for piece in rest)) == fragments
    assert end.is_end


def test_what_a_card_does_not_take_is_uploaded_all_the_same(tmp_path: Path) -> None:
    spool, rig = Spool(tmp_path), Rig()
    rig.recorder.segments = spool.segments
    rig.run(20)
    rig.clips.room[0] = 0
    rig.recorder.begin("c1", 6, {"alarm": "a-1"})
    rig.run(2)
    *found, end = spool.found()
    assert sum((each.last or 0) - (each.first or 0) + 1 for each in found) >= 10
    assert end.is_end
