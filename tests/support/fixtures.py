"""The fixtures that several folders of tests share; tests/conftest.py imports them."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.certificates import BrokerAuthorities
from tests.support.commissioning import Office
from tests.support.fake_registrar import FakeRegistrar
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


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """What a test opens, which is closed after it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def registrar(tmp_path: Path) -> Iterator[FakeRegistrar]:
    """A running registrar."""
    with FakeRegistrar(tmp_path / "registrar") as running:
        yield running


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """An authority of devices, with the key set of those who commission them."""
    return Office.create(tmp_path_factory.mktemp("office"))
