"""What recorders have put into the spool, and since when it waits."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.core.camera.segment import MEDIA, NOTE, Segment, read_note


@dataclass(slots=True)
class Waiting:
    """A segment in the spool."""

    segment: Segment
    since_ns: int
    said_ns: int | None = None
    """When the centre was last told that it wants a URL."""
    refusals: int = 0


class Spool:
    """`waiting` from any thread, the rest from one."""

    def __init__(self, directory: Path, cameras: Sequence[str]) -> None:
        self._directory = directory
        self._cameras = cameras
        self._notes: dict[Path, Waiting] = {}

    @property
    def waiting(self) -> list[Waiting]:
        """What waits, the most urgent first."""
        return sorted([*self._notes.values()], key=lambda each: each.segment.urgency)

    def media(self, segment: Segment) -> Path:
        """Return the file to send."""
        return segment.file(self._directory, MEDIA)

    def find(self, segment: Segment) -> Waiting | None:
        """Return it if it still waits."""
        return self._notes.get(segment.file(self._directory, NOTE))

    def is_alone(self, segment: Segment) -> bool:
        """Whether nothing else of its clip waits."""
        return sum(each.segment.clip == segment.clip for each in self._notes.values()) <= 1

    def scan(self, now_ns: int) -> list[Segment]:
        """Find what has come; return what has gone by itself."""
        there = set()
        for camera in self._cameras:
            directory = self._directory / camera
            with suppress(OSError):  # nothing was ever recorded
                there |= {directory / name for name in os.listdir(directory) if name.endswith(NOTE)}  # noqa: PTH208
        for note in there - self._notes.keys():
            segment = read_note(note)
            if segment is not None:
                self._notes[note] = Waiting(segment, now_ns)
        return [self._notes.pop(note).segment for note in self._notes.keys() - there]

    def remove(self, segment: Segment) -> None:
        """Make room."""
        self._notes.pop(segment.file(self._directory, NOTE), None)
        for suffix in (NOTE, MEDIA):
            with suppress(OSError):
                segment.file(self._directory, suffix).unlink()
