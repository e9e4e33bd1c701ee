"""A camera whose recorder writes made-up fragments: for tests of evidence."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.contract.uuid7 import Uuid7Source
from agent.evidence.clips import Budget, Clips
from agent.evidence.open_clip import OpenClip
from agent.trust.evidence.chain import FILE, Heard
from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence_keys import DeviceKey, EvidenceKey
from edge_centre.evidence.comparison import File
from edge_centre.evidence.signer import Trust
from edge_centre.evidence.verdict import Verdict, judge_clip
from tests.support.certificates import Authority

DEVICE, CAMERA = "gp/jhb-park-station/kiosk-0042", "front"
ROOMY = Budget(10**9, timedelta(days=30), 0)


@dataclass
class Clock:
    """A wall clock that can be set, and the time since boot that can't."""

    wall: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    timeq: str = "synced"
    boot_ns: int = 10**12

    def now(self) -> tuple[datetime, str]:
        return self.wall, self.timeq

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.boot_ns += int(seconds * 1e9)


def box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4) + kind + content


class Recording:
    """The directory of a camera, and what records into it. `device` may be another one than the certificate's."""

    def __init__(
        self,
        directory: Path,
        authority: Authority,
        key: EvidenceKey,
        *,
        device: str = DEVICE,
        budget: Budget = ROOMY,
        clock: Clock | None = None,
        seed: int = 1,
        made: datetime | None = None,
    ) -> None:
        self.directory, self.authority, self.key, self.device, self.budget = directory, authority, key, device, budget
        self.clock = clock or Clock()
        self.random = random.Random(seed)
        self.certificate = authority.client(device, made=made)
        self.signer = DeviceKey(self.certificate.key, self.certificate.cert)
        self._ids = Uuid7Source()
        self._index = 0
        self.heads: list[Heard] = []
        self.start()

    def start(self) -> list[str]:
        """Start the recorder, as after a power cut."""
        facts = {"device": self.device, "camera": CAMERA, "software": "0.1.0", "boot": "b0"}
        self.clips = Clips(self.directory, facts, self.key.public(), self.signer, self.budget, self.clock.now)
        return self.clips.recover()

    def renew(self) -> None:
        """Give the device a new key."""
        self.certificate = self.authority.client(self.device)
        self.signer = DeviceKey(self.certificate.key, self.certificate.cert)
        self.clips._chain.signer = self.signer

    def fragment(self, size: int = 300) -> Fragment:
        """A second of pictures."""
        begin_ns, begin = self.clock.boot_ns, self.clock.wall
        self.clock.passes(1)
        self._index += 1
        data = box(b"moof", self.random.randbytes(40)) + box(b"mdat", self.random.randbytes(size))
        times = (begin_ns, self.clock.boot_ns, begin, self.clock.wall, self.clock.timeq)
        return Fragment(self._index, False, data, *times)

    def ring(self, seconds: int = 3) -> list[Fragment]:
        """What is in memory when a button is pressed."""
        data = box(b"ftyp", b"isom") + box(b"moov", self.random.randbytes(60))
        ns, wall = self.clock.boot_ns, self.clock.wall
        return [Fragment(0, True, data, ns, ns, wall, wall), *(self.fragment() for _ in range(seconds))]

    def begin(self, ring: Sequence[Fragment] | None = None) -> OpenClip:
        clip = self._ids.next(int(self.clock.wall.timestamp() * 1000))
        return self.clips.begin(clip, {"alarm": "a1", "input": "police"}, self.ring() if ring is None else ring)

    def record(self, seconds: int = 3) -> str:
        """A whole clip."""
        clip = self.begin()
        self.heard()
        for _ in range(seconds):
            clip.append(self.fragment())
        self.clips.end(clip.clip, "over")
        self.heard()
        return clip.clip

    def heard(self) -> None:
        """The centre hears the head of now."""
        self.heads.append(Heard(self.device, CAMERA, self.clips.head, self.clock.wall))

    def file(self, name: str) -> File:
        return File(name, (self.directory / name).read_bytes())

    def trust(self, *, heads: bool = True, revoked: str = "", device: str | None = DEVICE) -> Trust:
        return Trust(self.authority.ca.read_text(), revoked, device, tuple(self.heads) if heads else ())

    def verdict(self, clip: str, trust: Trust | None = None, *, opened: bool = True) -> Verdict:
        files = (self.file(f"{clip}.clip"), self.file(f"{clip}.manifest"))
        return judge_clip(*files, trust or self.trust(), self.file(FILE), self.key if opened else None)
