"""Compares a file with the pieces that it should be made of, and says what became of them."""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from agent.trust.evidence.finding import Finding, missing, wrong


class File(NamedTuple):
    """A file's name, as findings have it, and its content."""

    name: str
    content: bytes


class Piece(NamedTuple):
    """What must stand in a file."""

    name: str
    length: int
    digest: str
    """SHA-256 in hex."""


LengthAt = Callable[[int], int | None]
"""Returns how long the piece says it is that begins at an offset; None if none does."""


def compared(file: File, at: int, pieces: Sequence[Piece], length_at: LengthAt) -> Iterator[Finding]:
    """Yield what a file lacks of its pieces, from `at` on, until the first thing that is wrong."""
    name, content = file
    known = _Known(content, pieces)
    later: dict[str, int] | None = None
    """Where each piece begins last, from the first one that is missing on."""
    number = 0
    while at < len(content):
        if number == len(pieces):
            yield wrong(name, at, len(content), f"{len(content) - at} foreign bytes stand behind the last piece")
            return
        wanted = pieces[number]
        found = known(at, wanted.length, length_at(at))
        if found is None:
            yield _strange(file, at, wanted, number == known(at + (length_at(at) or 0), wanted.length), length_at)
            return
        what, end = pieces[found].name, at + pieces[found].length
        if found < number:
            yield wrong(name, at, end, f"{what} stands there once more, in the place of {wanted.name}")
            return
        if found > number:
            if later is None:
                later = {_digest(content, begin, length): begin for begin, length in _begins(content, at, length_at)}
            if later.get(wanted.digest, -1) > at:
                yield wrong(name, at, end, f"{what} stands in the place of {wanted.name}, which comes later: moved")
                return
            gone = f"{wanted.name} to {pieces[found - 1].name} were" if found > number + 1 else f"{wanted.name} was"
            yield missing(name, at, at, f"{gone} removed: {what} stands in that place")
        at, number = end, found + 1
    if number < len(pieces):
        yield missing(name, at, at, f"the file ends where {pieces[number].name} should begin")


class _Known:
    """Says which piece stands at an offset, if one of these lengths is its own."""

    def __init__(self, content: bytes, pieces: Sequence[Piece]) -> None:
        self._content = content
        self._pieces = pieces
        self._numbers = {each.digest: number for number, each in enumerate(pieces)}

    def __call__(self, begin: int, *lengths: int | None) -> int | None:
        for length in filter(None, lengths):
            number = self._numbers.get(_digest(self._content, begin, length))
            if number is not None and self._pieces[number].length == length:
                return number
        return None


def _strange(file: File, at: int, wanted: Piece, is_before: bool, length_at: LengthAt) -> Finding:
    name, size = file.name, len(file.content)
    if is_before:
        length = length_at(at) or 0
        return wrong(name, at, at + length, f"a foreign piece of {length} bytes stands before {wanted.name}")
    if at + wanted.length > size:
        return missing(name, at, size, f"the file ends at byte {size}, within {wanted.name}")
    return wrong(name, at, at + wanted.length, f"{wanted.name} was altered, or a foreign one put in its place")


def _begins(content: bytes, at: int, length_at: LengthAt) -> Iterator[tuple[int, int]]:
    while at < len(content) and (length := length_at(at)) is not None:
        yield at, length
        at += length


def _digest(content: bytes, begin: int, length: int) -> str:
    return sha256(memoryview(content)[begin : begin + length]).hexdigest()
