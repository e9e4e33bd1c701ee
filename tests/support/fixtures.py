"""The fixtures of tests that need a broker; tests/conftest.py imports them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker that takes anybody, without TLS."""
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> BrokerAuthorities:
    """Authorities for the broker, the devices and the command centres."""
    return BrokerAuthorities.create(tmp_path_factory.mktemp("authorities"))


@pytest.fixture
def tls_broker(tmp_path: Path, authorities: BrokerAuthorities) -> Iterator[Mosquitto]:
    """A running broker with deploy's own configuration: TLS, client certificates, access lists."""
    with Mosquitto(tmp_path / "broker", authorities=authorities) as running:
        yield running
