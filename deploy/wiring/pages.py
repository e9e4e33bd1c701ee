"""All that is written from the settings of a profile."""

from collections.abc import Mapping
from pathlib import Path

from agent.bootstrap.specs import input_lines
from agent.settings import Settings, load
from deploy.wiring.bom import bill
from deploy.wiring.circuit import Part, Plug, colour_name, parts, plugs
from deploy.wiring.conflicts import outputs
from deploy.wiring.drawing import draw
from deploy.wiring.header import HEADER, board_of

ROOT = Path(__file__).parents[2] / "firmware_configs"
TITLES = {
    "kiosk-zero2w": "Kiosk on a Pi Zero 2 W",
    "kiosk-pi4": "Kiosk on a Pi 4",
    "kiosk-pi5": "Kiosk on a Pi 5",
    "kiosk-camera-pi5": "Kiosk with a camera on a Pi 5",
    "camera-pi4": "Cameras on a Pi 4",
    "camera-pi5": "Cameras on a Pi 5",
    "rtsp-gateway-pi5": "Gateway for network cameras on a Pi 5",
}
"""Every profile that has hardware."""
_BY = "python -m deploy.wiring"
_HOW = {
    "button": "normally-open contact between the pin and ground",
    "opener": "normally-closed contact of the same button, between the pin and ground",
    "contact": "potential-free contact between the pin and ground",
    "closer": "normally-open contact between the pin and ground, inside the cabinet",
    "lamp": "LED with 330 Ω in series, pin to ground",
    "driver": "n-channel MOSFET: 220 Ω to the gate, 10 kΩ from gate to ground; diode across a coil",
    "siren": "relay over a MOSFET as for the beacon, with a supply and a fuse of its own",
    "siren-low": "relay board that switches on when the pin is low; 10 kΩ from the pin to 3.3 V",
    "clock": "I2C module: 3.3 V to pin 1, SDA to pin 3, SCL to pin 5",
}


GUIDE = ROOT.parent / "deploy" / "README.md"
_BEGIN, _END = "<!-- wiring of kiosk-pi4 -->", "<!-- /wiring of kiosk-pi4 -->"


def guide() -> str:
    """The installation guide, with the wires of a kiosk as its settings have them. Raises LookupError where it has no
    place for them."""
    text = GUIDE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(f"{_BEGIN}\n")
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise LookupError(f"{_BEGIN} and {_END} are not in {GUIDE.name}")
    table = next(rows for rows in pages("kiosk-pi4")["pins.md"].split("\n\n") if rows.startswith("| part"))
    return f"{before}{_BEGIN}\n\n{table.rstrip()}\n\n{_END}{after}"


def pages(profile: str) -> Mapping[str, str]:
    """The files that belong into the profile's folder, by their names. Raises SettingsError."""
    settings = load(ROOT / profile / "edge-agent.toml", environ={})
    board = board_of(profile)
    config = _config(profile, settings)
    wired, plugged = parts(settings, config, board), plugs(settings, board)
    subtitle = f"Drawn from firmware_configs/{profile} by {_BY}: change the settings, not the picture"
    return {
        "config.txt": config,
        "pins.md": _pins(profile, wired, plugged),
        "bom.csv": bill(board, wired, plugged),
        "wiring.svg": draw(TITLES[profile], subtitle, board, wired, plugged),
    }


def _config(profile: str, settings: Settings) -> str:
    flat = any(camera.source.startswith("picamera2:") for camera in settings.cameras)
    names = ["street", profile.rpartition("-")[2], "camera" if flat else "no-camera"]
    text = f"# {TITLES[profile]}. Append to /boot/firmware/config.txt.\n"
    text += f"# Written by {_BY} from base/boot and the settings.\n\n[all]\n"
    text += "\n".join((ROOT / "base" / "boot" / f"{name}.txt").read_text(encoding="utf-8") for name in names)
    if settings.has_pins:
        text += "\n# Before Linux runs: inputs with their pull, outputs off. Nothing blinks or sounds at start.\n"
        text += "".join(f"gpio={','.join(map(str, pins))}={state}\n" for state, pins in _states(settings).items())
        if settings.siren is None:
            text += (ROOT / "base" / "boot" / "siren.txt").read_text(encoding="utf-8")
    return text


def _states(settings: Settings) -> dict[str, list[int]]:
    states: dict[str, list[int]] = {}
    for line in input_lines(settings):
        states.setdefault("ip,pu" if line.pull_up else "ip,pd", []).append(line.pin)
    for pin, (_, high) in outputs(settings).items():
        states.setdefault("op,dh" if high else "op,dl", []).append(pin)
    return states


def _pins(profile: str, wired: list[Part], plugged: list[Plug]) -> str:
    lines = [
        f"# {TITLES[profile]}: pins and sockets",
        "",
        f"Written by `{_BY}` from the settings in this folder. [How to wire](../base/wiring.md) has the rest.",
        "",
        f"![Wiring of {profile}](wiring.svg)",
    ]
    if wired:
        lines += [
            "",
            "| part | BCM | header pin | wire | ground | wiring |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
    for part in wired:
        names = ", ".join(HEADER[pin] for pin, _ in part.wires)
        pins = ", ".join(str(pin) for pin, _ in part.wires)
        colours = ", ".join(colour_name(code) for _, code in part.wires)
        lines.append(f"| {part.name} | {names} | {pins} | {colours} | {part.ground} | {_HOW[part.kind]} |")
    if plugged:
        lines += ["", "| camera | socket | cable | source |", "| --- | --- | --- | --- |"]
    lines += [f"| {plug.name} | {plug.socket} | {plug.cable} | `{plug.detail}` |" for plug in plugged]
    if not wired:
        lines += ["", "Nothing is wired to the header."]
    return "\n".join(lines) + "\n"
