"""What the lamps say, from the levels of their pins over time: the table of docs/contract.md, read from outside."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

STATES: Mapping[str, Mapping[str, str]] = {
    "idle": {"yellow": "off", "green": "off", "beacon": "on", "tone": "off"},
    "pressed": {"yellow": "on", "green": "off", "beacon": "flash", "tone": "off"},
    "delayed": {"yellow": "fast-flash", "green": "off", "beacon": "flash", "tone": "off"},
    "unconfirmed": {"yellow": "fast-flash", "green": "off", "beacon": "flash", "tone": "on"},
    "registered": {"yellow": "on", "green": "on", "beacon": "flash", "tone": "off"},
    "dispatched": {"yellow": "on", "green": "slow-pulse", "beacon": "flash", "tone": "off"},
    "out of service": {"yellow": "alternate", "green": "alternate", "beacon": "off", "tone": "off"},
}
"""By what they tell. A steady beacon is one that is on."""
_HALF_PERIODS_S = {"fast-flash": 0.125, "flash": 0.5, "slow-pulse": 1.0}
_PERIODS_TO_SEE = 1.3
Seen = Sequence[tuple[int, Sequence[bool]]]
"""A time in ns and the levels from then on, in order; the last one ends the watch."""


def watch_s(state: str) -> float:
    """For how long to look, to tell this state from all others."""
    slowest = max(_HALF_PERIODS_S.get(pattern, 0.5) for pattern in STATES[state].values())
    return 2 * slowest * _PERIODS_TO_SEE


def patterns(lights: Sequence[str], seen: Seen) -> dict[str, str]:
    """What each light did: on, off, or how it blinked; `irregular` when it is none of these."""
    found = {light: _pattern([(ns, levels[n]) for ns, levels in seen]) for n, light in enumerate(lights)}
    if {"yellow", "green"} <= found.keys() and found["yellow"] == found["green"] == "flash":
        yellow, green = lights.index("yellow"), lights.index("green")
        apart_ns = sum(later - ns for (ns, levels), (later, _) in pairwise(seen) if levels[yellow] != levels[green])
        if apart_ns > 0.8 * (seen[-1][0] - seen[0][0]):
            found["yellow"] = found["green"] = "alternate"
    return found


def in_words(found: Mapping[str, str]) -> str:
    """For a row."""
    return ", ".join(f"{light} {pattern}" for light, pattern in found.items())


def _pattern(levels: Sequence[tuple[int, bool]]) -> str:
    changes_ns = [ns for (_, before), (ns, after) in pairwise(levels) if before != after]
    if not changes_ns:
        return "on" if levels[0][1] else "off"
    if len(changes_ns) == 1:
        return "irregular"
    half_s = median(later - ns for ns, later in pairwise(changes_ns)) / 1e9
    name, nearest_s = min(_HALF_PERIODS_S.items(), key=lambda each: abs(each[1] - half_s))
    return name if abs(nearest_s - half_s) <= 0.4 * nearest_s else "irregular"
