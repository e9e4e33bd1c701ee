"""A segment of a clip on its way to a store: its name, and the note that lies beside it in the spool. No pydantic.

The spool is a directory in memory, one below it for each camera. A segment is NAME.mp4 there, a whole MP4 by itself,
and it counts once NAME.json is there.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.contract.checked import checked

MEDIA, NOTE, NEW = ".mp4", ".json", ".new"
END = "_end"


@dataclass(frozen=True, slots=True)
class Segment:
    """What is known of one segment."""

    name: str
    """As the store has it: `CAMERA/YYYY-MM-DD/HH/MM-SS.mmmZ.N.mp4`, or with `_end` in the place of `.mp4` behind the
    last one of a clip, which is empty."""
    camera: str
    clip: str
    order: int
    """0 of the one that ends at the press, then upwards: first what was before that one, then what follows."""
    size: int = 0
    sha256: str = ""
    begins: str | None = None
    ends: str | None = None
    first: int | None = None
    """The index of its first fragment in the clip's manifest."""
    last: int | None = None
    alarm_id: str | None = None
    event_id: str | None = None
    command_id: str | None = None
    lost: str = ""
    """Why it is not here, and stays on the card alone; empty if it is here."""

    @property
    def is_end(self) -> bool:
        """Whether it says that its clip has ended."""
        return self.name.endswith(END)

    @property
    def urgency(self) -> tuple[int, int]:
        """The lower, the sooner: the first one of each clip before the second of any, and of the newest clip before the
        others."""
        return self.order, -int(self.clip.replace("-", "")[:12], 16)

    def file(self, spool: Path, suffix: str) -> Path:
        """Return where its media are, or its note."""
        return spool / self.camera / f"{self.name.replace('/', '_').removesuffix(MEDIA)}{suffix}"

    def note(self) -> bytes:
        """Return what lies beside it."""
        return json.dumps(asdict(self)).encode()


def segment_name(camera: str, begins: datetime, number: int, *, is_end: bool = False) -> str:
    """Return the name of a segment that begins then."""
    begins = begins.astimezone(UTC)
    moment = f"{begins:%Y-%m-%d/%H/%M-%S}.{begins.microsecond // 1000:03}Z"
    return f"{camera}/{moment}.{number}{END if is_end else MEDIA}"


def read_note(file: Path) -> Segment | None:
    """Return what a note says; None if it went at this moment, or is none."""
    try:
        segment = checked(Segment, json.loads(file.read_bytes()))
        _ = segment.urgency
    except (OSError, ValueError):
        return None
    return segment if segment.file(file.parent.parent, NOTE) == file else None
