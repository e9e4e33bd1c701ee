"""`edge-agent enrol-lamps`: show the state of enrolment on the lamps, before an agent runs."""

import argparse
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.adapters.binding import CURRENT
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.bootstrap import specs
from agent.contract.command_line import add_config
from agent.contract.lamps import NOT_ENROLLED, REFUSED, LightState
from agent.core.errors import SettingsError
from agent.core.wiring import LightPins
from agent.provisioning import progress
from agent.provisioning.progress import Step
from agent.settings import lamps_despite_mistakes, load

_LOOK_S = 1.0
_MENDED_S = 10.0
"""How often it checks whether settings with mistakes were corrected."""
_EXAMPLE = """\
Example:
  sudo systemctl start edge-agent-enrol-lamps
  edge-agent enrol-lamps --config /etc/edge-agent/edge-agent.toml
"""
_TEXT = "show the state of enrolment on the lamps"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "enrol-lamps",
        help=_TEXT,
        description="Until this device is enrolled, show on its lamps whether it was refused or is not enrolled yet; "
        "also show when mistakes in its settings stop the agent from starting. edge-agent-enrol-lamps.service runs it; "
        "it ends when the agent starts or the device is enrolled.",
        epilog=_EXAMPLE,
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show it until the device is enrolled or this is stopped. Raises SettingsError, HardwareError."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    while not ended.is_set():
        pins, lamps = what_to_show(args.config)
        if lamps() is None:
            break
        factory = open_pin_factory(None)
        try:
            show(pins, factory, lamps, ended)
        finally:
            factory.close()
    return 0


def what_to_show(config: Path) -> tuple[LightPins, Callable[[], LightState | None]]:
    """Return the lamps' pins, and a function that returns what they show now. Raises SettingsError."""
    try:
        settings = load(config)
    except SettingsError:
        # No agent starts with these. A lamp stays dark if its pin may be a button's or the siren's.
        found = lamps_despite_mistakes(config)
        if not found:
            raise
        return LightPins(found.get("yellow"), found.get("green"), found.get("beacon")), _Mistakes(config).lamps
    wired = specs.light_pins(settings)
    state = settings.storage.directory
    return LightPins(wired.yellow, wired.green, wired.beacon), lambda: _lamps(state)


def show(pins: LightPins, factory: Any, what: Callable[[], LightState | None], ended: threading.Event) -> None:
    """Show it on these pins until there is nothing to show, and release them. Raises HardwareError."""
    lights = GpiozeroLights(pins, factory)
    try:
        lights.start()
        while (lamps := what()) is not None:
            lights.show(lamps)
            if ended.wait(_LOOK_S):
                return
    finally:
        lights.close()


class _Mistakes:
    """Settings with mistakes, until they are corrected."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._looked_s = time.monotonic()

    def lamps(self) -> LightState | None:
        """Return what to show; None once they are correct."""
        if (now_s := time.monotonic()) - self._looked_s >= _MENDED_S:
            self._looked_s = now_s
            with suppress(SettingsError):
                load(self._config)
                return None
        return REFUSED


def _lamps(state: Path) -> LightState | None:
    """Return what to show; None once the device is enrolled."""
    told = progress.read()
    if told is None or told.step is Step.ENROLLED:
        return None if (state / CURRENT).exists() else NOT_ENROLLED
    return REFUSED if told.step is Step.REFUSED else NOT_ENROLLED
