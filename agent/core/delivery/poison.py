"""Detects messages that make the broker drop the connection. Pure."""

from typing import NamedTuple

_LOSSES_TO_SUSPECT = 2
_STRIKES = 3
_LONGEST_REST_S = 60


class Suspicion(NamedTuple):
    """The evidence against one message. It stays with the message wherever that goes.

    An unreliable network produces suspects too. So a message gets no strikes until connections have died while it alone
    was under way; until then it is only sent alone.
    """

    losses: int = 0
    strikes: int = 0

    def lost(self, *, alone: bool) -> "Suspicion":
        """Return the evidence after a connection died with this message under way, and (`alone`) no other."""
        losses = self.losses + 1
        return Suspicion(losses, self.strikes + (alone and losses > _LOSSES_TO_SUSPECT))

    @property
    def goes_alone(self) -> bool:
        """Whether no other message may be under way at the same time."""
        return self.losses >= _LOSSES_TO_SUSPECT

    @property
    def quarantined(self) -> bool:
        """Whether it has ended so many connections by itself that it must no longer block other messages."""
        return self.strikes >= _STRIKES

    @property
    def rest_s(self) -> int:
        """How long a quarantined message lets others pass before it is tried again."""
        return min(_LONGEST_REST_S, 1 << min(self.strikes, 6))


CLEARED = Suspicion()
"""No evidence against a message."""
