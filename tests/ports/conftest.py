"""What the suites here are run on: every kind of camera, and the real adapter with a real broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from agent.adapters.gpiozero_pins import open_pin_factory
from agent.ports import Camera
from tests.support.broker_events import broker, events
from tests.support.camera_rigs import RIGS, Rig, name_of
from tests.support.mosquitto import Mosquitto

__all__ = ["broker", "camera", "events", "factory", "mosquitto", "rig"]


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
def factory() -> Iterator[MockFactory]:
    factory = open_pin_factory({})
    yield factory
    factory.close()
