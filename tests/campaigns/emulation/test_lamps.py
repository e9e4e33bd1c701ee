from itertools import accumulate

import pytest

from tests.campaigns.emulation import lamps

LIGHTS = ("yellow", "green", "beacon", "tone")


def blinking(*half_periods_s: float, first: bool = True) -> list[tuple[int, bool]]:
    """Levels of one lamp that changes after each of these times."""
    times = accumulate(half_periods_s, initial=0.0)
    return [(int(at * 1e9), first == (n % 2 == 0)) for n, at in enumerate(times)]


@pytest.mark.parametrize(
    ("levels", "pattern"),
    [
        ([(0, True), (10**9, True)], "on"),
        ([(0, False), (10**9, False)], "off"),
        (blinking(*[0.125] * 8), "fast-flash"),
        (blinking(0.1, 0.13, 0.12, 0.125, 0.3, 0.05, 0.125), "fast-flash"),
        (blinking(0.2, *[0.5] * 4), "flash"),
        (blinking(0.3, 1.0, 1.0, first=False), "slow-pulse"),
        (blinking(0.3, 3.0, 3.0), "irregular"),
        ([*blinking(0.3, 0.9)[:2], (10**9, False)], "irregular"),
    ],
)
def test_a_lamp_is_told_by_its_changes(levels: list[tuple[int, bool]], pattern: str) -> None:
    assert lamps.patterns(["yellow"], [(ns, [level]) for ns, level in levels]) == {"yellow": pattern}


@pytest.mark.parametrize(("opposite", "pattern"), [(True, "alternate"), (False, "flash")])
def test_two_lamps_alternate_when_they_are_lit_by_turns(opposite: bool, pattern: str) -> None:
    seen = [(ns, [level, level is not opposite, False, False]) for ns, level in blinking(*[0.5] * 6)]
    found = lamps.patterns(LIGHTS, seen)

    assert (found["yellow"], found["green"]) == (pattern, pattern)
    assert (found["beacon"], found["tone"]) == ("off", "off")


@pytest.mark.parametrize("state", lamps.STATES)
def test_each_state_is_looked_at_for_long_enough_to_see_its_slowest_lamp_blink(state: str) -> None:
    slow = "slow-pulse" in lamps.STATES[state].values()

    assert lamps.watch_s(state) == pytest.approx(2.6 if slow else 1.3)
