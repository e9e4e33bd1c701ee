"""A standard error that no thread waits for: a full pipe that nobody reads must not hold up the agent."""

import contextlib
import io
import os
import queue
import select
import threading
import time

MOST_LINES = 2_000
"""How many writes may wait; what comes in then is dropped and counted."""
FLUSH_S = 1.0
_STOP_S = 0.1
"""Short, as no button is heard while a stopping process waits for the reader of its log."""
_POLL_S = 0.01


class LogStream(io.TextIOBase):
    """A text stream whose thread `log` writes to a file descriptor. `write` from any thread, and it never blocks.

    It replaces `sys.stderr`, so that a traceback goes the same way as a line of the log.
    """

    def __init__(self, descriptor: int, most_lines: int = MOST_LINES) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._most_lines = most_lines
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.RLock()  # the garbage collector may run in here, and what it collects may log as well
        self._accepted = self._written = self._dropped = 0
        self._given_up_at = -1
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, as `flush` does but more briefly, and end the thread if nothing holds it up."""
        self._flush(_STOP_S)
        self._waiting.put(None)
        if self.is_idle:
            self._thread.join(_STOP_S)

    def write(self, text: str) -> int:
        """Queue the text to be written, or count it as dropped."""
        with self._lock:
            if self._accepted - self._written >= self._most_lines:
                self._dropped += 1
            else:
                self._accepted += 1
                self._waiting.put(text)
        return len(text)

    def writable(self) -> bool:
        """Return true."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor that it writes to."""
        return self._descriptor

    @property
    def is_idle(self) -> bool:
        """Whether everything that was queued is written."""
        return self._written == self._accepted

    def flush(self) -> None:
        """Wait until everything that was queued is written, at most a second, and not again while nothing is read."""
        self._flush(FLUSH_S)

    def _flush(self, patience_s: float) -> None:
        until_s = time.monotonic() + patience_s
        while not self.is_idle and self._written != self._given_up_at:
            if time.monotonic() > until_s:
                self._given_up_at = self._written
            time.sleep(_POLL_S)

    def _run(self) -> None:
        while (text := self._waiting.get()) is not None:
            self._to_descriptor(text)
            with self._lock:
                self._written += 1
                dropped = self._dropped if self._written == self._accepted else 0
                self._dropped -= dropped
            if dropped:
                self._to_descriptor(f"WARNING log: {dropped} lines were dropped, since nobody read them\n")

    def _to_descriptor(self, text: str) -> None:
        """Write all of it, however long that takes. If the reader has gone, it is lost."""
        rest = text.encode("utf-8", "backslashreplace")
        with contextlib.suppress(OSError):
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:
                    select.select([], [self._descriptor], [])
