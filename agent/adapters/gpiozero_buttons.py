"""Input lines through gpiozero."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from gpiozero import InputDevice

from agent.core.errors import HardwareError
from agent.core.facts import Edge
from agent.core.wiring import InputLine
from agent.ports import Clock

_log = logging.getLogger(__name__)

_OLDEST_TICK_NS = 10_000_000_000
_ATTEMPTS = 5
_MOMENT_NS = 1_000_000


class GpiozeroButtons:
    """The port Buttons on any gpiozero pin factory.

    Uses `InputDevice` and its pin's own `when_changed`: `Button` would add a hold thread, event objects and
    a second read of the pin to the path between a press and the light.
    """

    def __init__(self, lines: Sequence[InputLine], pin_factory: Any, clock: Clock) -> None:
        self._lines = tuple(lines)
        self._pin_factory = pin_factory
        self._clock = clock
        self._claims = ExitStack()
        # gpiozero keeps callbacks by weak reference only.
        self._callbacks: list[Callable[[float, int], None]] = []
        self._watched: list[tuple[InputLine, Any]] = []

    def start(self, on_edge: Callable[[Edge], None], on_lost: Callable[[str, str], None]) -> None:
        """Watch every line; see the port. Level edges at start come on the caller's thread."""
        lost = [error for line in self._lines if (error := self._begin(line, on_edge, on_lost)) is not None]
        if lost and len(lost) == len(self._lines):
            self.close()
            raise HardwareError("no input can be watched: " + "; ".join(map(str, lost))) from lost[0]

    def read(self) -> list[Edge]:
        """Read the level of every watched line; see the port."""
        return [self._level(line, device, at_start=False) for line, device in self._watched]

    def close(self) -> None:
        """Release the lines. Safe to call twice."""
        self._watched.clear()
        self._claims.close()
        self._callbacks.clear()

    def _begin(
        self, line: InputLine, on_edge: Callable[[Edge], None], on_lost: Callable[[str, str], None]
    ) -> Exception | None:
        with ExitStack() as claim:
            try:
                device = InputDevice(line.pin, pull_up=line.pull_up, pin_factory=self._pin_factory)
                claim.callback(_release, device)
                at_start = self._watch(line, device, on_edge)
            except Exception as error:  # noqa: BLE001 - gpiozero and lgpio raise errors of unrelated types
                on_lost(line.name, f"pin {line.pin} can't be used ({error}); see what holds it with gpioinfo")
                return error
            self._claims.push(claim.pop_all())
            self._watched.append((line, device))
        _guarded(on_edge, at_start)
        return None

    def _watch(self, line: InputLine, device: Any, on_edge: Callable[[Edge], None]) -> Edge:
        """Begin to report edges; returns the level at start as an edge."""
        callback = self._callback(line, on_edge)
        self._callbacks.append(callback)
        if line.glitch_filter_ms:
            device.pin.bounce = line.glitch_filter_ms / 1000
        device.pin.edges = "both"
        device.pin.when_changed = callback
        # Read after the watch has begun: a press in between is then reported twice rather than never. The time is read
        # before the level, so that this level never seems newer than an edge that follows it.
        return self._level(line, device, at_start=True)

    def _level(self, line: InputLine, device: Any, *, at_start: bool) -> Edge:
        now_ns = self._clock.boottime_ns()
        try:
            active = bool(device.pin.state) is line.active_level
        except Exception as error:  # gpiozero and lgpio raise errors of unrelated types
            raise HardwareError(f"pin {line.pin} of {line.name} can't be read ({error})") from error
        return Edge(line.name, active, now_ns, at_start=at_start, normally_closed=line.normally_closed)

    def _callback(self, line: InputLine, on_edge: Callable[[Edge], None]) -> Callable[[float, int], None]:
        name, active_level, closed = line.name, line.active_level, line.normally_closed
        filter_ns = int(line.glitch_filter_ms * 1e6)
        boottime_ns = self._clock.boottime_ns

        def when_changed(ticks: float, level: int) -> None:
            # lgpio passes on the kernel's timestamp of the interrupt, which is CLOCK_MONOTONIC on kernels
            # since 5.7; if a factory counts in another way, the age is impossible and is not used. With a filter, the
            # timestamp is the time when the level had lasted for the filter's time.
            # Another thread may run between reading the two clocks, and an edge that seems later than it was would make
            # the rest between two presses too short: so the clocks are read again until both are of one moment.
            for _ in range(_ATTEMPTS):
                now_ns = time.monotonic_ns()
                edge_ns = boottime_ns()
                if time.monotonic_ns() - now_ns < _MOMENT_NS:
                    break
            age_ns = now_ns - int(ticks * 1e9)
            if 0 < age_ns < _OLDEST_TICK_NS:
                edge_ns -= age_ns + filter_ns
            _guarded(on_edge, Edge(name, bool(level) is active_level, edge_ns, normally_closed=closed))

        return when_changed


def _release(device: Any) -> None:
    # gpiozero's close leaves the edge detection of an lgpio pin running.
    device.pin.when_changed = None
    device.close()


def _guarded(on_edge: Callable[[Edge], None], edge: Edge) -> None:
    """Hand over an edge, and log any exception: one that left the callback would end the pin library's thread, and
    every button with it."""
    try:
        on_edge(edge)
    except Exception:  # noqa: BLE001
        _log.exception("an edge of %s could not be passed on", edge.input)
