"""Parts that a kiosk can do without: what is wrong with them at the start is reported, and the start goes on."""

import logging
import threading
from pathlib import Path

from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.jose_keys import KeyRing
from agent.core.errors import HardwareError, SettingsError
from agent.runtime.health import HealthBoard

log = logging.getLogger(__name__)


def load_keys(path: Path | None, board: HealthBoard) -> KeyRing:
    """The keys of those who may command. Without them every command is refused, but a press still counts."""
    try:
        ring = KeyRing.load(path)
    except SettingsError as error:
        board.report("commands", ok=False, detail=str(error))
        return KeyRing()
    if path is None:
        board.report("commands", ok=False, detail="no key set: give [commands] keys, made by edge-agent keygen")
    else:
        board.report("commands", ok=True)
    return ring


def prepare(keys: KeyRing) -> None:
    """Load what verifying needs, on a thread of its own: a disk that hangs in it must hold up nobody."""

    def load() -> None:
        try:
            keys.prepare()
        except Exception:
            log.exception("what verifies commands can't be loaded")

    threading.Thread(target=load, name="keys", daemon=True).start()


def start_lights(lights: GpiozeroLights, board: HealthBoard) -> None:
    """Lights that can't be had are a fault to mend; a kiosk without them still calls for help."""
    try:
        lights.start()
    except HardwareError as error:
        board.report("lights", ok=False, detail=str(error))
