"""What the suites here are run on: every kind of camera, and the real adapter with a real broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.ports import Camera
from tests.support.broker_events import BrokerEvents, mqtt_threads
from tests.support.camera_rigs import RIGS, Rig, name_of
from tests.support.mosquitto import Mosquitto


@pytest.fixture(params=RIGS, ids=name_of)
def rig(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with request.param(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def camera(rig: Rig) -> Iterator[Camera]:
    camera = rig.make()
    yield camera
    camera.close()


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
