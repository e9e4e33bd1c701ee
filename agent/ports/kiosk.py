"""The kiosk that the core runs on: its time, its lines and its service manager."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from agent.contract.vocabulary import TimeQuality
from agent.core.alarms.lights import LightState
from agent.core.events import Edge


class Clock(Protocol):
    """Time. Deadlines use `boottime_ns` alone; `wall` is only ever shown. Any thread."""

    @property
    def boot_id(self) -> str:
        """The kernel's identifier of this boot."""
        ...

    def boottime_ns(self) -> int:
        """CLOCK_BOOTTIME in nanoseconds: never steps, counts through suspend."""
        ...

    def wall(self) -> datetime:
        """The wall clock as an aware UTC time. It may be wrong by decades: see `quality`."""
        ...

    def quality(self) -> TimeQuality:
        """How far `wall` may be trusted; the answer may be a second old."""
        ...


class Buttons(Protocol):
    """Every input line of the kiosk."""

    def start(self, on_edge: Callable[[Edge], None], on_lost: Callable[[str, str], None]) -> None:
        """Watch the lines, and report the level of each as an edge with `at_start`.

        `on_edge` runs on the pin library's thread, at start on the caller's: it must be quick and must not raise.
        A line that can't be claimed is told to `on_lost`, with the name of the input and one line for a person,
        and does not hold up the others. Raises HardwareError when none can be claimed.
        """
        ...

    def read(self) -> Sequence[Edge]:
        """The level of every line that is watched, read now, as an edge. Any thread.

        Raises HardwareError that names a line that can't be read.
        """
        ...

    def close(self) -> None:
        """Release the lines. Safe to call twice."""
        ...


class Lights(Protocol):
    """The outputs that a resident sees and hears. Any thread."""

    def show(self, state: LightState) -> None:
        """Drive every output to `state`; returns at once."""
        ...

    def shown(self) -> LightState:
        """The state that was last driven."""
        ...

    def beep(self, times: int) -> None:
        """Give so many short tones over what the tone says now; returns at once. Nothing where they are not wanted."""
        ...

    def levels(self) -> Mapping[str, bool]:
        """Whether each output is lit at this moment, as its pin has it when it is read back; by name.

        Raises HardwareError when one can't be read.
        """
        ...

    def close(self) -> None:
        """Switch everything off and release the lines. Safe to call twice."""
        ...


class Siren(Protocol):
    """The siren, or whatever else a relay switches as the last resort. `is_on` from any thread, the rest from one."""

    def sound(self, on: bool) -> None:
        """Switch it on or off; returns at once. Claims its line, silent, if that is not done. Raises HardwareError."""
        ...

    def is_on(self) -> bool:
        """Whether it is on, as its pin has it when it is read back. Raises HardwareError."""
        ...

    def close(self) -> None:
        """Switch it off and release the line. Safe to call twice."""
        ...


class Notifier(Protocol):
    """The service manager. Does nothing where there is none. Any thread."""

    def ready(self) -> None:
        """The buttons are live."""
        ...

    def watchdog(self) -> None:
        """Every essential part has advanced."""
        ...

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        ...

    def stopping(self) -> None:
        """An orderly stop has begun."""
        ...

    @property
    def watchdog_interval_s(self) -> float | None:
        """How often the service manager wants `watchdog`, or None when it does not watch."""
        ...
