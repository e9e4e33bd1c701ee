"""An outbox for a test, and its clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.outbox.outbox import Outbox
from agent.sim.clock import SimClock
from tests.support.drafts import open_outbox


@pytest.fixture
def clock() -> SimClock:
    """It goes on when a test says so."""
    return SimClock()


@pytest.fixture
def outbox(tmp_path: Path, clock: SimClock) -> Iterator[Outbox]:
    """Open, in a directory of its own: `tmp_path / "store"`."""
    opened = open_outbox(tmp_path / "store", clock)
    yield opened
    opened.close()
