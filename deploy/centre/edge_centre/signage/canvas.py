"""The few shapes that the drawings are made of, as SVG."""

from html import escape

INK, SOFT, LINE, PAPER, CARD = "#1f2328", "#59636e", "#d1d9e0", "#f6f8fa", "#ffffff"
GROUND = "#1f2328"
Point = tuple[float, float]


class Canvas:
    """Collects shapes in the order in which they lie upon each other. Lengths are pixels."""

    def __init__(self) -> None:
        self._shapes: list[str] = []

    def rect(
        self, x: float, y: float, width: float, height: float, *, fill: str, stroke: str = "none", radius: float = 0
    ) -> None:
        """A rectangle."""
        self._shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" fill="{fill}" '
            f'stroke="{stroke}"/>'
        )

    def circle(self, x: float, y: float, radius: float, *, fill: str, stroke: str = "none", width: float = 1.5) -> None:
        """A circle."""
        self._shapes.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{stroke}" stroke-width="{width:g}"/>'
        )

    def polygon(self, points: list[Point], *, fill: str, stroke: str = INK) -> None:
        """A filled shape."""
        listed = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._shapes.append(f'<polygon points="{listed}" fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>')

    def line(self, points: list[Point], *, colour: str = INK, width: float = 1.8, dash: str = "") -> None:
        """A line through some points; `dash` is SVG's stroke-dasharray."""
        listed = " ".join(f"{x:g},{y:g}" for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._shapes.append(
            f'<polyline points="{listed}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
            f'stroke-linejoin="round" stroke-linecap="round"{dashes}/>'
        )

    def wire(self, points: list[Point], colour: str, stripe: str | None = None) -> None:
        """A wire that passes over what lies under it; a white one has a dark rim, and a striped one its stripe."""
        self.line(points, colour=PAPER, width=8)
        if colour == "#ffffff":
            self.line(points, colour=SOFT, width=5)
        self.line(points, colour=colour, width=3.2)
        if stripe is not None:
            self.line(points, colour=stripe, width=2, dash="9 12")

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 13,
        bold: bool = False,
        colour: str = INK,
        anchor: str = "start",
    ) -> None:
        """One line of text; `y` is its base."""
        weight = ' font-weight="600"' if bold else ""
        self._shapes.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{colour}" text-anchor="{anchor}"{weight}>'
            f"{escape(words, quote=False)}</text>"
        )

    def svg(self, width: float, height: float, title: str) -> str:
        """The whole picture."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" font-family="DejaVu Sans, Verdana, sans-serif" role="img">'
        )
        name = f"<title>{escape(title, quote=False)}</title>"
        paper = f'<rect width="{width:g}" height="{height:g}" fill="{PAPER}"/>'
        return "\n".join([head, name, paper, *self._shapes, "</svg>\n"])
