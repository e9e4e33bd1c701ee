"""The circuit of one part, drawn from its terminals outwards."""

from deploy.wiring.circuit import Part, shades
from edge_centre.signage.canvas import CARD, INK, SOFT, Canvas, Point

SIGNAL, GROUND = 27.5, 71.5
"""Height of the terminals below the upper edge of a card; a clock has three signals, one below the other."""
STEP = 22


class Symbols:
    """Draws at one card: `edge` is the x of its terminals, and outwards is left of it or right of it."""

    def __init__(self, canvas: Canvas, edge: float, top: float, *, leftwards: bool) -> None:
        self._canvas = canvas
        self._edge = edge
        self._top = top
        self._sign = -1 if leftwards else 1

    def draw(self, part: Part) -> None:
        """The circuit of this part."""
        colour, _ = shades(part.wires[0][1])
        if part.kind in {"button", "opener", "contact", "closer"}:
            self._switch(closed=part.kind not in {"button", "closer"}, pressed_by_hand=part.kind != "contact")
        elif part.kind == "lamp":
            self._lamp(colour)
        elif part.kind == "clock":
            self._clock()
        elif part.kind == "siren-low":
            self._relay_board()
        else:
            self._driver("relay" if part.kind == "siren" else "load")

    def _at(self, out: float, down: float) -> Point:
        return self._edge + self._sign * out, self._top + down

    def _line(self, *points: Point, dash: str = "") -> None:
        self._canvas.line([self._at(*point) for point in points], dash=dash)

    def _box(self, out: float, down: float, width: float, height: float) -> None:
        x, y = self._at(out if self._sign > 0 else out + width, down)
        self._canvas.rect(x, y, width, height, fill=CARD, stroke=INK, radius=1)

    def _label(self, out: float, down: float, words: str, *, anchor: str = "middle") -> None:
        x, y = self._at(out, down)
        self._canvas.text(x, y, words, size=10.5, colour=SOFT, anchor=anchor)

    def _switch(self, *, closed: bool, pressed_by_hand: bool) -> None:
        self._line((0, SIGNAL), (80, SIGNAL), (80, 38))
        self._line((0, GROUND), (80, GROUND), (80, 61))
        if closed:
            self._line((80, 38), (70, 38))
            self._line((80, 61), (74, 35))
        else:
            self._line((80, 61), (66, 40))
        for down in (38, 61):
            self._canvas.circle(*self._at(80, down), 2.6, fill=INK)
        if pressed_by_hand:
            self._line((75, 49.5), (104, 49.5), dash="4 3")
            self._line((104, 40), (104, 59))
            self._line((104, 40), (110, 45), (110, 54), (104, 59))

    def _lamp(self, colour: str) -> None:
        self._line((0, SIGNAL), (32, SIGNAL))
        self._box(32, SIGNAL - 6, 34, 12)
        self._label(49, SIGNAL - 10, "330 Ω")
        self._line((66, SIGNAL), (100, SIGNAL), (100, 42))
        self._canvas.polygon([self._at(89, 42), self._at(111, 42), self._at(100, 58)], fill=colour)
        self._line((89, 58), (111, 58))
        for shift in (0, 8):
            self._line((116, 44 + shift), (128, 38 + shift))
            self._line((122, 37 + shift), (128, 38 + shift), (125, 43 + shift))
        self._line((100, 58), (100, GROUND), (0, GROUND))

    def _driver(self, load: str) -> None:
        self._line((0, SIGNAL), (14, SIGNAL))
        self._box(14, SIGNAL - 6, 26, 12)
        self._label(27, SIGNAL - 10, "220 Ω")
        self._line((40, SIGNAL), (70, SIGNAL), (70, 50), (84, 50))
        self._line((56, SIGNAL), (56, GROUND))
        self._box(50, 38, 12, 24)
        self._canvas.circle(*self._at(56, SIGNAL), 2.4, fill=INK)
        self._canvas.circle(*self._at(56, GROUND), 2.4, fill=INK)
        self._label(24, 54, "10 kΩ")
        self._line((84, 41), (84, 59))
        self._line((89, 39), (89, 61))
        self._line((89, 43), (104, 43), (104, SIGNAL), (118, SIGNAL))
        self._line((89, 57), (104, 57), (104, GROUND), (0, GROUND))
        self._line((98, 54), (104, 57), (98, 60))
        self._canvas.circle(*self._at(130, SIGNAL), 12, fill=CARD, stroke=INK)
        self._line((122, SIGNAL - 8), (138, SIGNAL + 8))
        self._line((138, SIGNAL - 8), (122, SIGNAL + 8))
        self._line((142, SIGNAL), (156, SIGNAL))
        self._label(148, SIGNAL - 10, "+12 V", anchor="end" if self._sign < 0 else "start")
        self._label(130, SIGNAL + 26, load)
        self._label(134, GROUND + 1, "MOSFET")

    def _relay_board(self) -> None:
        self._line((0, SIGNAL), (70, SIGNAL))
        self._line((40, SIGNAL), (40, 12))
        self._box(34, 11, 12, 12)
        self._label(62, 14, "10 kΩ")
        self._label(20, 12, "3V3")
        self._box(70, 20, 60, 58)
        self._label(100, 52, "relay")
        self._line((0, GROUND), (70, GROUND))

    def _clock(self) -> None:
        self._box(60, -8, 66, 92)
        for down, name in ((SIGNAL - STEP, "3V3"), (SIGNAL, "SDA"), (SIGNAL + STEP, "SCL"), (GROUND, "GND")):
            self._line((0, down), (60, down))
            self._label(66, down + 4, name, anchor="end" if self._sign < 0 else "start")
