"""What somebody meant who has misspelt a name."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one; None when none is near."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names the nearest of the known names, or else a list of them all; empty when there are none."""
    names = list(known)
    if close := nearest(name, names):
        return f"did you mean {close}?"
    return f"there are {', '.join(names)}" if names else ""
