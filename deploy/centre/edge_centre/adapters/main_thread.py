"""Ctrl-C belongs to the main thread."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ctrl_c_kept() -> Iterator[None]:
    """Start threads in this block, so that they, and the threads that they start, never receive Ctrl-C.

    The kernel may give SIGINT to any thread that does not block it. Python handles it on the main thread, but does not
    wake that one while it reads its input or waits for a lock, so Ctrl-C would be lost.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
