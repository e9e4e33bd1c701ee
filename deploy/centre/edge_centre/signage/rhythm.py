"""When an output is lit."""

from agent.contract.lamps import HALF_PERIOD_S, Pattern

SECONDS = 2.0
"""How much of a rhythm is drawn: the slowest one, once."""


def blinks(pattern: Pattern) -> bool:
    """Whether the output is lit and dark by turns."""
    return pattern in HALF_PERIOD_S


def is_fast(pattern: Pattern) -> bool:
    """Whether it blinks faster than an eye counts."""
    return blinks(pattern) and HALF_PERIOD_S[pattern] < 0.2


def lit(output: str, pattern: Pattern) -> list[tuple[float, float]]:
    """From when to when the output is lit, in seconds from the beginning of the pattern, up to SECONDS."""
    if pattern is Pattern.OFF:
        return []
    if not blinks(pattern):
        return [(0.0, SECONDS)]
    half = HALF_PERIOD_S[pattern]
    dark_first = pattern is Pattern.ALTERNATE and output == "green"
    turns = range(int(dark_first), int(SECONDS / half), 2)
    return [(turn * half, (turn + 1) * half) for turn in turns]
