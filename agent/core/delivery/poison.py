"""Messages during which connections died: one of them may be what the broker hangs up on. Pure."""

from typing import NamedTuple

_LOSSES_TO_SUSPECT = 2
_STRIKES = 3
_LONGEST_REST_S = 60


class Suspicion(NamedTuple):
    """What is held against one message. It goes where the message goes.

    A network that comes and goes makes suspects too. So nothing is held against a message until connections have
    died while it alone was under way; till then it only goes alone.
    """

    losses: int = 0
    strikes: int = 0

    def lost(self, *, alone: bool) -> "Suspicion":
        """A connection died with it under way; `alone`: and with no other message."""
        losses = self.losses + 1
        return Suspicion(losses, self.strikes + (alone and losses > _LOSSES_TO_SUSPECT))

    @property
    def goes_alone(self) -> bool:
        """Nothing else may be under way with it."""
        return self.losses >= _LOSSES_TO_SUSPECT

    @property
    def quarantined(self) -> bool:
        """It has ended so many connections by itself that it must not stand in front of others any more."""
        return self.strikes >= _STRIKES

    @property
    def rest_s(self) -> int:
        """How long one that is convicted lets others pass before it is tried again."""
        return min(_LONGEST_REST_S, 1 << min(self.strikes, 6))


CLEARED = Suspicion()
"""Nothing is held against a message."""
