"""Which board the credentials of this device belong to: a copied card must not act as the original."""

import json
from collections.abc import Sequence
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


def copied(binding: Binding, serials: Sequence[str]) -> str | None:
    """Return what to say when the credentials are another board's than that with these serial numbers; else None, also
    when one of the two is not known."""
    if binding.board is None or not serials or binding.board in serials:
        return None
    return (
        f"this card is a copy of that of {binding.name} (board {binding.board}), and this is board {serials[0]}: "
        "`sudo edge-agent enrol` with a claim for a name of its own, or with one made by --replace for the other "
        "board's place"
    )


def renamed(binding: Binding, user: str) -> str | None:
    """Return what to say when the credentials are for another name than the settings' (`user`); else None."""
    if binding.name == user:
        return None
    return (
        f"the credentials are those of {binding.name}, and the agent's settings say {user} (an enrolment was cut off "
        "before it had written the settings, or the agent still runs with those of before): `sudo edge-agent enrol` "
        "with the same claim or invitation, then `sudo systemctl restart edge-agent`"
    )
