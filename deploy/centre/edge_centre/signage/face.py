"""The face of a kiosk: a beacon on top, yellow on the left, green on the right.

Nothing on it is told by colour alone. Each lamp has its place; a lit one has rays, a blinking one has waves and a bar
that shows its rhythm, a dark one is dark.
"""

import math

from agent.contract.lamps import LightState, Pattern
from edge_centre.signage.canvas import INK, Canvas
from edge_centre.signage.rhythm import SECONDS, blinks, is_fast, lit

WIDTH, HEIGHT = 150.0, 124.0
LEFT, RIGHT, LAMPS = 42.0, 108.0, 66.0
"""Where the lamps are, from the upper left corner of the face."""
COLOURS = {"yellow": "#ffc21a", "green": "#2fbf5b", "beacon": "#bfe0ff"}
GLASS = "#4a525b"
"""A lamp that is dark."""
_PANEL = "#e9edf1"


def face(canvas: Canvas, x: float, y: float, state: LightState, scale: float = 1.0) -> None:
    """The face, its upper left corner at `x`, `y`."""
    draw = _Face(canvas, x, y, scale)
    draw.panel()
    draw.beacon(state.beacon)
    draw.lamp("yellow", LEFT, state.yellow)
    draw.lamp("green", RIGHT, state.green)
    if state.yellow is Pattern.ALTERNATE:
        draw.turns()


class _Face:
    """Shapes in the units of the face: WIDTH by HEIGHT."""

    def __init__(self, canvas: Canvas, x: float, y: float, scale: float) -> None:
        self._canvas, self._x, self._y, self._scale = canvas, x, y, scale

    def panel(self) -> None:
        x, y = self._at(4, 24)
        width, height = 142 * self._scale, 98 * self._scale
        self._canvas.rect(x, y, width, height, fill=_PANEL, stroke=INK, radius=10 * self._scale)

    def beacon(self, pattern: Pattern) -> None:
        middle, base, radius = WIDTH / 2, 24.0, 15.0
        dome = [(middle + radius * math.cos(a), base - radius * math.sin(a)) for a in _angles(0, math.pi)]
        fill = GLASS if pattern is Pattern.OFF else COLOURS["beacon"]
        self._canvas.polygon([self._at(*point) for point in dome], fill=fill)
        self._glow(middle, base, radius, pattern, upwards=True)
        self.rhythm("beacon", middle, 31, pattern)

    def lamp(self, name: str, x: float, pattern: Pattern) -> None:
        radius = 17.0
        centre = self._at(x, LAMPS)
        now = lit(name, pattern)
        fill = COLOURS[name] if now and now[0][0] == 0 else GLASS
        self._canvas.circle(*centre, radius * self._scale, fill=fill, stroke=INK, width=2)
        self._glow(x, LAMPS, radius, pattern, upwards=False)
        self.rhythm(name, x, 102, pattern)

    def turns(self) -> None:
        """Two arrows between the lamps: never both at once."""
        for y, tip in ((LAMPS - 5, LEFT + 44), (LAMPS + 5, LEFT + 22)):
            self._canvas.line([self._at(LEFT + 22, y), self._at(LEFT + 44, y)], width=2 * self._scale)
            back = tip + (5 if tip < WIDTH / 2 else -5)
            head = [(back, y - 4), (tip, y), (back, y + 4)]
            self._canvas.line([self._at(*point) for point in head], width=2 * self._scale)

    def rhythm(self, output: str, x: float, y: float, pattern: Pattern) -> None:
        rhythm(self._canvas, *self._at(x - 26, y), output, pattern, 52 * self._scale)

    def _glow(self, x: float, y: float, radius: float, pattern: Pattern, *, upwards: bool) -> None:
        """Rays around what is lit, waves on both sides of what blinks: two for a fast rhythm, one for a slow one."""
        if pattern in {Pattern.OFF, Pattern.ALTERNATE}:
            return
        if not blinks(pattern):
            rays = range(1, 8) if upwards else range(16)
            for turn in (ray * math.pi / 8 for ray in rays):
                ends = [(x + r * math.cos(turn), y - r * math.sin(turn)) for r in (radius + 4, radius + 9)]
                self._canvas.line([self._at(*end) for end in ends], width=1.8 * self._scale)
            return
        for wave in range(2 if is_fast(pattern) else 1):
            r = radius + 5 + 4.5 * wave
            for middle in (math.pi / 4, 3 * math.pi / 4) if upwards else (0.0, math.pi):
                arc = [(x + r * math.cos(a), y - r * math.sin(a)) for a in _angles(middle - 0.55, middle + 0.55)]
                self._canvas.line([self._at(*point) for point in arc], width=2 * self._scale)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return round(self._x + x * self._scale, 2), round(self._y + y * self._scale, 2)


def rhythm(canvas: Canvas, x: float, y: float, output: str, pattern: Pattern, width: float) -> None:
    """A bar of two seconds: coloured where the output is lit, dark where it is not."""
    height = 0.14 * width
    canvas.rect(x, y, width, height, fill=GLASS, stroke=INK, radius=1)
    for begin, end in lit(output, pattern):
        left, length = x + width * begin / SECONDS, width * (end - begin) / SECONDS
        canvas.rect(round(left, 2), y, round(length, 2), height, fill=COLOURS[output], stroke=INK)


def _angles(begin: float, end: float) -> list[float]:
    return [begin + (end - begin) * step / 12 for step in range(13)]
