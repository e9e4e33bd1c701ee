"""A real broker, and the adapter that every suite here is run on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.adapters.paho_broker import PahoBroker
from tests.support.broker_events import BrokerEvents, mqtt_threads
from tests.support.mosquitto import Mosquitto


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def events() -> BrokerEvents:
    return BrokerEvents()


@pytest.fixture
def broker() -> Iterator[PahoBroker]:
    broker = PahoBroker("kiosk-1", keepalive_s=5, connect_timeout_s=5)
    yield broker
    broker.disconnect()
    assert not mqtt_threads()
