"""Waits for what may hang, such as a disk, but not for ever."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from agent.core.errors import StorageError

PATIENCE_S = 2.0
"""How long a start, a change or a connection waits for the disk."""

T = TypeVar("T")


class Aside(Generic[T]):
    """One call on a daemon thread of its own, which goes on if nobody waits for it any longer.

    Raises RuntimeError when there can be no further thread.
    """

    def __init__(self, call: Callable[[], T], name: str) -> None:
        self._call = call
        self._done: list[T] = []
        self._failed: list[BaseException] = []
        self._ended = threading.Event()  # its thread may be said to live for a moment longer
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; return whether the call has ended."""
        return self._ended.wait(seconds)

    def result(self) -> T:
        """Return what the call has returned, or raise what it has raised; only once it has ended."""
        if self._failed:
            raise self._failed[0]
        return self._done[0]

    def _run(self) -> None:
        try:
            self._done.append(self._call())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self._failed.append(error)
        finally:
            self._ended.set()


def in_time(call: Callable[[], T]) -> T:
    """Call a function that uses the disk, and wait for it no longer than `PATIENCE_S`.

    Raises what it raises, and StorageError when the disk does not answer; then the call goes on, on its own thread."""
    return InTime()(call)


class InTime:
    """Does the same for one function after the other: while one still waits for the disk, no other begins, so that a
    disk that hangs for a day costs one thread. One thread calls it."""

    def __init__(self) -> None:
        self._latest: Aside[Any] | None = None

    def __call__(self, call: Callable[[], T]) -> T:
        """Call it as `in_time` does; raises StorageError at once while an earlier call still waits."""
        if self._latest is not None and not self._latest.wait(0):
            raise StorageError("the disk still does not answer")
        try:
            aside = Aside(call, "disk")
        except RuntimeError as error:
            raise StorageError(f"the disk can't be waited for: {error}") from error
        self._latest = aside
        if not aside.wait(PATIENCE_S):
            raise StorageError("the disk does not answer")
        return aside.result()
