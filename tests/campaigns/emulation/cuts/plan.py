"""When the power is cut, drawn from a seed before anything starts."""

import random
from dataclasses import dataclass

from tests.campaigns.emulation.wiring import BUTTONS

_DURING_BOOT = 0.4
"""How often."""
_EARLIEST_S, _LATEST_S = 0.2, 3.0
FIRST_S = 2.0
"""The time that a press needs to be safe, and as much again for the pressing."""


@dataclass(frozen=True, slots=True)
class BootCut:
    """While the machine starts, after this part of the time that it takes until the buttons are live."""

    fraction: float


@dataclass(frozen=True, slots=True)
class PressCut:
    """While buttons are pressed, one after the other."""

    presses: tuple[tuple[str, float], ...]
    """Button, and for how many ms it is held; more than there is time for."""
    after_s: float
    """From the first press on."""
    alone: bool
    """Whether the network is away, so that the disk is the only one who knows."""


Cut = BootCut | PressCut


def draw(seed: int, count: int) -> list[Cut]:
    """So many cuts, of which fewer are a part of more. The first is during presses, and late enough for one that is
    older than the ledger asks for: so there is something to lose, at once and during the boots.
    """
    return [_cut(random.Random(f"{seed}/{number}"), first=number == 0) for number in range(count)]


def _cut(rng: random.Random, *, first: bool) -> Cut:
    if not first and rng.random() < _DURING_BOOT:
        return BootCut(rng.random())
    presses = tuple((rng.choice(list(BUTTONS)), rng.uniform(40.0, 250.0)) for _ in range(100))
    return PressCut(presses, rng.uniform(FIRST_S if first else _EARLIEST_S, _LATEST_S), alone=rng.random() < 0.6)
