"""What several files of this folder want: an outbox and its clock, and what is built around one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.outbox.outbox import Outbox
from tests.support.camera_process import Rig
from tests.support.command_rig import CommandRig
from tests.support.device import Device
from tests.support.drafts import open_outbox
from tests.support.fake_ports import MemoryBroker
from tests.support.kiosk import Kiosk
from tests.support.outbox_fixtures import clock, message_store, outbox, store
from tests.support.self_test_bench import Bench
from tests.support.sim_clock import SimClock

__all__ = ["bench", "clock", "device", "handler", "kiosk", "make_device", "message_store", "outbox", "rig", "store"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Where a self-test can be made, with all that it looks at."""
    bench = Bench(tmp_path / "store")
    yield bench
    bench.worker.close()
    bench.outbox.close()


@pytest.fixture
def handler(outbox: Outbox, clock: SimClock) -> CommandRig:
    """A command handler that knows no key's counter yet."""
    return CommandRig(outbox, clock)


@pytest.fixture
def kiosk(outbox: Outbox, clock: SimClock) -> Kiosk:
    return Kiosk(outbox, clock)


@pytest.fixture
def make_device(tmp_path: Path) -> Iterator[Callable[..., Device]]:
    """A publisher with an outbox of its own, driven pass by pass; it takes the fields of `Device`."""
    clock = SimClock(boottime_ns=10**12)
    outbox = open_outbox(tmp_path / "store", clock)
    yield lambda **fields: Device(clock, outbox, MemoryBroker(), **fields)
    outbox.close()


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    """It has two brokers."""
    return make_device()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A link to a camera process whose program the test writes."""
    rig = Rig(tmp_path, SimClock())
    yield rig
    rig.made.close()
