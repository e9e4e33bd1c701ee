"""The table of the guide: what its parts took."""

from collections.abc import Sequence

from tests.campaigns.province.play import Part

PLACE = "province"
MOST_COMMANDS = (3, 2)
"""For a site, and for a device from its card to the end of the walk."""
MOST_MINUTES, MOST_EDITED = 10.0, 0
"""For each of the two."""
_HEAD = """\
| from nothing | commands | files edited by hand | minutes waited for |
| --- | --- | --- | --- |
"""


def table(parts: Sequence[Part]) -> str:
    """In Markdown, the site first, with its limits."""
    rows = []
    for number, part in enumerate(parts):
        most = [MOST_COMMANDS[number], MOST_EDITED, f"{MOST_MINUTES:.0f}"] if number < len(MOST_COMMANDS) else []
        limits = [f" (at most {each})" for each in most] or [""] * 3
        again = f", {part.again} of them typed again" if part.again else ""
        took = [f"{part.commands}{again}", str(part.edited), f"{part.seconds / 60:.1f}"]
        rows.append(f"| {part.what} | " + " | ".join(a + b for a, b in zip(took, limits, strict=True)) + " |")
    return _HEAD + "\n".join(rows)


def too_much(parts: Sequence[Part]) -> str:
    """What is over its limit, or nothing."""
    over = []
    for part, most in zip(parts, MOST_COMMANDS, strict=False):
        what = part.what.partition(":")[0].partition(",")[0]
        if part.commands > most:
            over.append(f"{part.commands} commands for {what}")
        if part.seconds / 60 > MOST_MINUTES:
            over.append(f"{part.seconds / 60:.1f} minutes for {what}")
    if any(part.edited > MOST_EDITED for part in parts):
        over.append("a file was edited by hand")
    return ", ".join(over)
