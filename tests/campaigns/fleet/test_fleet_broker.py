"""The agent's suite for the adapter of a broker, on the fleet's."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.ports import BrokerEvent, Connected, Line, OutgoingMessage
from tests.campaigns.fleet.broker import FleetBroker
from tests.campaigns.fleet.loop import Loop
from tests.ports.test_broker import *  # noqa: F403
from tests.support.broker_events import BrokerEvents, connected, events
from tests.support.mosquitto import Mosquitto

__all__ = ["broker", "events", "mosquitto"]
pytestmark = pytest.mark.campaign
del test_a_new_connect_ends_the_old_one_and_takes_over  # noqa: F821 - it counts threads


class Pumped:
    """A FleetBroker whose loop runs on a thread, for tests that wait."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._loop = Loop()
        self._broker = FleetBroker(self._loop, "kiosk-1", source="127.0.0.7", keepalive_s=5, connect_timeout_s=5)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pump")
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                self._loop.run_once(0.001)
                self._broker.tick()
            self._stop.wait(0.001)  # let the test have the lock

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._broker.disconnect()
        self._loop.close()

    def connect(
        self, url: str, will: OutgoingMessage, filters: list[str], on_event: Callable[[BrokerEvent], None], *_: Any
    ) -> None:
        with self._lock:
            self._broker.connect(url, will, filters, on_event)

    def publish(self, message: OutgoingMessage) -> int:
        with self._lock:
            return self._broker.publish(message)

    def offer(self, message: OutgoingMessage) -> bool:
        with self._lock:
            return self._broker.offer(message)

    def line(self) -> Line | None:
        with self._lock:
            return self._broker.line()

    def disconnect(self, timeout_s: float = 2.0, *, will: bool = False) -> None:
        with self._lock:
            self._broker.disconnect(timeout_s, will=will)

    def pulse(self) -> int | None:
        return self._broker.pulse()


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
    loop = Loop()
    device = FleetBroker(loop, "kiosk-1")
    with Mosquitto(tmp_path / "broker") as mosquitto:
        for _ in range(2):
            events = BrokerEvents()
            device.connect(mosquitto.url, OutgoingMessage("up/state", b"lost"), [], events)
            while not events.all():
                loop.run_once(1)
            silent = device.vanish()
            assert silent is not None
        assert "already connected" in mosquitto.log()
        assert mosquitto.log().count("Client kiosk-1 disconnected") == 0
    assert [type(each) for each in events.all()] == [Connected]
    loop.close()
