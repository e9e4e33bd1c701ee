"""The agent's suite for the adapter of a broker, on the fleet's."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.ports import BrokerEvent, Connected, OutgoingMessage
from tests.campaigns.fleet.broker import FleetBroker
from tests.ports.test_broker import *  # noqa: F403
from tests.support.broker_events import BrokerEvents, connected, events
from tests.support.mosquitto import Mosquitto

__all__ = ["broker", "events", "mosquitto"]
pytestmark = pytest.mark.campaign
del test_a_new_connect_ends_the_old_one_and_takes_over  # noqa: F821 - it counts threads


class Pumped:
    """A FleetBroker whose loop runs on a thread, for tests that wait: every call is made there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._broker = FleetBroker("kiosk-1", source="127.0.0.7", keepalive_s=5, connect_timeout_s=5)
        self._thread = threading.Thread(target=self._loop.run_forever, name="pump")
        self._thread.start()

    def close(self) -> None:
        self.disconnect()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(self._broker, name)(*args, **kwargs)

        return lambda *args, **kwargs: asyncio.run_coroutine_threadsafe(call(*args, **kwargs), self._loop).result()


@pytest.fixture
def broker() -> Iterator[Pumped]:
    broker = Pumped()
    yield broker
    broker.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


def test_a_new_connect_takes_over_without_an_event_of_the_old_one(mosquitto: Mosquitto, broker: Pumped) -> None:
    events = connected(broker, mosquitto.url)
    newer = connected(broker, mosquitto.url)
    assert [type(each) for each in events.all()] == [Connected]
    assert [type(each) for each in newer.all()] == [Connected]


def test_a_vanished_device_is_known_to_the_broker_as_connected_until_it_is_back(tmp_path: Path) -> None:
    """As in a power cut, of which no packet tells."""
    device, silent = FleetBroker("kiosk-1"), []

    async def connect(url: str) -> list[BrokerEvent]:
        events = BrokerEvents()
        device.connect(url, OutgoingMessage("up/state", b"lost"), [], events)
        while not events.all():
            await asyncio.sleep(0.01)
        silent.append(device.vanish())
        return events.all()

    with Mosquitto(tmp_path / "broker") as running, asyncio.Runner() as runner:
        for _ in range(2):
            assert [type(each) for each in runner.run(connect(running.url))] == [Connected]
        assert "already connected" in running.log()
        assert running.log().count("Client kiosk-1 disconnected") == 0
