"""The serial number of a simulated board: what somebody has written into a file of its state directory."""

from pathlib import Path

FILE = "sim-board"


def simulated_serial(directory: Path) -> str | None:
    """Return the text of the file; None where it can't be read."""
    try:
        return (directory / FILE).read_text(encoding="ascii").strip().lower() or None
    except (OSError, UnicodeDecodeError):
        return None
