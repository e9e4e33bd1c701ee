"""Since when a connection to a broker stands, as far as silence goes."""

_STEADY_S = 180.0


class Standing:
    """One connection, or all of them. Whoever we could not hear has time to speak once it is back.

    But not for a short break soon after the last one: a connection that comes and goes all the time would hide every
    silence.
    """

    def __init__(self) -> None:
        self.since_s: float | None = None
        """None while it does not stand."""
        self._before: tuple[float, float] | None = None
        """From when until when it stood before."""

    def note(self, *, up: bool, now_s: float) -> None:
        """Note that it stands, or is lost; again does no harm."""
        if up and self.since_s is None:
            self.since_s = self._begun(now_s)
        elif not up and self.since_s is not None:
            self._before, self.since_s = (self.since_s, now_s), None

    def restart(self, now_s: float) -> None:
        """Count from now on, if it stands: until now it was we who did not listen."""
        if self.since_s is not None:
            self.since_s = now_s

    def _begun(self, now_s: float) -> float:
        if self._before is None:
            return now_s
        since_s, fell_s = self._before
        is_brief = fell_s - since_s < _STEADY_S and now_s - fell_s < _STEADY_S / 2
        return since_s if is_brief else now_s
