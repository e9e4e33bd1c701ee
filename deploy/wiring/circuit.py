"""What is wired to the header, and what is plugged in beside it: taken from the settings and the boot configuration."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

from agent.settings import Camera, Settings, mask_url
from deploy.wiring.boot import read_boot
from deploy.wiring.header import PHYSICAL, Board

Kind = Literal["button", "opener", "contact", "lamp", "driver", "siren", "siren-low", "clock"]

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
        found.append(Part("clock", "clock (DS3231)", "keeps the time without power", ((1, "RD"), (3, "GY"), (5, "WH"))))
    return sorted(found, key=lambda part: part.pin)


def _inputs(settings: Settings) -> Iterator[Part]:
    colours = cycle(["BN", "WH", "OG", "PK", "TQ", "GY"])
    for button in settings.buttons:
        name = f'button "{button.name}"'
        purpose = f"{button.kind}, silent" if button.silent else button.kind
        yield Part("button", name, f"{purpose}: closes when pressed", ((PHYSICAL[button.pin], next(colours)),))
        if button.pin_nc is not None:
            wire = (PHYSICAL[button.pin_nc], next(colours))
            yield Part("opener", f"{name}, supervision", "opens when pressed", (wire,))
    for each in settings.inputs:
        yield Part("contact", f'input "{each.name}"', _CONDITIONS[each.kind], ((PHYSICAL[each.pin], next(colours)),))


def _outputs(settings: Settings) -> Iterator[Part]:
    for key, pin in settings.lights.model_dump().items():
        if pin is not None:
            name, purpose, kind, colour = _LIGHTS[key]
            yield Part(kind, name, purpose, ((PHYSICAL[pin], colour),))  # type: ignore[arg-type]
    if settings.siren is not None:
        high = settings.siren.active_high
        kind = "siren" if high else "siren-low"
        purpose = f"the last resort; on while the pin is {'high' if high else 'low'}"
        yield Part(kind, "siren", purpose, ((PHYSICAL[settings.siren.pin], "OG"),))  # type: ignore[arg-type]


def plugs(settings: Settings, board: Board) -> list[Plug]:
    """Each camera."""
    return [_plug(camera, board) for camera in settings.cameras]


def _plug(camera: Camera, board: Board) -> Plug:
    scheme, _, rest = camera.source.partition(":")
    name = f'camera "{camera.name}"'
    if scheme == "picamera2":
        contacts = board.csi.partition("-")[0]
        cable = "flat cable, 15 contacts" if contacts == "15" else f"flat cable, {contacts} to 15 contacts"
        socket = f"{board.csi} {rest}" if "CAM/DISP" in board.csi else board.csi
        return Plug(f"{name}: Camera Module 3", socket, cable, camera.source)
    if scheme == "v4l2":
        return Plug(f"{name}: USB camera (UVC)", "USB", "USB 2 is enough; at most 5 m", camera.source)
    if scheme == "file":
        return Plug(f"{name}: a file", "-", "", camera.source)
    return Plug(f"{name}: network camera", "Ethernet", "Cat 5e or better, with PoE", mask_url(camera.source))
