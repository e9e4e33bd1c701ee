"""The line to the hand in the machine: a JSON object a line goes there, and one comes back for each."""

import itertools
import json
import os
import select
import time
from typing import IO, Any


class SilentError(Exception):
    """No answer in time."""


class Line:
    """Each request has a number, which its answer has too: one that comes too late is not taken for the next one's."""

    def __init__(self, there: IO[bytes], back: IO[bytes]) -> None:
        self._there = there
        self._back = back.fileno()
        self._pending = b""
        self._numbers = itertools.count(1)

    def ask(self, timeout_s: float, request: dict[str, Any]) -> dict[str, Any]:
        """Its answer. Raises SilentError, EOFError when the other end has gone, or OSError."""
        number = next(self._numbers)
        deadline_s = time.monotonic() + timeout_s
        self._there.write(json.dumps({**request, "number": number}).encode() + b"\n")
        self._there.flush()
        while (reply := self._next(deadline_s)).pop("number", None) != number:
            pass
        return reply

    def hear(self, timeout_s: float) -> dict[str, Any]:
        """What comes unasked. Raises as `ask`."""
        return self._next(time.monotonic() + timeout_s)

    def _next(self, deadline_s: float) -> dict[str, Any]:
        while b"\n" not in self._pending:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([self._back], [], [], left_s)[0]:
                raise SilentError
            piece = os.read(self._back, 1 << 16)
            if not piece:
                raise EOFError
            self._pending += piece
        line, _, self._pending = self._pending.partition(b"\n")
        reply: dict[str, Any] = json.loads(line)
        return reply
