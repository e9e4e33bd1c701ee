"""The stages in the life of an alarm, in order."""

from enum import StrEnum


class Stage(StrEnum):
    """Where an alarm stands; only later stages follow earlier ones."""

    IDLE = "idle"
    RAISED = "raised"
    SENT = "sent"
    REGISTERED = "registered"
    DISPATCHED = "dispatched"
    CLOSED = "closed"

    def rank(self) -> int:
        """Position in the life of an alarm, 0 for idle."""
        return _ORDER.index(self)


_ORDER = tuple(Stage)
