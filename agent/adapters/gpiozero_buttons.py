"""Input lines through gpiozero."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from gpiozero import InputDevice

from agent.core.errors import HardwareError
from agent.core.events import Edge
from agent.core.inputs import InputLine
from agent.ports import Clock

_log = logging.getLogger(__name__)

_OLDEST_TICK_NS = 10_000_000_000


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

    def start(self, on_edge: Callable[[Edge], None]) -> None:
        """Watch every line; see the port. Level edges at start come on the caller's thread."""
        with ExitStack() as claims:
            devices = []
            for line in self._lines:
                device = self._claim(line)
                claims.callback(_release, device)
                devices.append(device)
            for line, device in zip(self._lines, devices, strict=True):
                self._watch(line, device, on_edge)
            self._claims = claims.pop_all()

    def close(self) -> None:
        """Release the lines. Safe to call twice."""
        self._claims.close()
        self._callbacks.clear()

    def _claim(self, line: InputLine) -> Any:
        try:
            return InputDevice(line.pin, pull_up=line.pull_up, pin_factory=self._pin_factory)
        except Exception as error:  # gpiozero and lgpio raise errors of unrelated types
            raise self._unusable(line, error) from error

    def _watch(self, line: InputLine, device: Any, on_edge: Callable[[Edge], None]) -> None:
        callback = self._callback(line, on_edge)
        self._callbacks.append(callback)
        try:
            device.pin.edges = "both"
            device.pin.when_changed = callback
            # Read after the watch has begun: a press in between is then reported twice rather than never.
            active = device.is_active
        except Exception as error:
            raise self._unusable(line, error) from error
        if active:
            _guarded(on_edge, Edge(line.name, True, self._clock.boottime_ns(), at_start=True))

    def _callback(self, line: InputLine, on_edge: Callable[[Edge], None]) -> Callable[[float, int], None]:
        name, active_level = line.name, not line.pull_up
        boottime_ns = self._clock.boottime_ns

        def when_changed(ticks: float, level: int) -> None:
            # lgpio passes on the kernel's timestamp of the interrupt, which is CLOCK_MONOTONIC on kernels
            # since 5.7; a factory that counts in another way gives an age that can't be, and is not used.
            age_ns = time.monotonic_ns() - int(ticks * 1e9)
            edge_ns = boottime_ns()
            if 0 < age_ns < _OLDEST_TICK_NS:
                edge_ns -= age_ns
            _guarded(on_edge, Edge(name, bool(level) is active_level, edge_ns))

        return when_changed

    @staticmethod
    def _unusable(line: InputLine, error: Exception) -> HardwareError:
        return HardwareError(
            f"button {line.name!r}: pin {line.pin} can't be used ({error}); "
            "see what holds it with gpioinfo, or give the button another pin in the settings"
        )


def _release(device: Any) -> None:
    # gpiozero's close leaves the edge detection of an lgpio pin running.
    device.pin.when_changed = None
    device.close()


def _guarded(on_edge: Callable[[Edge], None], edge: Edge) -> None:
    """An exception that left a callback would end the pin library's thread, and with it every button."""
    try:
        on_edge(edge)
    except Exception:  # noqa: BLE001
        _log.exception("an edge of %s could not be handed over", edge.input)
