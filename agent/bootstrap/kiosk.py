"""Assembles the kiosk: the buttons and lights of the resident, and the pipeline that decides."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from agent.adapters.gpiozero_buttons import GpiozeroButtons
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.gpiozero_siren import GpiozeroSiren
from agent.bootstrap import specs
from agent.bootstrap.platform import Outside
from agent.bootstrap.uplink import Uplink
from agent.core.camera.battery import Battery
from agent.core.errors import HardwareError
from agent.core.inputs.panel import Panel
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.input_reporter import InputReporter
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.alarms.readiness import SERVICE, Readiness
from agent.runtime.alarms.siren import SirenController
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.tap.service_page import ServicePage
from agent.settings import Settings


@dataclass(frozen=True, slots=True)
class Pins:
    """The devices wired to the GPIO pins."""

    factory: Any
    """gpiozero's pin factory; None on a device without pins."""
    lights: GpiozeroLights
    buttons: GpiozeroButtons


@contextmanager
def open_pins(settings: Settings, outside: Outside) -> Iterator[Pins]:
    """Open the pins without starting anything; closes the factory at the end. Raises HardwareError."""
    factory = outside.open_pins() if settings.has_pins else None
    try:
        lights = GpiozeroLights(specs.light_pins(settings), factory)
        yield Pins(factory, lights, GpiozeroButtons(specs.input_lines(settings), factory, outside.clock))
    finally:
        if factory is not None:
            factory.close()


def start_lights(lights: GpiozeroLights, board: HealthBoard) -> None:
    """Start the lights; report a failure and go on, since a kiosk without lights can still call for help."""
    try:
        lights.start()
    except HardwareError as error:
        board.report("lights", ok=False, detail=str(error))


@dataclass(frozen=True, slots=True)
class Kiosk:
    """The deciding parts."""

    pipeline: Pipeline
    panel: Panel
    siren: SirenController | None


def make_kiosk(
    settings: Settings,
    context: Context,
    outbox: Outbox,
    pins: Pins,
    cameras: Cameras,
    recordings: Recordings,
    uplink: Uplink,
    page: ServicePage,
    *,
    simulate: bool,
    battery: Battery | None = None,
) -> Kiosk:
    """Build the kiosk; the caller starts and closes the siren, and runs the pipeline."""
    panel = specs.panel(settings)
    siren = _make_siren(settings, pins.factory, simulate=simulate, outbox=outbox, context=context)
    context.board.report(SERVICE, ok=True)
    context.board.add_figures("inputs", panel.figures)
    context.supervisor.add_pulse("lights", pins.lights)
    pipeline = Pipeline(
        book=specs.alarm_book(settings, context, outbox, simulated=simulate),
        readiness=Readiness(service=specs.service(settings, context.clock), context=context),
        panel=panel,
        audible=[button.name for button in settings.buttons if not button.silent],
        context=context,
        outbox=outbox,
        lights=pins.lights,
        cameras=cameras if settings.cameras else None,
        sender=uplink.sender,
        paths=uplink.publisher,
        inputs=InputReporter(context, page.contact, battery),
        siren=siren,
        recordings=recordings,
    )
    return Kiosk(pipeline, panel, siren)


def _make_siren(
    settings: Settings,
    pin_factory: Any,
    *,
    simulate: bool,
    outbox: Outbox,
    context: Context,
) -> SirenController | None:
    """Return the siren's controller, or None when the settings have no siren. The caller starts and closes it."""
    if settings.siren is None:
        return None
    return SirenController(
        rules=specs.siren_rules(settings.siren),
        # A simulated agent raises exercises only. Its siren is a mock pin, and a real one never sounds for them.
        earnest="exercise" if simulate else "actual",
        port=GpiozeroSiren(specs.siren_pin(settings.siren), pin_factory),
        outbox=outbox,
        context=context,
    )
