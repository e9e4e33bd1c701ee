"""Added to the core by `--simulate`: presses the buttons, reads the lights, and makes faults on demand."""

from collections.abc import Sequence
from pathlib import Path

from agent.bootstrap import specs, vision_specs
from agent.bootstrap.kiosk import Pins
from agent.runtime.cameras.vision_link import VisionLink
from agent.runtime.supervision.context import Context
from agent.settings import Settings
from agent.sim.camera_faults import CameraFaultFile, camera_faults
from agent.sim.contacts import SimContacts
from agent.sim.control import SimControl
from agent.sim.input_faults import input_faults
from agent.sim.pins import SimPins


def control(settings: Settings, context: Context, pins: Pins, links: Sequence[VisionLink]) -> SimControl:
    """Return the server behind `edge-agent sim`; the caller starts and closes it."""
    conditions = [each.name for each in settings.inputs]
    siren = specs.siren_pin(settings.siren) if settings.siren else None
    hand = SimPins(_contacts(settings), specs.light_pins(settings), pins.factory, context.clock, conditions, siren)
    seen = [vision_specs.vision_spec(settings, camera, simulate=True) for camera in settings.cameras]
    files = [CameraFaultFile(Path(spec.snapshot_directory), spec.name) for spec in seen]
    sim = SimControl(
        socket_path=specs.sim_socket(settings.storage.directory),
        pins=hand,
        lights=pins.lights,
        faults=camera_faults(files, lambda: [link.pid for link in links]) | input_faults(hand),
    )
    context.supervisor.add_pulse("sim-control", sim, essential=False)
    return sim


def levels(settings: Settings) -> dict[int, bool]:
    """Return the level of every input pin at the start: at rest, unless something was held or broken before."""
    return _contacts(settings).levels()


def _contacts(settings: Settings) -> SimContacts:
    return SimContacts(specs.input_lines(settings), settings.storage.directory / "sim-contacts.json")
