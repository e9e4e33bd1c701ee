"""Why a clip is kept, and an order to keep it longer. Pure, and small: it is loaded where nothing is recorded, too."""

from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class ClipCause:
    """An alarm, an event of a camera, or a command, which may name one of the others."""

    alarm_id: str | None = None
    event_id: str | None = None
    command_id: str | None = None
    more: dict[str, JsonValue] = field(default_factory=dict)
    """What else the manifest says."""

    def facts(self) -> dict[str, JsonValue]:
        """Return what the manifest says."""
        named = {"alarm": self.alarm_id, "event": self.event_id, "command": self.command_id}
        return {**{name: value for name, value in named.items() if value is not None}, **self.more}


class Hold(NamedTuple):
    """An order to keep a clip from being deleted, or to release it."""

    clip: str
    held: bool
    reason: str
    issuer: str
    command_id: str
