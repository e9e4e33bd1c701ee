"""Who is who from frame to frame, by place and size alone: no feature of a person is kept (POPIA)."""

import itertools
from collections.abc import Sequence

from agent.core.tracks import TrackedPerson
from agent.ports import Detection


class Tracker:
    """Gives each person a number. One thread."""

    def __init__(self, score_threshold: float) -> None:
        self._threshold = score_threshold
        self._ids = itertools.count(1)
        self._last: list[TrackedPerson] = []

    def update(
        self, _boottime_ns: int, detections: Sequence[Detection], width: int, height: int
    ) -> list[TrackedPerson]:
        """Take in the boxes of one frame, captured at `_boottime_ns`, of `width` x `height` pixels."""
        free = list(self._last)
        people = []
        for found in detections:
            if found.score < self._threshold:
                continue
            box = (found.left / width, found.top / height, found.width / width, found.height / height)
            near = min(free, key=lambda other: abs(other.box[0] - box[0]) + abs(other.box[1] - box[1]), default=None)
            if near is not None and abs(near.box[0] - box[0]) + abs(near.box[1] - box[1]) < box[3]:
                free.remove(near)
                people.append(TrackedPerson(near.id, box, found.score))
            else:
                people.append(TrackedPerson(next(self._ids), box, found.score))
        self._last = people
        return people
