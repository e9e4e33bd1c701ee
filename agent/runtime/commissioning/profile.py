"""Which profile a device has: the one for its board among those whose files of the kind of device are its own."""

import filecmp
from pathlib import Path

_SETTINGS = Path("/etc/edge-agent/edge-agent.d")
_PROFILES = Path("/usr/share/edge-agent/profiles")
_KIND = "[1-4]*.toml"
"""The files that say what kind of device it is; the others are the site's, and its own."""


def profile_of(board: str, settings: Path = _SETTINGS, profiles: Path = _PROFILES) -> tuple[str, Path | None]:
    """Return the name of the profile for this board, and its wiring drawing. Empty where there is none. Raises OSError.

    `board` is what the board's firmware calls it.
    """
    for drawing in sorted(profiles.glob("*/wiring.svg")):
        name, theirs = drawing.parent.name, drawing.parent / "edge-agent.d"
        kind = [path.name for path in theirs.glob(_KIND)]
        _, others, missing = filecmp.cmpfiles(theirs, settings, kind, shallow=False)
        is_same = not others and not missing and {path.name for path in settings.glob(_KIND)} == {*kind}
        if is_same and name.rpartition("-")[2] in board.lower().replace(" ", ""):
            return name, drawing
    return "", None
