"""One broker after the other, and what its cell in the table says."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest

from tests.campaigns.brokers.capabilities import Cell
from tests.campaigns.brokers.sites import KINDS, Site
from tests.support.wait import wait_for


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Instead of what holds elsewhere: a broker outlives its test, and is another process after a restart."""
    threads = set(threading.enumerate())
    yield

    def left() -> list[str]:
        agents = [child for child in psutil.Process().children() if child.name().startswith("python")]
        return [*map(str, agents), *(each.name for each in threading.enumerate() if each not in threads)]

    wait_for(lambda: not left(), 10, "no agent and no thread left behind")


@pytest.fixture(scope="session", params=KINDS)
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    kind = KINDS[request.param]
    if why := kind.missing():
        pytest.skip(why)
    with ExitStack() as stack:
        site = kind.start(stack, tmp_path_factory.mktemp(request.param))
        site.kind = request.param
        yield site


@pytest.fixture
def site(standing: Site) -> Site:
    """A broker whose nodes all run, and which remembers no kiosk."""
    standing.revive()
    standing.forget()
    return standing


@pytest.fixture
def cell(request: pytest.FixtureRequest, standing: Site, record_property: Callable[[str, object], None]) -> Cell:
    """This test's place in the table."""
    record_property("version", standing.version)
    name = request.function.__name__.removeprefix("test_")
    return Cell(name, standing.kind, lambda text: record_property("said", text))
