"""Waits for a disk, but not for ever."""

import threading
from collections.abc import Callable
from typing import TypeVar

from agent.core.errors import StorageError

PATIENCE_S = 2.0
"""How long a start, a change or a connection waits for the disk."""

T = TypeVar("T")


def in_time(call: Callable[[], T]) -> T:
    """Call a function that uses the disk, and wait for it no longer than `PATIENCE_S`.

    Raises what it raises, and StorageError when the disk does not answer; then the call goes on, on its own thread."""
    return InTime()(call)


class InTime:
    """Does the same for one function after the other: while one still waits for the disk, no other begins, so that a
    disk that hangs for a day costs one thread. One thread calls it."""

    def __init__(self) -> None:
        self._ended = threading.Event()  # Of the latest call. Its thread may be said to live for a moment longer
        self._ended.set()

    def __call__(self, call: Callable[[], T]) -> T:
        """Call it as `in_time` does; raises StorageError at once while an earlier call still waits."""
        if not self._ended.is_set():
            raise StorageError("the disk still does not answer")
        done: list[T] = []
        failed: list[BaseException] = []
        ended = threading.Event()

        def run() -> None:
            try:
                done.append(call())
            except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
                failed.append(error)
            finally:
                ended.set()

        thread = threading.Thread(target=run, name="disk", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise StorageError(f"the disk can't be waited for: {error}") from error
        self._ended = ended
        ended.wait(PATIENCE_S)
        if failed:
            raise failed[0]
        if not done:
            raise StorageError("the disk does not answer")
        return done[0]
