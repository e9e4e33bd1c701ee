"""A device's key that is renewed while its recorder runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.contract.times import TimeQuality
from agent.contract.uuid7 import Uuid7Source
from agent.core.camera.recorder_link import AboutClips, ChainHead
from agent.recorder.backlog import Backlog
from agent.recorder.keeping import keeping_of
from agent.recorder.pieces import Assembler
from agent.recorder.recorder import Limits, Recorder
from agent.recorder.ring import Ring
from agent.trust.evidence.h264 import begins_group
from agent.trust.evidence_keys import DeviceKey, KeyTrouble
from tests.support.recorder_process import DEVICE, Card
from tests.support.recording import encoded
from tests.support.sim_clock import SimClock


class Rig:
    """A recorder without its threads, and a camera of five pictures a second."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = SimClock(wall=datetime.now(UTC))
        self.clock.set_quality(TimeQuality.SYNCED)
        monkeypatch.setattr("agent.recorder.keeping.SystemClock", lambda: self.clock)
        self.card, self.heads, self._id = Card(directory), list[dict[str, object]](), Uuid7Source()
        keeping = keeping_of(self.card.spec)
        self.recorder = Recorder(Ring(10, 1 << 20), keeping.clips, self._hear, self.clock, Limits(4, 1 << 20, 300))
        self.backlog = Backlog(Assembler(keeping.signer, self.clock, self.recorder.add), self.recorder, self.clock)
        self.recorder.look = lambda: self.backlog.at_rest(keeping.look)
        self._units = iter(encoded(3000))

    def pass_by(self, seconds: int) -> None:
        for unit, _ in (next(self._units) for _ in range(5 * seconds)):
            self.backlog.add(((self.clock.boottime_ns(), unit),), begins_group(unit))
            self.clock.advance(timedelta(seconds=0.2))
            self.recorder.run_once(0)

    def record(self) -> str:
        """A clip of what was there, and five seconds."""
        clip = self._id.next(int(self.clock.wall().timestamp() * 1000))
        self.backlog.begin(lambda: self.recorder.begin(clip, 5, {"alarm": "a-1"}))
        self.pass_by(8)
        return clip

    def renew(self) -> None:
        """Replace key and certificate."""
        new = self.card.authority.client(DEVICE)
        for name, file in (("key", new.key), ("certificate", new.cert)):
            target = Path(getattr(self.card.spec.keeping, name))
            file.replace(target)

    def _hear(self, message: AboutClips) -> None:
        if isinstance(message, ChainHead):
            said = {"camera": "yard", "seq": message.seq, "head": message.digest, "at": str(self.clock.wall())}
            self.heads.append({"device": DEVICE, **said})


def test_a_key_that_is_renewed_between_two_clips_signs_the_second_and_both_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = Rig(tmp_path, monkeypatch)
    rig.pass_by(12)
    first = rig.record()
    rig.renew()
    at_once = rig.record()  # before the recorder has looked
    rig.pass_by(150)
    later = rig.record()

    for clip in (first, at_once, later):
        assert rig.card.verify(clip, rig) == 0, capsys.readouterr().out
    lines = [(rig.card.directory / f"{clip}.manifest").read_bytes().splitlines()[0] for clip in (first, at_once, later)]
    assert lines[0] == lines[1] != lines[2]


def test_a_key_without_its_certificate_is_not_taken(tmp_path: Path) -> None:
    card = Card(tmp_path)
    keeping = card.spec.keeping
    key = DeviceKey(Path(keeping.key), Path(keeping.certificate))
    card.authority.client(DEVICE).key.replace(keeping.key)

    assert not key.look()  # it may still be on its way
    with pytest.raises(KeyTrouble, match="does not belong to the certificate"):
        key.look()
    assert len(key(b"x")) == 64
