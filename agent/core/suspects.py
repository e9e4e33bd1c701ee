"""Messages during which connections died: one of them may be what the broker hangs up on. Pure."""

_LOSSES_TO_SUSPECT = 2
_STRIKES = 3
_LONGEST_REST_S = 60


class Suspicion:
    """What is held against one message. It goes where the message goes. One thread at a time.

    A network that comes and goes makes suspects too. So nothing is held against a message until connections have
    died while it alone was under way; till then it only goes alone.
    """

    __slots__ = ("_losses", "_strikes")

    def __init__(self) -> None:
        self._losses = self._strikes = 0

    def lost(self, *, alone: bool) -> None:
        """A connection died with it under way; `alone`: and with no other message."""
        self._losses += 1
        self._strikes += alone and self._losses > _LOSSES_TO_SUSPECT

    @property
    def goes_alone(self) -> bool:
        """Nothing else may be under way with it."""
        return self._losses >= _LOSSES_TO_SUSPECT

    @property
    def convicted(self) -> bool:
        """It has ended so many connections by itself that it must not stand in front of others any more."""
        return self._strikes >= _STRIKES

    @property
    def rest_s(self) -> int:
        """How long one that is convicted lets others pass before it is tried again."""
        return min(_LONGEST_REST_S, 1 << min(self._strikes, 6))
