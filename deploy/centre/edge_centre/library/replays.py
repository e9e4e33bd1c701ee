"""When to ask a device for a replay of what is missing, and of what."""

from typing import Any, NamedTuple

from agent.contract.messages import ResultData
from edge_centre.library.record import HOLE_AFTER_S, Record, RecordNotice

_APART = 50
"""Holes that are closer to each other are asked for together: a device replays so many messages in a second."""
_TRIES = 3
_AGAIN_S = 10.0
_REFUSED_S = 3600.0
"""A device that does not let us ask may get another key set, or another version."""


class Replay(NamedTuple):
    """Ask the device for a replay of `first` to `last`, inclusive."""

    source: str
    first: int
    last: int


class Replays:
    """Asks for the holes in the record of one device: one replay at a time, until nothing is missing. Pure."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._asked: Replay | None = None
        self._not_before_s = 0.0
        self._tried: tuple[int, int] = (0, 0)
        """The first number of the last successful replay, and how many there were."""

    def due(self, record: Record, now_s: float) -> Replay | None:
        """Return what to ask for now, if anything. Then call `answered`, whatever came of it."""
        holes = record.holes
        if not holes or self._asked is not None or now_s < self._not_before_s:
            return None
        first, last = holes[0]
        for begin, end in holes[1:]:
            if begin - last > _APART:
                break
            last = end
        self._asked = Replay(self._source, first, last)
        return self._asked

    def answered(self, asked: Replay, result: ResultData | None, record: Record, now_s: float) -> list[RecordNotice]:
        """Take in the final result of a replay; None if there will be none. Return what is lost for good."""
        if asked != self._asked:
            return []
        self._asked = None
        if result is None or result.status != "succeeded":
            refused = result is not None and result.status == "rejected"
            self._not_before_s = now_s + (_REFUSED_S if refused else _AGAIN_S)
            return []
        # What was replayed may still be on its way, by another broker for example.
        self._not_before_s = now_s + HOLE_AFTER_S
        lost: list[RecordNotice] = []
        for first, last in _missing(result.output):
            lost += record.lose(max(first, asked.first), min(last, asked.last), "missing")
        self._tried = (asked.first, self._tried[1] + 1 if self._tried[0] == asked.first else 1)
        if self._tried[1] >= _TRIES:
            lost += record.lose(asked.first, asked.last, "not-sent")
        return lost


def _missing(output: Any) -> list[tuple[int, int]]:
    """Return the ranges that a result calls missing; nothing that is not of the contract's form."""
    ranges = output.get("missing") if isinstance(output, dict) else getattr(output, "missing", None)
    if not isinstance(ranges, list | tuple):
        return []
    return [
        (each[0], each[1])
        for each in ranges
        if isinstance(each, list | tuple) and len(each) == 2 and all(type(number) is int for number in each)
    ]
