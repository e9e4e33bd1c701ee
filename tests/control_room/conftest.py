"""What tests of the control room's page share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control_room.rig import BUTTONS, IN_EARNEST, Browser, Rig
from tests.support.certificates import BrokerAuthorities
from tests.support.once import once
from tests.support.run import ran

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the built page; `make control-room` builds it only where something has changed."""

    def build(_: Path) -> None:
        done = ran("make", "-s", "control-room", f"VENV={sys.prefix}", cwd=_ROOT, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr

    once(tmp_path_factory, "control-room", build)
    return _ROOT / "deploy" / "control-room" / "dist"


@pytest.fixture
def rig(tmp_path: Path, authorities: BrokerAuthorities, built_page: Path) -> Iterator[Rig]:
    """One broker, its nginx, and a device. What a page did that its content policy forbids fails the test."""
    with Rig(tmp_path / "rig", authorities, built_page) as running:
        yield running
        assert [violation for site in running.sites for violation in site.violations()] == []


@pytest.fixture
def earnest(tmp_path: Path, authorities: BrokerAuthorities, built_page: Path) -> Iterator[Rig]:
    """The first again, with a kiosk of ten buttons for whose presses people are called."""
    with Rig(tmp_path / "rig", authorities, built_page, program=IN_EARNEST, kiosk={"buttons": BUTTONS}) as running:
        yield running
        assert [violation for site in running.sites for violation in site.violations()] == []


@pytest.fixture
def two_hosts(tmp_path: Path, authorities: BrokerAuthorities, built_page: Path) -> Iterator[Rig]:
    """The same with two brokers, and an nginx on the host of each."""
    with Rig(tmp_path / "rig", authorities, built_page, hosts=2) as running:
        yield running
        assert [violation for site in running.sites for violation in site.violations()] == []


@pytest.fixture
def browser(tmp_path: Path, authorities: BrokerAuthorities) -> Iterator[Browser]:
    """A browser that trusts the brokers' hosts. What its pages complain of fails the test that does not forgive it."""
    with Browser(tmp_path / "home", authorities.server.ca) as running:
        yield running
        assert running.complaints == []
