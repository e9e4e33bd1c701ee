"""What is wired to the header, and what is plugged in beside it: taken from the settings and the boot configuration."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from agent.settings import CameraSettings, Settings, mask_url
from deploy.wiring.boot import read_boot
from deploy.wiring.header import PHYSICAL, Board, nearest_ground

Kind = Literal["button", "opener", "contact", "closer", "lamp", "driver", "siren", "siren-low", "clock"]

COLOURS = {
    "BK": ("black", "#1f2328"),
    "RD": ("red", "#d1242f"),
    "BN": ("brown", "#8a5a2b"),
    "OG": ("orange", "#e8710a"),
    "PK": ("pink", "#e76fa8"),
    "TQ": ("turquoise", "#11a7a7"),
    "GY": ("grey", "#8a929b"),
    "VT": ("violet", "#8250df"),
    "WH": ("white", "#ffffff"),
    "YE": ("yellow", "#e6b800"),
    "GN": ("green", "#1a9648"),
    "BU": ("blue", "#1f6feb"),
}
"""The codes of IEC 60757 for the colours of wires."""
_INPUTS = ("BN", "OG", "PK", "TQ", "GY", "WH")
_STRIPES = ("WH", "BK", "RD", "BU", "GN", "YE")
_UNSET = "change-me"
"""In a source that differs on every device, until a technician puts it in."""
_LIGHTS = {
    "yellow": ("yellow lamp", "the call is being sent", "lamp", "YE"),
    "green": ("green lamp", "a person has registered it", "lamp", "GN"),
    "beacon": ("beacon", "steady: in service", "driver", "BU"),
    "tone": ("sounder", "nobody has answered", "driver", "VT"),
}
_CONDITIONS = {
    "tamper": "closed while the door is closed",
    "mains": "closed while there is mains",
    "battery": "open when the battery is low",
    "service": "closed while a technician holds it",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing with a wire to the header."""

    kind: Kind
    name: str
    """As the table names it."""
    purpose: str
    wires: tuple[tuple[int, str], ...]
    """Pin of the header and colour of each wire, ground left out."""

    @property
    def pin(self) -> int:
        """The first pin of the header."""
        return self.wires[0][0]

    @property
    def ground(self) -> int:
        """The pin of the header that its other side goes to: table and drawing show this one."""
        return nearest_ground(self.wires[-1][0])


def colour_name(code: str) -> str:
    """The colour of a wire in words: `brown`, or `brown-white` for one with a stripe."""
    return "-".join(COLOURS[part][0] for part in halves(code))


def shades(code: str) -> tuple[str, str | None]:
    """The colour to draw a wire in, and that of its stripe if it has one."""
    base, *stripe = (COLOURS[part][1] for part in halves(code))
    return base, stripe[0] if stripe else None


def halves(code: str) -> tuple[str, ...]:
    """The codes of a wire's colours: one, or two for a wire with a stripe."""
    return (code[:2], code[2:]) if len(code) > 2 else (code,)


@dataclass(frozen=True, slots=True)
class Plug:
    """What is plugged in beside the header, and where."""

    name: str
    socket: str
    cable: str
    detail: str


def parts(settings: Settings, config: str, board: Board) -> list[Part]:
    """Everything on the header, in the order of its pins."""
    found = [*_inputs(settings), *_outputs(settings)]
    if any(claim.user == "the clock on I2C" for claim in read_boot(config, "", board).claims):
        wires = ((1, "RD"), (3, "GYPK"), (5, "RDBU"))
        found.append(Part("clock", "clock (DS3231)", "keeps the time without power", wires))
    return sorted(found, key=lambda part: part.pin)


def _inputs(settings: Settings) -> Iterator[Part]:
    colours = _input_colours()
    for button in settings.buttons:
        name = f'button "{button.name}"'
        purpose = f"{button.kind}, silent" if button.silent else button.kind
        colour = next(colours)
        yield Part("button", name, f"{purpose}: closes when pressed", ((PHYSICAL[button.pin], colour),))
        if button.pin_nc is not None:
            wire = (PHYSICAL[button.pin_nc], f"{colour}BK" if len(colour) == 2 else next(colours))
            yield Part("opener", f"{name}, supervision", "opens when pressed", (wire,))
    for each in settings.inputs:
        kind: Kind = "closer" if each.kind == "service" else "contact"
        yield Part(kind, f'input "{each.name}"', _CONDITIONS[each.kind], ((PHYSICAL[each.pin], next(colours)),))


def _input_colours() -> Iterator[str]:
    """A colour for each input, none twice: plain ones, then those with a stripe, which no other wire has. Black is
    the stripe of a button's second contact."""
    yield from _INPUTS
    yield from (f"{base}{stripe}" for stripe in _STRIPES if stripe != "BK" for base in _INPUTS if base != stripe)


def _outputs(settings: Settings) -> Iterator[Part]:
    for key, pin in settings.lights.model_dump().items():
        if pin is not None:
            name, purpose, kind, colour = _LIGHTS[key]
            yield Part(kind, name, purpose, ((PHYSICAL[pin], colour),))  # type: ignore[arg-type]
    if settings.siren is not None:
        high = settings.siren.active_high
        kind = "siren" if high else "siren-low"
        purpose = f"the last resort; on while the pin is {'high' if high else 'low'}"
        yield Part(kind, "siren", purpose, ((PHYSICAL[settings.siren.pin], "VTWH"),))  # type: ignore[arg-type]


def plugs(settings: Settings, board: Board) -> list[Plug]:
    """Each camera."""
    return [_plug(camera, board) for camera in settings.cameras]


def _plug(camera: CameraSettings, board: Board) -> Plug:
    scheme, _, rest = camera.source.partition(":")
    name = f'camera "{camera.name}"'
    if scheme == "picamera2":
        contacts = board.csi.partition("-")[0]
        cable = "flat cable, 15 contacts" if contacts == "15" else f"flat cable, {contacts} to 15 contacts"
        socket = f"{board.csi} {rest}" if "CAM/DISP" in board.csi else board.csi
        return Plug(f"{name}: Camera Module 3", socket, cable, camera.source)
    if scheme == "v4l2":
        source = "its path is in 90-device.toml" if _UNSET in camera.source else camera.source
        return Plug(f"{name}: USB camera (UVC)", "USB", "USB 2 is enough; at most 5 m", source)
    if scheme == "file":
        return Plug(f"{name}: a file", "-", "", camera.source)
    return Plug(f"{name}: network camera", "Ethernet", "Cat 5e or better, with PoE", mask_url(camera.source))
