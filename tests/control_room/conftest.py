"""What tests of the control room's page share."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import playwright.sync_api as playwright
import pytest

from tests.control_room.rig import AS_ROOT, BUTTONS, CHROMIUM, Browser, Rig
from tests.control_room.scripted import ROOM, Opener
from tests.support.agent_process import IN_EARNEST
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


@pytest.fixture(scope="package")
def driver() -> Iterator[playwright.Playwright]:
    """Starts browsers: it takes as long to start itself."""
    with playwright.sync_playwright() as started:
        yield started


@pytest.fixture
def browser(tmp_path: Path, authorities: BrokerAuthorities, driver: playwright.Playwright) -> Iterator[Browser]:
    """A browser that trusts the brokers' hosts. What its pages complain of fails the test that does not forgive it."""
    with Browser(tmp_path / "home", authorities.server.ca, driver=driver) as running:
        yield running
        assert running.complaints == []


@pytest.fixture(scope="session")
def site(built_page: Path) -> Iterator[str]:
    """Where the page and its scripted worker are served."""
    assert built_page.exists()
    node = shutil.which("node")
    assert node is not None
    with subprocess.Popen([node, ROOM / "dev" / "serve.mjs"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@pytest.fixture(scope="package")
def chromium(driver: playwright.Playwright) -> Iterator[playwright.Browser]:
    """One for all tests with pages that a script plays to: each has contexts of its own."""
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=AS_ROOT)
    yield browser
    browser.close()


@pytest.fixture
def opened(site: str, chromium: playwright.Browser) -> Iterator[Opener]:
    """Opens the page in a state of the scripted worker. What it complains of on its console fails the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(state: str, fragment: str = "", **options: Any) -> playwright.Page:
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{site}{state}/{fragment}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
