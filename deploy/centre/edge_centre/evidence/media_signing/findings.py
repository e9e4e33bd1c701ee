"""What a verification has found to be wrong so far, and in which words."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from agent.trust.evidence.h264 import Kind, Unit
from edge_centre.evidence.media_signing.verdict import MOST_FINDINGS, Fault, Finding, Place

_TEXTS = {
    Fault.MOVED: "out of order",
    Fault.ALTERED: "altered or replaced",
    Fault.FOREIGN: "that no signature covers: inserted, altered, or its signature was taken away",
}


@dataclass(slots=True)
class Item:
    """A NAL unit that waits for the SEI that covers it."""

    place: Place
    plain: bytes
    """Its own hash; one behind the other with each algorithm until it is known which is right."""
    starts_gop: bool
    starts_picture: bool
    is_sei: bool
    position: int
    """In the row of all of them."""
    picture: int
    """How many pictures have begun, this one too."""
    since: int
    """How many SEIs had covered nothing when it came."""


class Findings:
    """The findings on one stream. It keeps MOST_FINDINGS, and counts the rest."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self.faults: set[Fault] = set()
        """Of all, those too that are only counted."""
        self.more = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._found) + self.more

    def add(self, fault: Fault, text: str, place: Place) -> None:
        """Keep one."""
        self.faults.add(fault)
        if len(self._found) < MOST_FINDINGS:
            self._found.append(Finding(fault, text, place))
        else:
            self.more += 1

    def wrong(
        self, items: Sequence[Item], lacking: int, following: Place | None = None, *, is_moved: bool = False
    ) -> None:
        """Name NAL units that no list has, where a list has `lacking` others; what lacks beyond is missing at
        `following`."""
        if items:
            fault = Fault.MOVED if is_moved else Fault.ALTERED if lacking else Fault.FOREIGN
            first, last = items[0].place, items[-1].place
            place = Place(first.offset, max(last.end, first.end), first.time, first.what)
            self.add(fault, f"{counted(len(items))} {_TEXTS[fault]}", place)
        if lacking > len(items) and following is not None:
            self.add(Fault.MISSING, f"{counted(lacking - len(items))} missing here", following)

    def in_order(self) -> list[Finding]:
        """Return them in the order of the file, and those on the signer last."""
        return sorted(self._found, key=lambda each: (each.fault is Fault.SIGNER, each.place.offset, each.place.end))


def between(before: Place | None, following: Place) -> Place:
    """Return the bytes between two NAL units, where something is missing."""
    begin = before.end if before is not None and before.end <= following.offset else following.offset
    return Place(begin, max(begin + 1, following.offset), following.time, f"before the {following.what}")


def place_of(unit: Unit) -> Place:
    """Return where a NAL unit is."""
    return Place(unit.offset, unit.offset + len(unit.data), unit.time, _what(unit.kind, unit.type))


@cache
def _what(kind: Kind, number: int) -> str:
    return "bytes that are no NAL unit" if kind is Kind.BROKEN else f"{kind.value} (NAL unit type {number})"


def counted(number: int, one: str = "piece of a picture", many: str = "pieces of pictures") -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many}"
