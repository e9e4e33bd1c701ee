"""What a check has found, with its place."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["wrong", "missing", "unsigned", "alone", "vouched", "note"]
Word = Literal["authentic", "authentic, alone", "authentic with missing", "not signed", "not authentic"]
"""The verdicts of ONVIF Media Signing; and one for a recording without the chain that says what else there was."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, and the bytes of the file that it is about."""

    kind: Kind
    file: str
    begin: int
    end: int
    text: str

    def __str__(self) -> str:
        place = "" if self.kind in {"alone", "note", "vouched"} else f", byte {self.begin}"
        return f"{self.file}{place}: {self.text}"


def wrong(file: str, begin: int, end: int, text: str) -> Finding:
    """Something was altered, added, moved, or is not what it says."""
    return Finding("wrong", file, begin, end, text)


def missing(file: str, begin: int, end: int, text: str) -> Finding:
    """Something that was there is not there."""
    return Finding("missing", file, begin, end, text)


def note(file: str, text: str) -> Finding:
    """Something that a reader should know, and that changes no verdict."""
    return Finding("note", file, 0, 0, text)
