"""Writes the pictures of the lamps into docs/."""

import sys

from deploy.lamps.overview import overview
from deploy.wiring.pages import ROOT
from edge_centre.signage.poster import poster

DOCS = ROOT.parent / "docs"
PICTURES = {"lamps.svg": overview, "lamps-poster.svg": poster}


def main() -> int:
    """Write what has changed."""
    for name, draw in PICTURES.items():
        file, text = DOCS / name, draw()
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote docs/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
