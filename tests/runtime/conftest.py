"""What several files of this folder want: an outbox and its clock, and a bench for self-tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.runtime.outbox import Outbox
from agent.sim.clock import SimClock
from tests.support.drafts import open_outbox
from tests.support.self_test_bench import Bench


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


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Where a self-test can be made, with all that it looks at."""
    bench = Bench(tmp_path / "store")
    yield bench
    bench.worker.close()
    bench.outbox.close()
