"""The bill of materials: counted from what is wired and plugged in. Kinds and ratings, no makers and no prices."""

import csv
import io
from collections.abc import Iterator, Sequence

from deploy.wiring.circuit import Part, Plug
from deploy.wiring.header import Board

Row = tuple[int, str, str, str]


def bill(board: Board, parts: Sequence[Part], plugs: Sequence[Plug]) -> str:
    """The table as CSV: quantity, part, rating, why."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["quantity", "part", "rating", "why"])
    writer.writerows(row for row in [*_board(board, parts, plugs), *_header(parts), *_plugs(plugs)] if row[0])
    return out.getvalue()


def _board(board: Board, parts: Sequence[Part], plugs: Sequence[Plug]) -> Iterator[Row]:
    memory = "512 MB" if "Zero" in board.name else "4 GB or more" if len(plugs) > 2 else "2 GB or more"
    yield 1, board.name, memory, "runs the agent"
    source = ", from the 12 V with battery" if parts and parts[-1].kind != "clock" else ""
    yield 1, "power supply for the board", board.supply + source, "low voltage slows the processor and corrupts cards"
    yield 1, "microSD card", f"{'32' if plugs else '16'} GB, high endurance, A1 or A2", "partitions: ../card/README.md"
    clock = any(part.kind == "clock" for part in parts)
    yield int(clock), "real-time clock module DS3231 with its cell", "I2C, 3.3 V", "keeps the time without power"
    pi5 = board.name.endswith("5")
    battery = "rechargeable lithium-manganese, 3 V, 2-pin plug for J5"
    yield int(pi5), "battery for the clock on the board", battery, "config.txt charges it at 3.0 V: no other kind"
    yield int(pi5), "cooler with fan for the board", "made for it", "the processor slows down at 80 °C"
    yield int("Pi 4" in board.name), "heat sink or cooling case", "made for it", "the processor slows down at 80 °C"
    yield 1, "enclosure", "IP65 (IEC 60529), lockable", "rain, dust and hands"
    yield (
        1,
        "modem on USB, or a cabled network",
        "LTE; a second path is better",
        "two brokers over two paths: docs/contract.md",
    )


def _header(parts: Sequence[Part]) -> Iterator[Row]:
    kinds = [part.kind for part in parts]
    switched = sum(kinds.count(kind) for kind in ("driver", "siren"))
    supervised = kinds.count("opener")
    plain = kinds.count("button") - supervised
    inputs = plain + supervised * 2 + kinds.count("contact") + kinds.count("closer")
    yield plain, "push button", "1 NO contact, gold-plated (3.3 V, 0.1 mA), IP65", "each is a panic input"
    yield (
        supervised,
        "push button, supervised",
        "1 NO and 1 NC contact block, gold-plated, IP65",
        "a cut cable is reported",
    )
    purposes = [part.name for part in parts if part.kind == "contact"]
    yield purposes.count('input "door"'), "tamper switch", "NC: closed while the door is closed", "opening is seen"
    others = len(purposes) - purposes.count('input "door"')
    yield others, "relay or optocoupler contact", "potential-free, closed while all is well", "mains and battery state"
    yield (
        kinds.count("closer"),
        "push button or key switch",
        "1 NO contact, gold-plated (3.3 V, 0.1 mA)",
        "inside the cabinet: asks for the service page",
    )
    yield kinds.count("lamp"), "LED lamp", "3 mm to 10 mm or panel LED, 2 V, 5 mA", "what the resident sees (EN 81-28)"
    yield kinds.count("lamp"), "resistor", "330 Ω, 0.25 W", "4 mA through the LED"
    yield kinds.count("driver"), "beacon or sounder", "12 V DC, at most 1 A", "over its MOSFET"
    yield (
        switched,
        "n-channel MOSFET",
        "30 V, 3 A, on-resistance specified at 2.5 V gate",
        "the pin gives 3.3 V only",
    )
    yield switched, "resistor", "220 Ω, 0.25 W", "between pin and gate"
    yield switched + kinds.count("siren-low"), "resistor", "10 kΩ, 0.25 W", "off while nobody drives the pin"
    yield switched, "diode", "1 A, 50 V", "across a coil or a motor"
    yield len([kind for kind in kinds if kind.startswith("siren")]), "siren", "12 V DC, own fuse", "last resort"
    yield inputs, "resistor", "1 kΩ, 0.25 W", "in series with each contact: cables of more than 1 m"
    yield inputs, "capacitor", "100 nF, 16 V, ceramic", "from pin to ground: cables of more than 1 m"
    yield inputs, "TVS diode", "3.3 V stand-off, bidirectional", "at the terminal: steel cabinets and lightning"
    yield int(bool(inputs)), "40-pin terminal board or ribbon cable with terminals", "1 A each", "no loose jumpers"
    yield (
        int(bool(inputs)),
        "power supply with battery",
        "12 V, charger with contacts for mains and battery low",
        _LASTS,
    )


_LASTS = "at least 1 h without mains (EN 81-28)"


def _plugs(plugs: Sequence[Plug]) -> Iterator[Row]:
    flat = [plug for plug in plugs if "Camera Module" in plug.name]
    usb = sum(plug.socket == "USB" for plug in plugs)
    network = sum(plug.socket == "Ethernet" for plug in plugs)
    yield (
        len(flat),
        "Camera Module 3",
        "standard or wide",
        "a person at the far end fills 0.1 of the height (EN 62676-4)",
    )
    for cable in sorted({plug.cable for plug in flat}):
        yield sum(plug.cable == cable for plug in flat), "cable for the Camera Module", cable, "keep it short"
    yield (
        usb,
        "USB camera",
        "UVC, 1280x720 as MJPEG, 10 frames per second",
        "no driver of its own; no microphone, or cut off",
    )
    yield network, "network camera", "PoE, RTSP, second stream H.264 1280x720, audio off", "a view-only user"
    yield int(bool(network)), "PoE switch", f"IEEE 802.3af, {network + 2} ports or more", "cameras, gateway, uplink"
    yield int(bool(plugs)), "sign", "who watches, why, and whom to ask", "POPIA, section 18"
