"""What a build is doing, for whoever waits."""

import sys
import time


class Progress:
    """One line on standard error for each step, with the seconds since the build of this package began."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun_s = time.monotonic()

    def __call__(self, doing: str) -> None:
        """Say what comes next."""
        print(f"{self._name}  {time.monotonic() - self._begun_s:4.0f} s  {doing}", file=sys.stderr, flush=True)
