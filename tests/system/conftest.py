"""Two brokers, for the kiosks that have two paths."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mosquitto import Mosquitto


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "first") as broker:
        yield broker


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "second") as broker:
        yield broker
