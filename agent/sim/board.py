"""The serial numbers of a simulated board: what somebody has written into a file of its state directory."""

from pathlib import Path

FILE = "sim-board"


def simulated_serials(directory: Path) -> tuple[str, ...]:
    """Return the words of the file; none where it can't be read."""
    try:
        return tuple((directory / FILE).read_text(encoding="ascii").lower().split())
    except (OSError, UnicodeDecodeError):
        return ()
