"""The clips of a camera on its card: what a full disk, a wrong clock, a new key and a budget do to them."""

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.evidence.clips import Budget
from agent.trust.evidence.chain import FILE, read
from agent.trust.evidence.sealed_file import ClipError, read_head, read_header
from agent.trust.evidence_keys import DeviceKey, EvidenceKey, KeyTrouble
from tests.evidence.conftest import Make
from tests.support.full_disk import FullDisk
from tests.support.made_up_clips import Clock, Recording


def texts(recording: Recording, clip: str) -> list[str]:
    return [each.text for each in recording.verdict(clip).findings]


def test_the_card_alone_shows_nothing_and_the_provinces_key_opens_it(recording: Recording) -> None:
    ring = recording.ring()
    clip = recording.begin(ring)
    clip.picture(b"a picture of a person")
    recording.clips.end(clip.clip, "over")

    card = b"".join(path.read_bytes() for path in recording.directory.iterdir())
    assert not any(each.data[-40:] in card for each in ring)
    assert b"a picture of a person" not in card
    opened = recording.verdict(clip.clip)
    assert [*opened.plain.values()] == [*(each.data for each in ring), b"a picture of a person"]
    recording.key = EvidenceKey.generate("evidence-2")
    with pytest.raises(KeyTrouble, match="evidence-2 does not open this clip"):
        recording.verdict(clip.clip)
    assert recording.verdict(clip.clip, opened=False).is_authentic, "nobody needs the key to verify"


