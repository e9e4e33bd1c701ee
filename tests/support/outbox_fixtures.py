"""An outbox for a test, and its clock."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.outbox.outbox import Outbox
from agent.outbox.store import MessageStore
from tests.support.drafts import open_outbox, write
from tests.support.sim_clock import SimClock

SOON = timedelta(seconds=1)
"""After this a disk that has failed once is tried again."""
OTHER_BOOT = "00000000-0000-4000-8000-000000000002"


def retry(outbox: Outbox, clock: SimClock) -> None:
    """The thread `store` comes by again, when a disk that has failed is due."""
    clock.advance(SOON)
    write(outbox)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The directory of an outbox."""
    return tmp_path / "store"


@pytest.fixture
def clock() -> SimClock:
    """It goes on when a test says so."""
    return SimClock()


@pytest.fixture
def message_store(store: Path) -> MessageStore:
    """The disk of the outbox."""
    return MessageStore(store)


@pytest.fixture
def outbox(store: Path, clock: SimClock, message_store: MessageStore) -> Iterator[Outbox]:
    """Open, in a directory of its own; a test may close it."""
    opened = open_outbox(store, clock, message_store)
    yield opened
    if message_store.is_open:
        opened.close()
