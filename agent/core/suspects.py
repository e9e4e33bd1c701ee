"""Messages during which connections died: one of them may be what the broker hangs up on. Pure."""

_LOSSES_TO_SUSPECT = 2
_STRIKES = 3
_LONGEST_REST_S = 60


class Suspects:
    """What was in flight when the broker ended a connection, by the message's place. One thread at a time.

    A network that comes and goes makes suspects too. So nothing is held against a message until connections have
    died while it alone was under way; till then it only goes alone.
    """

    def __init__(self) -> None:
        self._losses: dict[int, int] = {}
        self._strikes: dict[int, int] = {}

    def lost(self, in_flight: list[int]) -> None:
        """A connection died with these under way."""
        for place in in_flight:
            self._losses[place] = self._losses.get(place, 0) + 1
        if len(in_flight) == 1 and self._losses[in_flight[0]] > _LOSSES_TO_SUSPECT:
            self._strikes[in_flight[0]] = self._strikes.get(in_flight[0], 0) + 1

    def settled(self, place: int) -> None:
        """The broker has answered for it, or it was given up."""
        self._losses.pop(place, None)
        self._strikes.pop(place, None)

    def goes_alone(self, place: int) -> bool:
        """Nothing else may be under way with it."""
        return self._losses.get(place, 0) >= _LOSSES_TO_SUSPECT

    def convicted(self, place: int) -> bool:
        """It has ended so many connections by itself that it must not stand in front of others any more."""
        return self._strikes.get(place, 0) >= _STRIKES

    def rest_s(self, place: int) -> int:
        """How long one that is convicted lets others pass before it is tried again."""
        return min(_LONGEST_REST_S, 1 << min(self._strikes.get(place, 0), 6))
