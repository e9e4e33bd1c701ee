"""The programs that the core is compared with at start and in memory, each in a process of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.bench.child import ROOT
from tests.campaigns.bench.simulated_agent import end, start_until_ready

_PROGRAMS = ROOT / "tests" / "campaigns" / "bench"
_SETTINGS = """\
button = 17
lights = [22, 27, 23]

[broker]
host = "127.0.0.1"
port = {port}
"""
_LEAST = ("gpiozero", "paho.mqtt.client", "pydantic_settings")


@dataclass(frozen=True, slots=True)
class BareProgram:
    """One that is ready."""

    pid: int
    ready_s: float
    """Seconds from the start of the process to READY."""


@contextmanager
def kiosk(directory: Path, port: int) -> Iterator[BareProgram]:
    """A bare program on the same libraries as the core."""
    directory.mkdir()
    settings = directory / "settings.toml"
    settings.write_text(_SETTINGS.format(port=port), encoding="utf-8")
    with _running([str(_PROGRAMS / "bare_kiosk.py"), str(settings)], directory) as program:
        yield program


@contextmanager
def least(directory: Path, port: int) -> Iterator[BareProgram]:
    """A program that has imported the core's three largest libraries and is connected."""
    directory.mkdir()
    with _running([str(_PROGRAMS / "bare_start.py"), str(port), *_LEAST], directory) as program:
        yield program


@contextmanager
def _running(command: list[str], directory: Path) -> Iterator[BareProgram]:
    with (directory / "log").open("wb") as log:
        process, ready_s = start_until_ready([sys.executable, *command], directory, log)
    try:
        yield BareProgram(process.pid, ready_s)
    finally:
        end(process)
