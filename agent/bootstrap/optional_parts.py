"""Starts the parts that a kiosk can do without: a fault in one is reported, and the start goes on."""

import logging
import threading

from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.core.errors import HardwareError
from agent.runtime.supervision.health import HealthBoard
from agent.trust.jose_keys import KeyRing

log = logging.getLogger(__name__)


def prepare(keys: KeyRing) -> None:
    """Load what verifying needs, on a thread of its own: a hanging disk must hold up no other thread."""

    def load() -> None:
        try:
            keys.prepare()
        except Exception:
            log.exception("the library that verifies commands can't be loaded")

    threading.Thread(target=load, name="keys", daemon=True).start()


def start_lights(lights: GpiozeroLights, board: HealthBoard) -> None:
    """Start the lights; report a failure and go on, since a kiosk without lights can still call for help."""
    try:
        lights.start()
    except HardwareError as error:
        board.report("lights", ok=False, detail=str(error))
