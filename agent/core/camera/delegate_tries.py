"""When a camera goes on without its accelerator because that keeps failing, and when it is tried again. Pure."""

_TRIES = 3
_BLIND_NS = 15 * 60 * 10**9
"""Without a result for this long, one failure is enough: the upload of a network alone may hang for ten minutes."""
_STEADY_NS = 5 * 60 * 10**9
"""An accelerator that has given results for this long works: what fails afterwards is counted from the beginning."""
_REST_NS = 24 * 3600 * 10**9


class DelegateTries:
    """Counts how often in a row a camera process has ended because of its accelerator. Times are boot time. One thread.

    An accelerator that loads and then never answers would otherwise have its process restarted for ever, and a camera
    that sees nobody is worse than a slow one.
    """

    def __init__(self) -> None:
        self.given_up = ""
        """Why the processor runs the model instead; empty while the accelerator may."""
        self.failures = 0
        """In a row, up to now."""
        self._rest_until_ns = 0
        self._blind_since_ns: int | None = None
        self._runs_since_ns: int | None = None

    def began(self, now_ns: int) -> None:
        """A process has been started."""
        self._runs_since_ns = None
        if self._blind_since_ns is None:
            self._blind_since_ns = now_ns

    def ran(self, now_ns: int) -> bool:
        """The accelerator has given a result; return whether that is the first one after failures."""
        is_first = self._runs_since_ns is None
        if is_first:
            self._runs_since_ns = now_ns
        return is_first and self.failures > 0

    def failed(self, now_ns: int, why: str) -> None:
        """The process has ended because of the accelerator."""
        if self.given_up:
            return
        if self._runs_since_ns is not None and now_ns - self._runs_since_ns >= _STEADY_NS:
            self.failures, self._blind_since_ns = 0, now_ns
        self.failures += 1
        blind_ns = 0 if self._blind_since_ns is None else now_ns - self._blind_since_ns
        if self.failures >= _TRIES or blind_ns >= _BLIND_NS:
            times = "once" if self.failures == 1 else f"{self.failures} times in a row"
            self.given_up = f"{why}; so it was {times}, and it is tried again after a day or a restart of the agent"
            self._rest_until_ns = now_ns + _REST_NS

    def is_due(self, now_ns: int) -> bool:
        """Return whether it has rested long enough to be tried again."""
        return bool(self.given_up) and now_ns >= self._rest_until_ns

    def retry(self) -> None:
        """Let the next process try it: once, as one more failure is enough then."""
        self.given_up, self.failures, self._blind_since_ns = "", _TRIES - 1, None
