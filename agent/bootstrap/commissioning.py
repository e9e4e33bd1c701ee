"""Translates the settings into what a walk tries, and into what its report says of the device."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent import __version__
from agent.bootstrap import specs
from agent.contract.commissioning import CommissionedDevice, Place, Wire
from agent.core.commissioning.plan import Button, Camera, Equipment
from agent.core.errors import MaskError
from agent.settings import CameraSettings, Settings


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
        cameras=tuple(map(_camera, settings.cameras)),
        brokers=settings.mqtt.brokers,
        unconfirmed_after_s=settings.alarm.unconfirmed_after_s,
        return_after_s=settings.mqtt.return_after_s,
    )


def _camera(camera: CameraSettings) -> Camera:
    masks = len(camera.masks)
    with suppress(MaskError):  # then the camera is off, and the step fails
        masks = len(specs.masks(camera))
    return Camera(camera.name, len(camera.zones), len(camera.lines), masks)


def described(settings: Settings, serial: str, certificate_ends: str, profile: str) -> CommissionedDevice:
    """Return what a report says of the device itself."""
    return CommissionedDevice(
        name=settings.identity.user,
        board=serial or None,
        model=model() or None,
        profile=profile,
        agent_version=__version__,
        config_revision=specs.revision(settings),
        system=_system() or None,
        certificate_ends=certificate_ends,
    )


def model() -> str:
    """Return what the board is, for a person; empty where nobody says it."""
    return _text(Path("/proc/device-tree/model"))


def place(settings: Settings) -> Place:
    """Return where the device stands."""
    where = settings.device.location
    return Place(text="") if where is None else Place(text=where.text, lat=f"{where.lat:.6f}", lon=f"{where.lon:.6f}")


def wires(settings: Settings) -> Iterator[Wire]:
    """Yield what is wired to the header."""
    for button in settings.buttons:
        pins = [button.pin] if button.pin_nc is None else [button.pin, button.pin_nc]
        contacts = "two contacts" if len(pins) > 1 else "one contact"
        silent = ", silent" if button.silent else ""
        named = " and ".join(f"GPIO{pin}" for pin in pins)
        yield Wire(name=button.name, what=f"button, {button.kind}{silent}, {contacts}", pins=named)
    for each in settings.inputs:
        yield Wire(name=each.name, what=f"contact, {each.kind}", pins=f"GPIO{each.pin}")
    for light, pin in settings.lights.model_dump().items():
        if pin is not None:
            yield Wire(name=light, what="light" if light != "tone" else "sounder", pins=f"GPIO{pin}")
    if settings.siren is not None:
        yield Wire(name="siren", what="siren", pins=f"GPIO{settings.siren.pin}")


def _text(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text().rstrip("\0\n")
    return ""


def _system() -> str:
    """Return the operating system's name for a person; empty where it has none."""
    lines = _text(Path("/etc/os-release")).splitlines()
    return next((line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")), "")
