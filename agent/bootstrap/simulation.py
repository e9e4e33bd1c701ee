"""Added to the core by `--simulate`: presses the buttons, reads the lights, and makes faults on demand."""

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.bootstrap import specs, vision_specs
from agent.bootstrap.kiosk import Pins
from agent.runtime.cameras.vision_link import VisionLink
from agent.runtime.supervision.context import Context
from agent.settings import Settings
from agent.sim.camera_faults import CameraFault
from agent.sim.contacts import SimContacts
from agent.sim.control import SimControl
from agent.sim.input_faults import input_faults
from agent.sim.pins import SimPins


def control(settings: Settings, context: Context, pins: Pins, links: Sequence[VisionLink]) -> SimControl:
    """Return the server behind `edge-agent sim`; the caller starts and closes it."""
    faults: dict[str, Callable[[], None]] = {"vision-crash": lambda: _kill(links)}
    for fault in CameraFault:
        faults[f"camera-{fault.value}"] = _camera_fault(settings, fault)
    conditions = [each.name for each in settings.inputs]
    siren = specs.siren_pin(settings.siren) if settings.siren else None
    hand = SimPins(_contacts(settings), specs.light_pins(settings), pins.factory, context.clock, conditions, siren)
    faults.update(input_faults(hand))
    sim = SimControl(
        socket_path=specs.sim_socket(settings.storage.directory),
        pins=hand,
        lights=pins.lights,
        faults=faults,
    )
    context.supervisor.add_pulse("sim-control", sim, essential=False)
    return sim


def levels(settings: Settings) -> dict[int, bool]:
    """Return the level of every input pin at the start: at rest, unless something was held or broken before."""
    return _contacts(settings).levels()


def _contacts(settings: Settings) -> SimContacts:
    return SimContacts(specs.input_lines(settings), settings.storage.directory / "sim-contacts.json")


def _kill(links: Sequence[VisionLink]) -> None:
    """Kill every camera process as the kernel's out-of-memory killer would."""
    for link in links:
        if (pid := link.pid) is not None:
            os.kill(pid, signal.SIGKILL)


def _camera_fault(settings: Settings, fault: CameraFault) -> Callable[[], None]:
    """Return a function that sets the fault for every simulated camera, through the file that its process reads."""
    seen = [vision_specs.vision_spec(settings, camera, simulate=True) for camera in settings.cameras]

    def set_fault() -> None:
        for spec in seen:
            file = Path(spec.snapshot_directory) / f"{spec.name}.fault"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(fault.value, encoding="utf-8")

    return set_fault
