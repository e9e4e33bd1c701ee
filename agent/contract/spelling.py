"""Guesses what somebody meant by a misspelt name."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like this one; None if none is close."""
    import difflib  # noqa: PLC0415 - it takes 0.15 MiB, and a device's settings are rarely misspelt

    return next(iter(difflib.get_close_matches(name, list(known))), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names the closest known name, or else a list of them all; empty without any."""
    names = list(known)
    if close := nearest(name, names):
        return f"did you mean {close}?"
    return f"there are {', '.join(names)}" if names else ""
