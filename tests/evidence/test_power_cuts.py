"""A power cut at any moment of a clip: what was synced is there, verifies, and the chain goes on."""

import itertools

import pytest

from agent.trust.evidence.chain import FILE, read
from tests.evidence.conftest import Make
from tests.support.losing_disk import LosingDisk, PowerCut
from tests.support.made_up_clips import Recording


class Progress:
    """What the recorder had been told when the power went."""

    clip = ""
    promised = 0
    """Pieces that are on the disk and signed."""
    has_ended = False


def record(recording: Recording, progress: Progress) -> None:
    ring = recording.ring(2)
    clip = recording.begin(ring)
    progress.clip, progress.promised = clip.clip, len(ring)
    recording.heard()
    for _ in range(2):
        clip.append(recording.fragment())
        progress.promised += 1
    recording.clips.end(clip.clip, "over")
    progress.has_ended = True
    recording.heard()


@pytest.mark.parametrize("seed", range(2))
def test_a_cut_at_any_sync_leaves_a_clip_up_to_its_last_synced_fragment(
    make: Make, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("agent.evidence.open_clip.SIGNING", 0)  # on a busy machine too, each fragment is signed
    for at in itertools.count():
        recording = make(f"cut-{at}")
        before, progress = recording.record(1), Progress()
        with LosingDisk(monkeypatch, recording.directory, at, seed) as disk:
            try:
                record(recording, progress)
            except PowerCut:
                disk.lose()
        for _ in range(2):  # a second start finds nothing to do
            recovered = recording.start()

        assert recovered == []
        if progress.clip:
            verdict = recording.verdict(progress.clip)
            pieces = verdict.manifest.vouched
            assert verdict.word in {"authentic", "authentic with missing"}, verdict.findings
            assert {each.kind for each in verdict.findings} <= {"unsigned", "note"}
            assert pieces >= progress.promised
            assert len(verdict.plain) >= progress.promised
            assert verdict.manifest.end == ("ended" if progress.has_ended else verdict.manifest.end)
        else:  # not begun: what is there is kept, and nothing vouches for it
            for file in recording.directory.glob("*.manifest"):
                assert recording.verdict(file.stem).word in {"authentic", "not signed", "authentic with missing"}
        assert recording.verdict(before).is_authentic
        assert recording.verdict(recording.record(1)).is_authentic, "the chain goes on"
        assert not read((recording.directory / FILE).read_bytes(), FILE, recording.heads).findings
        if not disk.was_cut:
            break
    assert at > 10


def test_a_cut_at_any_sync_of_recovery_and_of_deletion_is_healed_by_the_next_start(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.evidence.open_clip.SIGNING", 0)  # on a busy machine too, each fragment is signed
    for at in itertools.count():
        recording = make(f"again-{at}")
        old, open_clip = recording.record(1), recording.begin()
        open_clip.append(recording.fragment())
        with LosingDisk(monkeypatch, recording.directory, at, seed=at) as disk:
            try:
                recording.start()
                recording.clips._delete(old, "age")
            except PowerCut:
                disk.lose()
        recording.start()

        assert recording.verdict(open_clip.clip).is_authentic
        chain = read((recording.directory / FILE).read_bytes(), FILE, recording.heads)
        assert not chain.findings
        is_there = (recording.directory / f"{old}.clip").exists()
        assert is_there != any(each.said["entry"] == "deleted" for each in chain.entries)
        if not disk.was_cut:
            break
    assert at > 4
