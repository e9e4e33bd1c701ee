"""The page with a scripted worker in place of brokers, deploy/control-room/dev, as a person sees and hears it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.wait import PATIENCE_S

ROOM = Path(__file__).parents[2] / "deploy" / "control-room"
Opener = Callable[..., Page]
expect.set_options(timeout=PATIENCE_S * 1000)


def begin(page: Page, role: str | None = "operator") -> None:
    """Log in, and begin the shift; `role` is that of a new key, None where there is a key."""
    page.get_by_label("Operator's login").fill("naledi")
    page.get_by_label("Your name").fill("Naledi")
    if role is not None:
        page.get_by_role("radio", name=role).check()
    page.get_by_role("button", name="Begin the shift").click()
    expect(page.get_by_text("Naledi watches")).to_be_visible()


def look_on(page: Page) -> None:
    page.get_by_label("Operator's login").fill("naledi")
    page.get_by_role("button", name="Only look on").click()


def go(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("button", name=re.compile(view, re.IGNORECASE)).click()
    page.mouse.move(1, 1)


def choose_list(page: Page, name: str) -> None:
    """One of the lists of events."""
    page.locator(".tabs").get_by_role("button", name=name).click()
    page.mouse.move(1, 1)


def happen(page: Page, what: str) -> None:
    page.evaluate("what => new BroadcastChannel('happen').postMessage(what)", what)


def places(page: Page) -> list[str]:
    return page.locator(".alarm-row .row-place").all_inner_texts()


def violations(page: Page) -> list[str]:
    page.locator("main").wait_for(timeout=PATIENCE_S * 1000)  # a page that is not there yet has every barrier
    page.evaluate((ROOM / "node_modules" / "axe-core" / "axe.min.js").read_text())
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]
