"""`edge-agent enrol-lamps`: show on the lamps how the enrolment goes, before there is an agent that could."""

import argparse
import signal
import threading
from pathlib import Path
from typing import Any

from agent.adapters.binding import CURRENT
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.bootstrap import specs
from agent.cli.options import add_config
from agent.contract.lamps import NOT_ENROLLED, REFUSED, LightState
from agent.core.wiring import LightPins
from agent.provisioning import progress
from agent.provisioning.progress import Step
from agent.settings import load

_LOOK_S = 1.0
_EXAMPLE = """\
Example:
  sudo systemctl start edge-agent-enrol-lamps
  edge-agent enrol-lamps --config /etc/edge-agent/edge-agent.toml
"""
_TEXT = "show on the lamps how the enrolment goes"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "enrol-lamps",
        help=_TEXT,
        description="Until this device is enrolled, show on its lamps whether it was refused or has not been let in "
        "yet. edge-agent-enrol-lamps.service runs it; it ends when the agent starts or the device is enrolled.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show it until the device is enrolled or somebody ends this. Raises SettingsError, HardwareError."""
    # Settings with mistakes light nothing: a pin that is given twice may be a button's, or the siren's.
    settings = load(args.config)
    wired = specs.light_pins(settings)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    factory = open_pin_factory(None)
    try:
        show(LightPins(wired.yellow, wired.green, wired.beacon), factory, settings.storage.directory, ended)
    finally:
        factory.close()
    return 0


def show(pins: LightPins, factory: Any, state: Path, ended: threading.Event) -> None:
    """Show it on these pins, and release them. Raises HardwareError."""
    lights = GpiozeroLights(pins, factory)
    try:
        lights.start()
        while (lamps := _lamps(state)) is not None:
            lights.show(lamps)
            if ended.wait(_LOOK_S):
                return
    finally:
        lights.close()


def _lamps(state: Path) -> LightState | None:
    """Return what to show; None once the device is enrolled."""
    told = progress.read()
    if told is None or told.step is Step.ENROLLED:
        return None if (state / CURRENT).exists() else NOT_ENROLLED
    return REFUSED if told.step is Step.REFUSED else NOT_ENROLLED
