"""The table of the guide: what its parts took."""

from collections.abc import Sequence

from tests.campaigns.province.play import Part

PLACE = "province"
MOST_COMMANDS, MOST_MINUTES, MOST_EDITED = 3, 10.0, 0
"""For a site."""
_HEAD = """\
| from nothing | commands | files edited by hand | minutes waited for |
| --- | --- | --- | --- |
"""


def table(parts: Sequence[Part]) -> str:
    """In Markdown, the site first, with its limits."""
    rows = []
    for number, part in enumerate(parts):
        most = [MOST_COMMANDS, MOST_EDITED, f"{MOST_MINUTES:.0f}"]
        limits = [f" (at most {each})" if number == 0 else "" for each in most]
        took = [str(part.commands), str(part.edited), f"{part.seconds / 60:.1f}"]
        rows.append(f"| {part.what} | " + " | ".join(a + b for a, b in zip(took, limits, strict=True)) + " |")
    return _HEAD + "\n".join(rows)


def too_much(parts: Sequence[Part]) -> str:
    """What is over its limit, or nothing."""
    site = parts[0]
    over = []
    if site.commands > MOST_COMMANDS:
        over.append(f"{site.commands} commands for a site")
    if site.seconds / 60 > MOST_MINUTES:
        over.append(f"{site.seconds / 60:.1f} minutes for a site")
    if any(part.edited > MOST_EDITED for part in parts):
        over.append("a file was edited by hand")
    return ", ".join(over)
