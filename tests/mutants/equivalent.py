"""Mutants that change nothing anybody could notice, each with the reason. Few: most such code is better deleted."""

from typing import NamedTuple


class Equivalent(NamedTuple):
    """In `function` (of a class: `Class.method`) of `file`, a line becomes `line`."""

    file: str
    function: str
    line: str
    reason: str


EQUIVALENT: tuple[Equivalent, ...] = ()
