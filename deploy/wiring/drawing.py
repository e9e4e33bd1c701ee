"""The wiring drawing of one profile: header, parts, wires, ground, cameras."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deploy.wiring.circuit import COLOURS, Part, Plug, colour_name, halves, shades
from deploy.wiring.header import EEPROM, HEADER, PHYSICAL, Board
from deploy.wiring.symbols import GROUND, SIGNAL, STEP, Symbols
from edge_centre.signage.canvas import CARD, INK, LINE, SOFT, Canvas
from edge_centre.signage.canvas import GROUND as GROUND_COLOUR

WIDTH, MARGIN = 1460.0, 30.0
CARD_WIDTH, CARD_HEIGHT, CARD_STEP = 420.0, 92.0, 110.0
TOP, PITCH = 150.0, 44.0
PAD, PILL = 36.0, 80.0
MIDDLE = WIDTH / 2
NAME_WIDTH = 360.0
"""Room for the name of a part, in letters of size 1."""
ROW, SWITCH = 66.0, 400.0
RAIL, LANES, LANE_STEP = 18.0, 14.0, 13.0
"""From the cards to the ground rail; from the pins' names to the first lane; from lane to lane."""
_SUPPLY = {"3V3": "#ffd9d3", "5V": "#ffc9c2", "GND": "#3d444d"}


@dataclass(frozen=True, slots=True)
class _Placed:
    part: Part
    top: float

    def ends(self) -> Iterator[tuple[float, int, str]]:
        """Height, pin of the header and colour of each wire."""
        for row, (pin, colour) in enumerate(self.part.wires):
            down = SIGNAL + STEP * (row - 1) if len(self.part.wires) > 1 else SIGNAL
            yield self.top + down, pin, colour


def draw(title: str, subtitle: str, board: Board, parts: Sequence[Part], plugs: Sequence[Plug]) -> str:
    """The picture as SVG."""
    canvas = Canvas()
    canvas.text(MARGIN, 52, title, size=28, bold=True)
    canvas.text(MARGIN, 80, subtitle, size=14, colour=SOFT)
    bottom = TOP - 30
    if parts:
        sides = [_place([part for part in parts if part.pin % 2 == odd]) for odd in (1, 0)]
        for placed, leftwards in zip(sides, (True, False), strict=True):
            _side(canvas, placed, leftwards=leftwards)
        _header(canvas, board, parts)
        lowest = [placed[-1].top + CARD_HEIGHT for placed in sides if placed]
        bottom = max(TOP + 20 * PITCH + 50, *lowest) + 30
    bottom = _sockets(canvas, board, plugs, bottom)
    bottom = _legend(canvas, parts, plugs, bottom)
    return canvas.svg(WIDTH, bottom, title)


