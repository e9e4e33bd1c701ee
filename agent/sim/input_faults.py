"""What can go wrong with the inputs of a simulated kiosk, by the kinds that `edge-agent sim fault` takes."""

from collections.abc import Callable
from functools import partial

from agent.sim.pins import SimPins

_BOUNCES = 5


def input_faults(pins: SimPins) -> dict[str, Callable[[], None]]:
    """Return each fault of each input, as `input-FAULT:NAME`. Call them on the thread that drives the pins."""
    faults: dict[str, Callable[[], None]] = {}
    for name in pins.names:
        if pins.has_line(name, normally_closed=False):
            faults[f"input-short:{name}"] = partial(pins.break_line, name, normally_closed=False, closed=True)
            faults[f"input-cut:{name}"] = partial(pins.break_line, name, normally_closed=False, closed=False)
        if pins.has_line(name, normally_closed=True):
            faults[f"input-open:{name}"] = partial(pins.break_line, name, normally_closed=True, closed=False)
            faults[f"input-weld:{name}"] = partial(pins.break_line, name, normally_closed=True, closed=True)
        faults[f"input-stuck:{name}"] = partial(_stick, pins, name)
        faults[f"input-bounce:{name}"] = partial(_bounce, pins, name)
        faults[f"input-mend:{name}"] = partial(pins.mend, name)
    return faults


def _stick(pins: SimPins, name: str) -> None:
    pins.set(name, True, lasting=True)


def _bounce(pins: SimPins, name: str) -> None:
    """Press and release once, each time with a train of edges."""
    for active in (True, False):
        pins.set(name, active)
        for _ in range(_BOUNCES):
            pins.set(name, not active)
            pins.set(name, active)
