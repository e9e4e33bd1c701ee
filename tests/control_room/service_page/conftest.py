"""What tests of the service page share: a scripted device, and a phone of 390 by 844 pixels that is touched."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import playwright.sync_api as playwright
import pytest

from agent.trust.jose_keys import PrivateKey
from tests.control_room.service_page.scripted import CODE, Device, key_ring
from tests.support.once import once
from tests.support.run import ran
from tests.support.wait import PATIENCE_S

playwright.expect.set_options(timeout=PATIENCE_S * 1000)
_ROOT = Path(__file__).parents[3]
PAGE_SOURCE = _ROOT / "agent" / "service_page" / "src"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}


@pytest.fixture(scope="session")
def built_service_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the built page."""

    def build(_: Path) -> None:
        done = ran("make", "-s", "service-page", f"VENV={sys.prefix}", cwd=_ROOT, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr

    once(tmp_path_factory, "service-page", build)
    return _ROOT / "agent" / "service_page" / "static"


@pytest.fixture
def technician(tmp_path: Path) -> PrivateKey:
    return PrivateKey.generate("technician", "sipho")


@pytest.fixture
def device(built_service_page: Path, technician: PrivateKey, tmp_path: Path) -> Iterator[Device]:
    running = Device(built_service_page, key_ring(tmp_path, technician))
    yield running
    running.close()


SETTLED_MS = 600
"""For so long a view that has changed takes no tap, and a little longer."""


class Phone:
    """The technician's phone. `complaints` are errors of the page; that a device does not answer is none."""

    def __init__(self, page: playwright.Page, url: str, key: Path) -> None:
        self.page = page
        self.url = url
        self.key = key
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self) -> None:
        self.page.goto(self.url)

    def type_code(self, code: str = CODE) -> None:
        for digit in code:
            self.page.get_by_role("button", name=digit, exact=True).tap()
        self.page.get_by_role("button", name="Open").tap()

    def give_key(self, said: str = "Key of sipho, technician") -> None:
        self.page.get_by_label("Choose your key file").set_input_files(self.key)
        playwright.expect(self.page.get_by_text(said)).to_be_visible()

    def enter(self, code: str = CODE, said: str = "Key of sipho, technician") -> None:
        """Come as far as the walk."""
        self.open()
        self.type_code(code)
        playwright.expect(self.page.locator(".label")).to_be_visible()
        self.give_key(said)
        self.tap("It is this device: go on")

    def tap(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).tap()

    def answer(self, name: str, until: playwright.Locator) -> None:
        """Tap until this is seen, as a person would: a tap on a view that has just changed counts for nothing."""
        for _ in range(10):
            self.page.wait_for_timeout(SETTLED_MS)
            self.tap(name)
            try:
                playwright.expect(until).to_be_visible(timeout=3000)
            except AssertionError:
                continue
            return
        playwright.expect(until).to_be_visible()

    def go(self, tab: str) -> None:
        self.page.get_by_role("navigation").get_by_role("button", name=tab).tap()

    def _note(self, message: playwright.ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


class ScriptedPhone(Phone):
    """A phone in front of a scripted device."""

    def __init__(self, page: playwright.Page, device: Device, key: Path) -> None:
        super().__init__(page, device.url, key)
        self.device = device


@pytest.fixture
def phone(
    chromium: playwright.Browser, device: Device, technician: PrivateKey, tmp_path: Path
) -> Iterator[ScriptedPhone]:
    key = tmp_path / f"{technician.kid}.key.json"
    key.write_text(json.dumps(technician.as_jwk()))
    context = chromium.new_context(**PHONE)
    mine = ScriptedPhone(context.new_page(), device, key)
    yield mine
    context.close()
    assert mine.complaints == []
