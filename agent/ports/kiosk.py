"""The kiosk that the core runs on: its clock, its lines and its service manager."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from agent.contract.lamps import LightState
from agent.contract.times import TimeQuality

if TYPE_CHECKING:  # a command centre imports a port by way of an adapter, and does without the core
    from agent.core.facts import Edge


class Clock(Protocol):
    """Time. Deadlines use only `boottime_ns`; `wall` is only for display. Any thread."""

    @property
    def boot_id(self) -> str:
        """The kernel's identifier of this boot."""
        ...

    def boottime_ns(self) -> int:
        """Return CLOCK_BOOTTIME in nanoseconds: it never steps, and it counts through suspend."""
        ...

    def wall(self) -> datetime:
        """Return the wall clock as an aware UTC time. It may be wrong by decades: see `quality`."""
        ...

    def quality(self) -> TimeQuality:
        """Return how far `wall` can be trusted; the answer may be a second old."""
        ...


class Buttons(Protocol):
    """Every input line of the kiosk."""

    def start(self, on_edge: Callable[["Edge"], None], on_lost: Callable[[str, str], None]) -> None:
        """Watch the lines, and report the level of each as an edge with `at_start`.

        `on_edge` runs on the pin library's thread, and at start on the caller's; it must be quick and must not raise. A
        line that can't be claimed is reported to `on_lost` (the input's name, and one line for a person), and the
        others go on. Raises HardwareError if none can be claimed.
        """
        ...

    def read(self) -> Sequence["Edge"]:
        """Read the level of every watched line now, as edges. Any thread.

        Raises HardwareError, which names the line that can't be read.
        """
        ...

    def close(self) -> None:
        """Release the lines. Safe to call twice."""
        ...


class Lights(Protocol):
    """The outputs that residents see and hear. Any thread."""

    def show(self, state: LightState) -> None:
        """Drive every output to `state` without waiting."""
        ...

    def shown(self) -> LightState:
        """Return the state that was driven last."""
        ...

    def beep(self, times: int) -> None:
        """Give `times` short tones on top of what the tone does now, without waiting. Silent if the settings want
        none."""
        ...

    def levels(self) -> Mapping[str, bool]:
        """Return whether each output is lit right now, read back from its pin; by name.

        Raises HardwareError if one can't be read.
        """
        ...

    def close(self) -> None:
        """Switch everything off and release the lines. Safe to call twice."""
        ...


class Siren(Protocol):
    """The siren, or any other last resort that a relay switches. Call `is_on` from any thread, the rest from one."""

    def sound(self, on: bool) -> None:
        """Switch it on or off without waiting. Claims the line first if need be, silent. Raises HardwareError."""
        ...

    def is_on(self) -> bool:
        """Return whether it is on, read back from its pin. Raises HardwareError."""
        ...

    def close(self) -> None:
        """Switch it off and release the line. Safe to call twice."""
        ...


class Notifier(Protocol):
    """The service manager. Does nothing if there is none. Any thread."""

    def ready(self) -> None:
        """Report that the buttons are live."""
        ...

    def watchdog(self) -> None:
        """Report that every essential part has advanced."""
        ...

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        ...

    def stopping(self) -> None:
        """Report that an orderly stop has begun."""
        ...

    @property
    def watchdog_interval_s(self) -> float | None:
        """How often the service manager wants `watchdog`; None if it does not watch."""
        ...
