"""Boxes of people who fall and run, for the rules."""

from collections.abc import Callable, Sequence

from agent.core.analytics.tracks import TrackedPerson

TALL = 0.3
"""The height of whoever stands, as a share of the picture's, which is square."""
SMALL = 0.12
"""That of whoever runs, so that they can."""


def box(
    x: float,
    foot: float,
    height: float,
    ratio: float,
    track: int = 1,
    *,
    seen: bool = True,
    rise: float | None = None,
) -> TrackedPerson:
    """Somebody whose foot is at x, and whose box is so many times as high as wide."""
    width = height / ratio
    return TrackedPerson(track, (x - width / 2, foot - height, width, height), 0.8, seen, alive=True, rise=rise)


def upright(x: float = 0.5, foot: float = 0.7, track: int = 1, height: float = TALL) -> TrackedPerson:
    return box(x, foot, height, 2.5, track)


def lying(x: float = 0.5, foot: float = 0.7, track: int = 1) -> TrackedPerson:
    return box(x, foot, 0.3 * TALL, 0.4, track)


def runs(pace: float, x: float = 0.1, track: int = 1) -> Callable[[float], Sequence[TrackedPerson]]:
    """Somebody who moves to the right, by so many of their heights a second."""
    return lambda seconds: [upright(x + pace * SMALL * seconds, track=track, height=SMALL)]
