"""docs/lamps.svg: the kiosk's face through a call, and at other times."""

import textwrap

from agent.contract.lamps import Pattern
from edge_centre.signage.canvas import CARD, LINE, SOFT, Canvas
from edge_centre.signage.face import WIDTH as FACE
from edge_centre.signage.face import face, rhythm
from edge_centre.signage.pictograms import speaker
from edge_centre.signage.words import BEFORE, CALL, OTHER_TIMES, RHYTHMS, TONE_S, Moment

WIDTH, MARGIN, GAP = 1000.0, 16.0, 9.0
CARD_WIDTH, CARD_HEIGHT = (WIDTH - 2 * MARGIN - 4 * GAP) / 5, 236.0
_LETTERS = 21
"""In a line of a card."""


def overview() -> str:
    """The picture as SVG."""
    canvas = Canvas()
    below = MARGIN
    rows = (("Through a call", CALL), ("At other times", OTHER_TIMES), ("Before the device is enrolled", BEFORE))
    for heading, moments in rows:
        canvas.text(MARGIN, below + 16, heading, size=17, bold=True)
        for column, moment in enumerate(moments):
            _card(canvas, _left(column), below + 28, moment)
        below += 28 + CARD_HEIGHT + 18
    _legend(canvas, _left(2) + 8, below - CARD_HEIGHT - 18)
    return canvas.svg(
        WIDTH, below, "The face of a kiosk: what its lamps say through a call, at other times, and before"
    )


def _left(column: int) -> float:
    return MARGIN + column * (CARD_WIDTH + GAP)


def _card(canvas: Canvas, x: float, y: float, moment: Moment) -> None:
    canvas.rect(x, y, CARD_WIDTH, CARD_HEIGHT, fill=CARD, stroke=LINE, radius=9)
    middle = x + CARD_WIDTH / 2
    canvas.text(middle, y + 22, moment.when, size=12.5, colour=SOFT, anchor="middle")
    face(canvas, middle - FACE / 2, y + 34, moment.lamps)
    words = y + 182
    if moment.states[-1].tone is not Pattern.OFF:
        speaker(canvas, middle - 68, y + 175)
        canvas.text(middle - 34, y + 180, f"a tone after {TONE_S} s", size=12.5)
        words += 24
    for row, line in enumerate(textwrap.wrap(moment.says[0], _LETTERS)):
        canvas.text(middle, words + 19 * row, line, size=13.5, bold=True, anchor="middle")


def _legend(canvas: Canvas, x: float, y: float) -> None:
    for row, words in enumerate(("On top: the beacon.", "Left: yellow.", "Right: green.", "A bar is two seconds:")):
        canvas.text(x, y + 18 + 20 * row, words, size=13)
    for row, (pattern, said) in enumerate(RHYTHMS.items()):
        rhythm(canvas, x, y + 96 + 25 * row, "yellow", pattern, 50)
        canvas.text(x + 60, y + 105 + 25 * row, said[0], size=12.5)
