"""What a day came to: one row for each thing that had to be so."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.campaigns.emulation.emulator import MachineError
from tests.support.subscriber import RefusedError

FAULTS = (AssertionError, MachineError, RefusedError, OSError, subprocess.SubprocessError)


class DayOverError(Exception):
    """Nothing that would follow makes sense."""


@dataclass(slots=True)
class Row:
    """One thing that had to be so."""

    step: str
    title: str
    seen: str = ""
    """What was seen, in words."""
    figures: dict[str, float] = field(default_factory=dict)
    fault: str | None = None
    seconds: float = 0.0


class Book:
    """Collects rows; `tell` hears of each as it ends."""

    def __init__(self, tell: Callable[[Row], None]) -> None:
        self.rows: list[Row] = []
        self.step = ""
        self._tell = tell

    @property
    def faults(self) -> list[str]:
        """Of every row that was not so."""
        return [f"{row.title}: {row.fault}" for row in self.rows if row.fault is not None]

    @contextmanager
    def row(self, title: str, *, essential: bool = False) -> Iterator[Row]:
        """One row: it is so unless the block raises. Raises DayOverError after a fault of an essential one."""
        row = Row(self.step, title)
        began_s = time.monotonic()
        try:
            yield row
        except FAULTS as error:
            row.fault = str(error) or type(error).__name__
        finally:
            row.seconds = round(time.monotonic() - began_s, 2)
        self.rows.append(row)
        self._tell(row)
        if essential and row.fault is not None:
            raise DayOverError


def in_a_row(said: str) -> str:
    """The lines of a program, for `Row.seen`."""
    return ", ".join(line for line in said.splitlines() if line)