def test_a_press_costs_five_syncs_and_a_fragment_two(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    recording.record(1)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    clip = recording.begin()
    assert len(synced) == 5
    clip.append(recording.fragment())
    assert len(synced) == 7


@pytest.mark.parametrize("after", range(3))
def test_a_full_disk_at_a_press_is_told_and_the_older_clips_stay(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    old = recording.record()
    before = sorted(recording.directory.iterdir())
    with FullDisk(monkeypatch, after), pytest.raises(ClipError, match=r"no space left on device; the older ones stay"):
        recording.begin()

    assert sorted(recording.directory.iterdir()) == before
    assert recording.verdict(old).is_authentic
    assert recording.verdict(recording.record()).is_authentic


def test_what_a_full_disk_did_not_take_is_named_and_no_number_is_used_twice(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = recording.begin()
    with FullDisk(monkeypatch, 0), pytest.raises(ClipError, match="no space left on device; what it has stays"):
        clip.append(recording.fragment())
    with FullDisk(monkeypatch, 2), pytest.raises(ClipError, match="the manifest of the clip"):
        clip.append(recording.fragment())
    with FullDisk(monkeypatch, 0):
        recording.clips.end(clip.clip, "over")
    assert recording.clips.sweep().trouble == ""

    verdict = recording.verdict(clip.clip)
    assert verdict.word == "authentic with missing"
    assert [each.text for each in verdict.findings] == [
        "the device could not write record 4 (fragment): No space left on device",
        "no picture for 1.0 s between the records 3 and 5",
    ]
    content, numbers = recording.file(f"{clip.clip}.clip").content, []
    at = len(read_header(content).raw)
    while (head := read_head(content, at)) is not None:
        numbers.append(head.number)
        at += head.length
    assert numbers == [0, 1, 2, 3, 5]


def test_a_read_only_disk_is_told_and_nothing_is_deleted(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    old = recording.record()
    recording.clips._budget = Budget(0, timedelta(days=30), 0)

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        patch.setattr(Path, "open", refuse)
        patch.setattr(Path, "unlink", refuse)
        head = recording.clips.head
        assert recording.clips.sweep().trouble == "old clips can't be deleted: read-only file system"
        with pytest.raises(ClipError, match="read-only file system"):
            recording.begin()
        assert recording.clips.head == head, "the centre hears of no entry that is not on the disk"
    assert recording.verdict(old).is_authentic
    assert [each.clip for each in recording.clips.sweep().deleted] == [old]
    assert not read(recording.file(FILE).content, FILE, recording.heads).findings


def test_a_fragment_that_never_came_to_the_card_is_missed(recording: Recording) -> None:
    clip = recording.begin()
    recording.fragment()
    clip.append(recording.fragment())
    recording.clips.end(clip.clip, "over")

    verdict = recording.verdict(clip.clip)
    assert verdict.word == "authentic with missing"
    assert verdict.findings[0].text == "1 of the fragments before record 4 never came to the card"


def test_twenty_alarms_at_once_are_twenty_whole_clips_of_one_chain(recording: Recording) -> None:
    ring = recording.ring()
    clips = [recording.begin(ring) for _ in range(20)]
    for _ in range(2):
        fragment = recording.fragment()
        for clip in clips:
            clip.append(fragment)
    clips[-1].join({"alarm": "a21"})
    for clip in clips:
        recording.clips.end(clip.clip, "over")

    assert all(recording.verdict(clip.clip).is_authentic for clip in clips)
    assert recording.clips.head.seq == 40
    assert [each["joined"] for each in recording.verdict(clips[-1].clip).manifest.notes] == [{"alarm": "a21"}]


def test_a_clock_that_is_set_in_the_middle_of_a_clip_is_told_and_changes_no_verdict(recording: Recording) -> None:
    clip = recording.begin()
    recording.clock.wall += timedelta(hours=1)
    clip.append(recording.fragment())
    recording.clips.end(clip.clip, "over")

    assert recording.verdict(clip.clip).is_authentic
    assert texts(recording, clip.clip) == ["the clock was set by +3600.0 s between the records 3 and 4"]


def test_a_clip_of_a_clock_that_was_not_set_is_judged_by_what_the_chain_has_next_or_the_centre_has_heard(
    make: Make,
) -> None:
    recording = make(clock=Clock(datetime(1970, 1, 1, tzinfo=UTC), "unsynced"))
    clip = recording.record()
    assert recording.verdict(clip).word == "not authentic"
    assert "its key was not one of ours on 1970-01-01 00:00 UTC" in texts(recording, clip)[0]
    recording.heads[-1] = recording.heads[-1]._replace(at=datetime.now(UTC))
    assert recording.verdict(clip).is_authentic
    recording.heads.clear()

    recording.clock.wall, recording.clock.timeq = datetime.now(UTC), "synced"
    later = recording.record()
    assert recording.verdict(clip).is_authentic
    assert texts(recording, clip) == ["the device's clock was not set: nobody vouches for the times that it gives"]
    assert recording.verdict(later).is_authentic
    recording.clips._budget = Budget(10**9, timedelta(days=30), 0)
    assert recording.clips.sweep().deleted == (), "nobody knows how old it is"


def test_a_clock_that_was_not_set_and_is_right_does_no_harm(make: Make) -> None:
    recording = make(clock=Clock(timeq="unsynced"))
    assert recording.verdict(recording.record()).is_authentic


def test_a_key_that_is_renewed_between_two_clips_or_within_one_breaks_nothing(recording: Recording) -> None:
    first, open_clip = recording.record(), recording.begin()
    recording.renew()
    open_clip.append(recording.fragment())
    recording.clips.end(open_clip.clip, "over")
    second = recording.record()
    recording.start()

    assert all(recording.verdict(clip).is_authentic for clip in (first, open_clip.clip, second, recording.record()))


def test_a_slow_key_signs_fewer_checkpoints_and_what_it_has_not_signed_is_not_called_signed(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = recording.begin()
    recording.signer.seconds = 60.0
    for _ in range(3):
        clip.append(recording.fragment())
    recording.start()

    verdict = recording.verdict(clip.clip)
    assert verdict.word == "authentic with missing"
    assert verdict.findings[0].text == "the records 4 to 6 were on the disk when the power was cut, and not signed yet"


def test_a_key_that_can_not_sign_for_a_while_costs_no_pictures(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise KeyTrouble("the TPM does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(DeviceKey, "__call__", refuse)
        clip = recording.begin()
        clip.append(recording.fragment())
        recording.clips.end(clip.clip, "over")
    assert recording.clips.sweep().trouble == ""
    verdict = recording.verdict(clip.clip)
    assert (verdict.word, len(verdict.plain)) == ("authentic", 5)


def test_what_somebody_has_put_onto_the_card_is_not_called_signed(make: Make) -> None:
    """Another device's clip, of which only the facts were changed: a start closes it, and vouches for nothing."""
    forger, recording = make("forger"), make("card")
    recording.record()
    clip = forger.begin()
    lines = (forger.directory / f"{clip.clip}.manifest").read_bytes().splitlines(keepends=True)
    (recording.directory / f"{clip.clip}.clip").write_bytes(forger.file(f"{clip.clip}.clip").content)
    (recording.directory / f"{clip.clip}.manifest").write_bytes(b"".join(lines[:-1]))

    assert recording.start() == [clip.clip]
    verdict = recording.verdict(clip.clip)
    assert verdict.word == "not signed"
    assert "were on the disk when the power was cut, and not signed yet" in verdict.findings[0].text


def test_age_bytes_and_free_space_take_the_oldest_first_and_never_what_is_held_or_open(recording: Recording) -> None:
    clips = []
    for _ in range(5):
        clips.append(recording.record())
        recording.clock.passes(86400)
    recording.clips.hold(clips[0], {"by": "supervisor-1", "ref": "CAS 12/11/2026"})
    open_clip = recording.begin()

    recording.clips._budget = Budget(10**9, timedelta(days=3, hours=1), 0)
    assert [*recording.clips.sweep().deleted] == [(clips[1], "age")]
    assert recording.clips.sweep().deleted == ()
    recording.clock.timeq = "holdover"
    recording.clock.passes(10 * 86400)
    assert recording.clips.sweep().deleted == (), "a clock that nobody vouches for makes nothing old"

    files = [path for path in recording.directory.iterdir() if path.name != FILE]
    recording.clips._budget = Budget(sum(path.stat().st_size for path in files) - 1, timedelta(days=300), 0)
    assert [*recording.clips.sweep().deleted] == [(clips[2], "bytes")]
    recording.clips._budget = Budget(1, timedelta(days=300), 0)
    swept = recording.clips.sweep()
    assert [*swept.deleted] == [(clips[3], "bytes"), (clips[4], "bytes")]
    assert swept.trouble == "the clips that are held or open take more than clips may have"

    recording.start()
    assert recording.clips.held == {clips[0]}
    recording.clips._budget = Budget(1, timedelta(days=300), 0)
    recording.clips.hold(clips[0], {"by": "supervisor-1"}, held=False)
    assert clips[0] in [each.clip for each in recording.clips.sweep().deleted]
    said = [each.said for each in read(recording.file(FILE).content, FILE, recording.heads).entries]
    assert [each["why"] for each in said if each["entry"] == "deleted"][:3] == ["age", "bytes", "bytes"]
    assert open_clip.clip not in [each["clip"] for each in said if each["entry"] == "deleted"][:4]


def test_a_disk_that_others_have_filled_costs_clips_only_where_that_helps(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = recording.record(), recording.record()
    free = os.statvfs(recording.directory).f_bavail * os.statvfs(recording.directory).f_frsize

    class Room:
        f_bavail, f_frsize, f_flag = free, 1, 0

    monkeypatch.setattr(os, "statvfs", lambda _: Room)
    recording.clips._budget = Budget(10**9, timedelta(days=30), free + 10**9)
    swept = recording.clips.sweep()
    assert swept.deleted == ()
    assert swept.trouble == "the disk is nearly full, and not of clips: none was deleted to make room"
    recording.clips._budget = Budget(10**9, timedelta(days=30), free + 100)
    assert [*recording.clips.sweep().deleted] == [(first, "free")]
    assert recording.verdict(second).is_authentic
    Room.f_bavail = 0
    assert recording.clips.sweep().trouble == "the card is full: nothing can be recorded until there is room"
