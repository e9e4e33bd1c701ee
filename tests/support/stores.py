"""The databases of an outbox, opened for a test to look into."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.core.errors import StorageError
from agent.outbox.database import Batch
from agent.outbox.store import MessageStore


@contextmanager
def opened(directory: Path, sync: Callable[[int], None] = os.fdatasync) -> Iterator[MessageStore]:
    """A message store that is open inside the block."""
    store = MessageStore(directory, sync)
    store.open()
    try:
        yield store
    finally:
        store.close()


class HangingStore(MessageStore):
    """Does not get on with a write until `goes_on` is set; `hangs` is set meanwhile."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.hangs, self.goes_on = threading.Event(), threading.Event()

    def write(self, batch: Batch) -> None:
        self.hangs.set()
        self.goes_on.wait(30)
        super().write(batch)


class DeadStore(MessageStore):
    """Does not open while `dead` is set."""

    dead = True

    def open(self, must_end: Callable[[], bool] = lambda: False) -> None:
        if self.dead:
            raise StorageError("the disk is dead")
        super().open(must_end)
