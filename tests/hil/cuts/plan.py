"""When the power is cut, drawn from a seed before anything starts."""

import random
from dataclasses import dataclass

from tests.hil.wiring import BUTTONS

_DURING_PRESSES, _DURING_BOOT = 3, 2
"""How often of the sum."""
_LONGEST_S = 3.0


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
    """So many cuts; the first is during presses, so that there is something to lose during the boots."""
    rng = random.Random(seed)
    weights = (_DURING_PRESSES, _DURING_BOOT)
    kinds = ["presses", *rng.choices(["presses", "boot"], weights, k=max(0, count - 1))][:count]
    return [_during_presses(rng) if kind == "presses" else BootCut(rng.random()) for kind in kinds]


def _during_presses(rng: random.Random) -> PressCut:
    presses = tuple((rng.choice(list(BUTTONS)), rng.uniform(40.0, 250.0)) for _ in range(100))
    return PressCut(presses, rng.uniform(0.2, _LONGEST_S), alone=rng.random() < 0.6)
