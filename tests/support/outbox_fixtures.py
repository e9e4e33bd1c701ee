"""An outbox for a test, and its clock."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.outbox.outbox import Outbox
from agent.sim.clock import SimClock
from tests.support.drafts import open_outbox

SOON = timedelta(seconds=1)
OTHER_BOOT = "00000000-0000-4000-8000-000000000002"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The directory of an outbox."""
    return tmp_path / "store"


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
