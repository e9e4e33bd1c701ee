"""Which board the credentials of this device belong to: a copied card must not act as the original."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Binding:
    """Whose the credentials are. `name` is `province/site/id`; `board` is a serial number in small letters, None where
    none could be read when they were issued."""

    name: str
    board: str | None


def parse_binding(text: str | bytes) -> Binding:
    """Return what `binding.json` says. Raises ValueError when it is not what was written."""
    match json.loads(text):
        case {"name": str(name), "board": (str() | None) as board}:
            return Binding(name, board.lower() if board else None)
        case _:
            raise ValueError("it names no device, or no board")


def copied(binding: Binding, serial: str | None) -> str | None:
    """Return what to say when the credentials are another board's than that with this serial number; else None, also
    when one of the two is not known."""
    if binding.board is None or serial is None or binding.board == serial:
        return None
    return (
        f"this card is a copy of that of {binding.name} (board {binding.board}), and this is board {serial}: "
        "`sudo edge-agent enrol` gives this board a name of its own, or binds it in its place"
    )
