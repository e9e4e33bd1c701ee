"""A signed clip as a device uploads it: segments, and what it says of each."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from agent.core.camera.recorder_link import UploadSpec
from agent.core.camera.segment import MEDIA, read_note
from agent.evidence.media_sign import Facts, GopSigner
from agent.recorder.segments import Part, Segments
from agent.trust.evidence.mp4_write import init_segment
from agent.trust.evidence_keys import DeviceKey
from tests.support.certificates import Authority
from tests.support.recording import encoded, pieces_of
from tests.support.sim_clock import SimClock

CAMERA, CLIP = "front", "0198c0de-0000-7000-8000-00000000beef"


@dataclass(frozen=True)
class UploadedPart:
    """One segment."""

    name: str
    content: bytes
    begins: str
    ends: str
    first: int
    last: int

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()

    def data(self, alarm_id: str) -> dict[str, object]:
        """What the device publishes of it."""
        told: dict[str, object] = {
            "camera": CAMERA,
            "clip": CLIP,
            "alarm_id": alarm_id,
            "reason": "",
            "object": self.name,
        }
        told |= {"bytes": len(self.content), "sha256": self.sha256, "place": "store.example/evidence"}
        return {**told, "begins": self.begins, "ends": self.ends, "first": self.first, "last": self.last}


def uploaded_clip(directory: Path, authority: Authority, device: str, seconds: int = 16) -> list[UploadedPart]:
    """The segments of a clip in the order in which they are uploaded; `device` is in the signer's certificate."""
    clock = SimClock(wall=datetime.now(UTC))
    files = authority.client(device, made=clock.wall())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.evidence.media_sign.SIGNING", 0)  # on a busy machine too, each GOP is signed
        signer = GopSigner(DeviceKey(files.key, files.cert), Facts("0.1.0", device.rpartition("/")[2], "edge-agent"))
        pieces = pieces_of(encoded(seconds * 5, (320, 240)), clock, signer)
    base_ns = pieces[0].begin_ns
    parts = [Part(piece.fragment(number, base_ns), True) for number, piece in enumerate(pieces, 1)]
    spool = directory / "spool"
    segments = Segments(CAMERA, UploadSpec(directory=str(spool), bytes=10**9, clips=("alarm",)))
    segments.begin(CLIP, {"alarm": "a-1"}, init_segment(pieces[0].parameters), parts[: len(parts) // 2])
    for each in parts[len(parts) // 2 :]:
        segments.add(CLIP, each)
    segments.end(CLIP)
    notes = [note for path in (spool / CAMERA).glob("*.json") if (note := read_note(path)) and note.size]
    notes.sort(key=lambda each: each.order)
    return [
        UploadedPart(
            each.name,
            each.file(spool, MEDIA).read_bytes(),
            str(each.begins),
            str(each.ends),
            each.first or 0,
            each.last or 0,
        )
        for each in notes
    ]