def _y(pin: int) -> float:
    return TOP + ((pin - 1) // 2 + 0.5) * PITCH


def _place(parts: Sequence[Part]) -> list[_Placed]:
    """Each part beside its pin where there is room. No terminal is as high as a pin, so that no two wires meet."""
    tops: list[float] = []
    for part in parts:
        wanted = round((_y(part.pin) - TOP - SIGNAL - PITCH / 4) / (PITCH / 2)) * PITCH / 2 + PITCH / 4 - SIGNAL
        tops.append(max(wanted, tops[-1] + CARD_STEP if tops else PITCH / 4 - SIGNAL))
    limit = 20 * PITCH - CARD_HEIGHT
    for index in range(len(tops) - 1, -1, -1):
        if tops[index] > limit:
            tops[index] -= -(-(tops[index] - limit) // (PITCH / 2)) * PITCH / 2
        limit = tops[index] - CARD_STEP
    shift = max(0.0, -min(tops, default=0.0) - SIGNAL)
    shift = -(-shift // (PITCH / 2)) * PITCH / 2
    return [_Placed(part, TOP + top + shift) for part, top in zip(parts, tops, strict=True)]


def _side(canvas: Canvas, placed: Sequence[_Placed], *, leftwards: bool) -> None:
    if not placed:
        return
    sign = -1 if leftwards else 1
    pins = MIDDLE + sign * (PAD + PILL + 4)
    edge = MIDDLE + sign * (MIDDLE - MARGIN - CARD_WIDTH)
    rail = edge - sign * RAIL
    grounds = [each.top + GROUND for each in placed]
    taps = sorted({each.part.ground for each in placed})
    ends = [*grounds, *map(_y, taps)]
    canvas.line([(rail, min(ends)), (rail, max(ends))], colour=GROUND_COLOUR, width=5)
    for pin in taps:
        canvas.line([(rail, _y(pin)), (pins, _y(pin))], colour=GROUND_COLOUR, width=3.2)
        canvas.circle(rail, _y(pin), 5, fill=GROUND_COLOUR)
    for height in grounds:
        canvas.line([(edge, height), (rail, height)], colour=GROUND_COLOUR, width=3.2)
        canvas.circle(rail, height, 5, fill=GROUND_COLOUR)
    for (height, pin, colour), lane in zip(
        [end for each in placed for end in each.ends()], _lanes(placed), strict=True
    ):
        x = pins + sign * (LANES + lane * LANE_STEP)
        canvas.wire([(edge, height), (x, height), (x, _y(pin)), (pins, _y(pin))], *shades(colour))
    for each in placed:
        _card(canvas, each, edge, leftwards=leftwards)


def _lanes(placed: Sequence[_Placed]) -> list[int]:
    """Which lane each wire takes, the nearest to the pins first, so that no two cross."""
    ways = [_y(pin) > height for each in placed for height, pin, _ in each.ends()]
    lanes: list[int] = []
    start = 0
    for index, way in enumerate(ways):
        if index and way != ways[index - 1]:
            start = index
        last = start
        while last + 1 < len(ways) and ways[last + 1] == way:
            last += 1
        lanes.append(index - start if way else last - index)
    return lanes


def _card(canvas: Canvas, placed: _Placed, edge: float, *, leftwards: bool) -> None:
    part, top = placed.part, placed.top
    left = edge - CARD_WIDTH if leftwards else edge
    above = 14 if len(part.wires) > 1 else 0
    canvas.rect(left + 2, top + 3 - above, CARD_WIDTH, CARD_HEIGHT + above, fill="#e6eaef", radius=9)
    canvas.rect(left, top - above, CARD_WIDTH, CARD_HEIGHT + above, fill=CARD, stroke=LINE, radius=9)
    Symbols(canvas, edge, top, leftwards=leftwards).draw(part)
    x = left + 16 if leftwards else edge + 192
    colour, _ = shades(part.wires[0][1])
    canvas.rect(left if leftwards else left + CARD_WIDTH - 6, top + 10, 6, CARD_HEIGHT - 20, fill=colour, radius=3)
    canvas.text(x, top + 29, part.name, size=min(14.5, NAME_WIDTH / len(part.name)), bold=True)
    canvas.text(x, top + 50, part.purpose, size=12, colour=SOFT)
    pin, code = part.wires[0]
    wires = f"{HEADER[pin]} = header {pin}, {code} ({colour_name(code)})"
    if len(part.wires) > 1:
        wires = "header " + ", ".join(f"{pin} {code}" for pin, code in part.wires)
    canvas.text(x, top + 73, wires, size=12)


def _header(canvas: Canvas, board: Board, parts: Sequence[Part]) -> None:
    used = {pin: shades(colour)[0] for part in parts for pin, colour in part.wires}
    canvas.text(MIDDLE, TOP - 26, "▲ to the end with the microSD card", size=12, colour=SOFT, anchor="middle")
    canvas.rect(MIDDLE - PAD - 4, TOP - 8, 2 * PAD + 8, 20 * PITCH + 16, fill="#22272e", radius=8)
    for pin, name in HEADER.items():
        sign = -1 if pin % 2 else 1
        y = _y(pin)
        x = MIDDLE + sign * PAD / 2
        if pin == 1:
            canvas.rect(x - 14, y - 14, 28, 28, fill="#d9b44a", stroke="#8d6e1f", radius=2)
        else:
            canvas.circle(x, y, 14, fill="#d9b44a", stroke="#8d6e1f")
        canvas.text(x, y + 4.5, str(pin), size=12, bold=True, anchor="middle", colour="#22272e")
        left = MIDDLE - PAD - 4 - PILL if sign < 0 else MIDDLE + PAD + 4
        reserved = PHYSICAL.get(_bcm(name)) == pin and _bcm(name) in EEPROM
        fill = used.get(pin) or _SUPPLY.get(name) or "#eaeef2"
        dark = fill in _DARK
        canvas.rect(left, y - 13, PILL, 26, fill=fill, stroke=SOFT if fill == "#ffffff" else "none", radius=6)
        words = "reserved" if reserved else name
        quiet = pin not in used and name != "GND"
        colour = "#ffffff" if dark else SOFT if quiet else INK
        canvas.text(left + PILL / 2, y + 4.5, words, size=12.5, bold=pin in used, anchor="middle", colour=colour)
    canvas.text(MIDDLE, TOP + 20 * PITCH + 30, f"{board.name}, seen from above", size=12, colour=SOFT, anchor="middle")


_DARK = {GROUND_COLOUR, _SUPPLY["GND"], *(COLOURS[code][1] for code in ("RD", "BN", "VT", "BU", "GN", "TQ", "GY"))}


def _bcm(name: str) -> int:
    return int(name[4:]) if name.startswith("GPIO") else -1


def _sockets(canvas: Canvas, board: Board, plugs: Sequence[Plug], top: float) -> float:
    """The sockets of the board and what is plugged into each; returns the height below them."""
    socket, cable = board.network
    brokers = Plug("to the brokers", socket, cable, "MQTT over TLS, port 8883")
    rows = [Plug("power supply, 5.1 V", board.socket, board.supply, "its return is the ground of everything"), *plugs]
    switched = [plug for plug in plugs if plug.socket == "Ethernet"]
    rows = [*(plug for plug in rows if plug not in switched), *switched, brokers]
    first = len(rows) - len(switched) - 1
    canvas.rect(MARGIN, top, 190, ROW * len(rows) + 22, fill="#1f6f43", radius=10)
    canvas.text(MARGIN + 95, top + ROW * len(rows) + 14, board.name, size=12, colour="#ffffff", anchor="middle")
    for index, plug in enumerate(rows):
        y = top + 8 + ROW * index
        colour = "#d1242f" if index == 0 else "#8250df" if plug is brokers else "#1f6feb"
        by_switch = bool(switched) and index >= first
        if not by_switch:
            _socket(canvas, plug.socket, y, ROW)
        canvas.line([(SWITCH + 90 if by_switch else MARGIN + 190, y + 27), (900, y + 27)], colour=colour, width=4)
        canvas.text(SWITCH + 110 if by_switch else MARGIN + 215, y + 19, plug.cable, size=12.5, colour=SOFT)
        canvas.rect(900, y, WIDTH - MARGIN - 900, 54, fill=CARD, stroke=LINE, radius=9)
        canvas.text(918, y + 23, plug.name, size=14, bold=True)
        canvas.text(918, y + 43, plug.detail, size=12, colour=SOFT)
    if switched:
        y, height = top + 8 + ROW * first, ROW * (len(switched) + 1)
        _socket(canvas, "Ethernet", y, height)
        canvas.line([(MARGIN + 190, y + height / 2 - 6), (SWITCH, y + height / 2 - 6)], colour="#8250df", width=4)
        canvas.rect(SWITCH, y + 6, 90, height - 24, fill="#57606a", radius=8)
        canvas.text(SWITCH + 45, y + height / 2 - 2, "PoE switch", size=12.5, colour="#ffffff", anchor="middle")
    return top + ROW * len(rows) + 40


def _socket(canvas: Canvas, name: str, y: float, height: float) -> None:
    canvas.rect(MARGIN + 20, y + 6, 170, height - 24, fill="#c9d1d9", stroke="#57606a", radius=4)
    canvas.text(MARGIN + 105, y + height / 2 - 1, name, size=13, bold=True, anchor="middle")


def _legend(canvas: Canvas, parts: Sequence[Part], plugs: Sequence[Plug], top: float) -> float:
    lines = [*_notes(parts, plugs)]
    canvas.line([(MARGIN, top), (WIDTH - MARGIN, top)], colour=LINE)
    for index, line in enumerate(lines):
        canvas.text(MARGIN, top + 28 + 22 * index, line, size=12.5, colour=INK if index == 0 else SOFT)
    return top + 28 + 22 * len(lines) + 8


def _notes(parts: Sequence[Part], plugs: Sequence[Plug]) -> Iterator[str]:
    """What holds for what is drawn, and for nothing else."""
    kinds = {part.kind for part in parts}
    codes = sorted({colour for part in parts for _, code in part.wires for colour in halves(code)})
    if parts:
        yield "Switch the power off before you wire. All pins are 3.3 V: never 5 V or 12 V on a GPIO pin."
        switched = " The return of the 12 V joins it." if kinds & {"driver", "siren"} else ""
        yield f"Thick black line: the ground terminal, wired to each ground pin that is drawn.{switched}"
    else:
        yield "Nothing is wired to the 40-pin header."
    if kinds & {"driver", "siren"}:
        yield "MOSFET: n-channel, 30 V, 3 A, on-resistance specified at 2.5 V gate. 10 kΩ keep it off. Diodes on coils."
    if parts:
        listed = ", ".join(f"{code} {COLOURS[code][0]}" for code in codes)
        yield f"Letters are the colours of wires after IEC 60757: {listed}."
    if any(len(code) > 2 for part in parts for _, code in part.wires):
        yield "Two colours: a wire of the first with a stripe of the second."
    if kinds & {"button", "opener", "contact", "closer"}:
        yield "More than 1 m of cable to a contact: twisted pair, 1 kΩ in series at the Pi, 100 nF from pin to ground."
    if any("flat cable" in plug.cable for plug in plugs):
        yield "Switch the power off before you plug in a flat cable."
