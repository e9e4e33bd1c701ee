"""How the registrar speaks of boards, devices and times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from edge_centre.registrar.refusal import Refusal
from edge_centre.registrar.store import Issued

ANEW = "ask the office for a claim for this device."
_ZONE = ZoneInfo("Africa/Johannesburg")


def moment(seconds: float) -> datetime:
    """Return a time that is given in seconds since 1970. Unlike `fromtimestamp` it takes any."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def spoken(seconds: float) -> str:
    """Return a time as a person in the province reads it."""
    return f"{moment(seconds).astimezone(_ZONE):%Y-%m-%d %H:%M}"


def board_text(board: str | None) -> str:
    """Return what to call a board."""
    return f"board {board}" if board else "a board without a serial"


def place_text(text: str) -> str | None:
    """Return a place as a person has told it; None if nothing was told. Raises Refusal."""
    place = text.strip()
    if len(place) > 120 or not place.isprintable():
        raise Refusal("A place has one line of at most 120 letters: try again with a shorter one.", 400)
    return place or None


def lives_text(issued: Issued) -> str:
    """Return where the holder of this certificate lives."""
    return f"{issued.name} lives on {board_text(issued.board)} since {spoken(issued.issued_at)}"
