"""docs/lamps-poster.svg: one page of A4 that hangs beside a kiosk, for whoever presses there."""

from collections.abc import Iterator, Sequence

from agent.contract.lamps import Pattern
from edge_centre.signage.canvas import CARD, INK, LINE, SOFT, Canvas
from edge_centre.signage.face import COLOURS, face, rhythm
from edge_centre.signage.face import HEIGHT as FACE
from edge_centre.signage.pictograms import pictogram, speaker
from edge_centre.signage.words import (
    BEFORE,
    CALL,
    GREEN,
    LANGUAGES,
    OTHER_HELP,
    OTHER_TIMES,
    RHYTHMS,
    TITLE,
    TONE_S,
    YELLOW,
    Language,
    Moment,
    Words,
)

WIDTH, HEIGHT, MARGIN = 794.0, 1123.0, 40.0
"""A4 upright, at the 96 pixels an inch of a browser."""
ALL = tuple(language.code for language in LANGUAGES)
MARK = "*"
"""Behind the name of a language that no speaker has reviewed."""
_INNER = WIDTH - 2 * MARGIN
_SIGNS, _NAMES, _WORDS = 196.0, 240.0, 318.0
"""The middle of the pictograms; where the names of languages begin, and where the words do."""
_LETTER = 0.58
"""The mean width of a letter of size 1, with a reserve."""
_FOOT = (
    "For a kiosk with yellow on the left, green on the right, the beacon above them, and the default waits.",
    "Drawn from the agent's own table of lamps by python -m deploy.lamps.",
)


class _Page(Canvas):
    """A canvas, and the languages that the page speaks."""

    def __init__(self, languages: Sequence[str]) -> None:
        super().__init__()
        self.chosen = [ALL.index(each) for each in languages]

    def spoken(self, words: Words) -> Iterator[tuple[Language, str]]:
        """These words in the languages of the page."""
        return ((LANGUAGES[number], words[number]) for number in self.chosen)


def poster(languages: Sequence[str] = ALL) -> str:
    """The page as SVG, in these languages; the first one is its title."""
    canvas = _Page(languages)
    canvas.rect(0, 0, WIDTH, HEIGHT, fill="#ffffff")
    first, *others = [_marked(*each) for each in canvas.spoken(TITLE)]
    canvas.text(MARGIN, 62, first, size=33, bold=True)
    canvas.text(MARGIN, 89, " · ".join(others), size=17)
    _draft(canvas, 101)
    _key(canvas, 145)
    y = 226.0
    for moments, height, size, scale in ((CALL, 79.0, 14.5, 0.62), ((*OTHER_TIMES, *BEFORE), 56.0, 11.8, 0.44)):
        for moment in moments:
            _row(canvas, y, moment, height, size, scale)
            y += height
    _rhythms(canvas, y)
    _other_help(canvas, y + 91)
    for number, line in enumerate(_FOOT):
        canvas.text(MARGIN, HEIGHT - 26 + 12 * number, line, size=9, colour=SOFT)
    return canvas.svg(WIDTH, HEIGHT, "A poster for a kiosk: what the lamps say")


def _marked(language: Language, words: str) -> str:
    """These words of a language, with a mark where no speaker has reviewed them."""
    return words if language.reviewed_by else f"{words} {MARK}"


def _draft(canvas: _Page, y: float) -> None:
    raw = [language.name for language, _ in canvas.spoken(TITLE) if not language.reviewed_by]
    if raw:
        canvas.rect(MARGIN, y, _INNER, 30, fill="#ffffff", stroke=INK, radius=4)
        words = f"DRAFT, not to be hung up.  {MARK} Not reviewed by a speaker: {', '.join(raw)}."
        canvas.text(MARGIN + 12, y + 20, words, size=14, bold=True)


def _key(canvas: _Page, y: float) -> None:
    """Which lamp is which, by its place."""
    half = _INNER / 2
    for x, name, words in ((MARGIN, "yellow", YELLOW), (MARGIN + half, "green", GREEN)):
        canvas.rect(x, y + 16, 66, 38, fill=CARD, stroke=INK, radius=6)
        for middle, lamp in ((x + 19, "yellow"), (x + 47, "green")):
            canvas.circle(middle, y + 35, 10, fill=COLOURS[name] if lamp == name else CARD, stroke=INK)
        for number, each in enumerate(canvas.spoken(words)):
            _fitted(canvas, x + 78, y + 16 + 18 * number, _marked(*each), 13, half - 84)


def _row(canvas: _Page, y: float, moment: Moment, height: float, size: float, scale: float) -> None:
    _rule(canvas, y)
    middle = y + height / 2
    face(canvas, MARGIN, middle - FACE * scale / 2, moment.lamps, scale)
    if moment.states[-1].tone is Pattern.OFF:
        pictogram(canvas, _SIGNS, middle, moment.pictogram)
    else:
        pictogram(canvas, _SIGNS, middle - 20, moment.pictogram)
        speaker(canvas, _SIGNS - 34, middle + 24)
        canvas.text(_SIGNS - 2, middle + 29, f"{TONE_S} s", size=14, bold=True)
    pitch = (height - 8) / len(canvas.chosen)
    for number, (language, line) in enumerate(canvas.spoken(moment.says)):
        base = y + 4 + pitch * (number + 0.72)
        canvas.text(_NAMES, base, _marked(language, language.name), size=10.5, colour=SOFT)
        _fitted(canvas, _WORDS, base, line, size, WIDTH - MARGIN - _WORDS)


def _rhythms(canvas: _Page, y: float) -> None:
    _rule(canvas, y)
    step = _INNER / len(RHYTHMS)
    for column, (pattern, words) in enumerate(RHYTHMS.items()):
        x = MARGIN + column * step
        rhythm(canvas, x, y + 10, "yellow", pattern, 80)
        for number, each in enumerate(canvas.spoken(words)):
            _fitted(canvas, x, y + 37 + 14 * number, _marked(*each), 11, step - 8)


def _other_help(canvas: _Page, y: float) -> None:
    """A box that whoever hangs the page up fills in."""
    canvas.rect(MARGIN, y, _INNER, 36, fill="#ffffff", stroke=INK, radius=4)
    words = " · ".join(_marked(*each) for each in canvas.spoken(OTHER_HELP))
    canvas.text(MARGIN + 12, y + 23, f"{words}:", size=12.5, bold=True)


def _rule(canvas: Canvas, y: float) -> None:
    canvas.line([(MARGIN, y), (WIDTH - MARGIN, y)], colour=LINE, width=1.2)


def _fitted(canvas: Canvas, x: float, y: float, words: str, size: float, room: float) -> None:
    """A line that is no wider than `room`: smaller than `size` where it has to be."""
    canvas.text(x, y, words, size=round(min(size, room / (_LETTER * len(words))), 1))
