"""What a start makes of a camera's directory in which something is wrong: each clip by itself."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent.contract.leaves import canonical
from agent.evidence.clips import AGENT_ENDED, Budget
from agent.trust.evidence.chain import FILE, read
from agent.trust.evidence.jws import signed
from agent.trust.evidence.sealed_file import ClipError
from tests.support.full_disk import FullDisk
from tests.support.made_up_clips import Recording


def test_a_file_that_can_not_be_used_costs_no_other_clip(recording: Recording) -> None:
    cut = recording.begin().clip
    (recording.directory / f"{cut[:-4]}0000.manifest").mkdir()
    lost = recording.begin().clip
    (recording.directory / f"{lost}.clip").unlink()
    (recording.directory / f"{lost}.clip").mkdir()
    entries = [canonical({"entry": signed({"entry": "begun", "seq": seq}, recording.signer)}) for seq in ("7", None)]
    (recording.directory / f"{cut[:-4]}1111.manifest").write_bytes(b"\n".join([*entries, b""]))

    assert {cut, lost} <= set(recording.start())
    assert recording.verdict(cut).is_authentic
    assert recording.verdict(recording.record()).is_authentic
    assert recording.start() == []


def test_a_start_tells_which_clips_have_ended_when_nobody_listened(recording: Recording) -> None:
    heard, *unheard = (recording.begin().clip for _ in range(3))
    for clip, why in ((heard, "complete"), *((clip, AGENT_ENDED) for clip in unheard)):
        recording.clips.end(clip, why)
    recording.start()

    assert sorted(recording.clips.unheard) == sorted(unheard)
    recording.record()
    assert recording.clips.unheard == []


def test_a_start_on_a_full_disk_makes_the_room_that_it_needs(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, cut = recording.record(), recording.begin().clip
    with FullDisk(monkeypatch, 1), pytest.raises(ClipError, match="made whole: no space left on device"):
        recording.start()
    size = sum(file.stat().st_size for file in recording.directory.glob(f"{cut}.*"))
    recording.budget = Budget(size, timedelta(days=30), 0)

    unlink = Path.unlink
    with FullDisk(monkeypatch, 1) as disk:  # it makes sure of its directory

        def make_room(path: Path, *, missing_ok: bool = False) -> None:
            unlink(path, missing_ok=missing_ok)
            disk.left = 100

        monkeypatch.setattr(Path, "unlink", make_room)
        assert recording.start() == [cut]
    assert not (recording.directory / f"{old}.clip").exists()
    assert recording.verdict(cut).is_authentic
    found = read(recording.file(FILE).content, FILE, recording.heads)
    assert not found.findings
    assert [each.said["entry"] for each in found.entries].count("cut") == 1
