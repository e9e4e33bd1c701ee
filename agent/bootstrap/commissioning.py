"""Translates the settings into what a walk tries."""

from agent.bootstrap import specs
from agent.core.commissioning.plan import Button, Equipment
from agent.settings import Settings


def equipment(settings: Settings, serial: str = "") -> Equipment:
    """Return what the device has. `serial` is that of its board, if it can be read."""
    place = settings.device.location
    return Equipment(
        source=settings.identity.source,
        place="" if place is None else place.text,
        serial=serial,
        buttons=tuple(
            Button(button.name, button.silent, button.pin_nc is not None, button.hold_s, button.stuck_after_s)
            for button in settings.buttons
        ),
        conditions=tuple(each for each in specs.conditions(settings) if each.kind != "service"),
        outputs=frozenset(specs.meta(settings).outputs),
        cameras=tuple(camera.name for camera in settings.cameras),
        brokers=settings.mqtt.brokers,
        unconfirmed_after_s=settings.alarm.unconfirmed_after_s,
        return_after_s=settings.mqtt.return_after_s,
        siren_chirps=settings.self_test.siren_chirp,
    )
