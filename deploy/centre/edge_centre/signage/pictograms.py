"""What a moment means, without words: small drawings of about 40 by 40, their middle at `x`, `y`."""

import math

from edge_centre.signage.canvas import CARD, INK, Canvas, Point
from edge_centre.signage.words import Pictogram

_WAVE = [step / 16 - 0.5 for step in range(17)]
_HALF_CIRCLE = [math.pi * step / 12 for step in range(13)]


def pictogram(canvas: Canvas, x: float, y: float, what: Pictogram) -> None:
    """Draw it."""
    _DRAWINGS[what](canvas, x, y)


def speaker(canvas: Canvas, x: float, y: float) -> None:
    """A loudspeaker that sounds; `x`, `y` is the middle of its left edge."""
    _shape(canvas, x, y, [(0, -4), (6, -4), (13, -10), (13, 10), (6, 4), (0, 4)])
    for radius in (7, 12):
        _wave(canvas, x + 13, y, radius, 0, span=1.6)


def _press(canvas: Canvas, x: float, y: float) -> None:
    canvas.circle(x, y + 6, 12, fill=CARD, stroke=INK, width=3)
    canvas.line([(x, y - 18), (x, y + 4)], width=4)
    canvas.line([(x - 6, y - 3), (x, y + 4), (x + 6, y - 3)], width=4)


def _calling(canvas: Canvas, x: float, y: float) -> None:
    _bell(canvas, x, y)
    for radius in (17, 22):
        _wave(canvas, x, y - 2, radius, 0)
        _wave(canvas, x, y - 2, radius, math.pi)


def _unanswered(canvas: Canvas, x: float, y: float) -> None:
    _bell(canvas, x - 7, y)
    canvas.text(x + 8, y + 10, "?", size=26, bold=True)


def _person(canvas: Canvas, x: float, y: float) -> None:
    canvas.circle(x, y - 8, 7, fill=INK)
    _shape(canvas, x, y + 15, [(12 * math.cos(turn), -13 * math.sin(turn)) for turn in _HALF_CIRCLE])


def _coming(canvas: Canvas, x: float, y: float) -> None:
    """Towards the kiosk, which is on the left."""
    _person(canvas, x + 9, y)
    canvas.line([(x - 5, y + 4), (x - 21, y + 4)], width=3)
    canvas.line([(x - 14, y - 3), (x - 21, y + 4), (x - 14, y + 11)], width=3)


def _no_call(canvas: Canvas, x: float, y: float) -> None:
    _bell(canvas, x, y)
    _cross(canvas, x, y)


def _no_person(canvas: Canvas, x: float, y: float) -> None:
    _person(canvas, x, y)
    _cross(canvas, x, y)


def _search(canvas: Canvas, x: float, y: float) -> None:
    canvas.circle(x - 3, y - 3, 10, fill=CARD, stroke=INK, width=3)
    canvas.line([(x + 5, y + 5), (x + 15, y + 15)], width=4)


def _power(canvas: Canvas, x: float, y: float) -> None:
    _wave(canvas, x, y, 13, math.pi / 2, span=5.0)
    canvas.line([(x, y - 17), (x, y - 2)], width=3)


_DRAWINGS = {
    Pictogram.PRESS: _press,
    Pictogram.CALLING: _calling,
    Pictogram.UNANSWERED: _unanswered,
    Pictogram.PERSON: _person,
    Pictogram.COMING: _coming,
    Pictogram.NO_CALL: _no_call,
    Pictogram.NO_PERSON: _no_person,
    Pictogram.SEARCH: _search,
    Pictogram.POWER: _power,
}


def _bell(canvas: Canvas, x: float, y: float) -> None:
    _shape(canvas, x, y, [(-13, 8), (-9, 3), (-8, -6), (-3, -12), (3, -12), (8, -6), (9, 3), (13, 8)])
    canvas.circle(x, y + 12, 3, fill=INK)


def _cross(canvas: Canvas, x: float, y: float) -> None:
    """A bar across, with a light rim so that it is seen on what is dark."""
    bar = [(x - 17, y + 17), (x + 17, y - 17)]
    canvas.line(bar, colour=CARD, width=8)
    canvas.line(bar, width=4)


def _shape(canvas: Canvas, x: float, y: float, points: list[Point]) -> None:
    canvas.polygon([(round(x + a, 2), round(y + b, 2)) for a, b in points], fill=INK)


def _wave(canvas: Canvas, x: float, y: float, radius: float, middle: float, *, span: float = 1.1) -> None:
    """An arc around `x`, `y`, its middle in the direction `middle` in radians, clockwise from the right."""
    turns = [middle + span * part for part in _WAVE]
    arc = [(round(x + radius * math.cos(turn), 2), round(y + radius * math.sin(turn), 2)) for turn in turns]
    canvas.line(arc, width=2.2)
