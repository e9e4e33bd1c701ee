"""What an operator does on the page, by what is written on it. Nothing is added to the page, unlike in
tests.control_room.person, which costs time where there are thousands of rows."""

from playwright.sync_api import Page, expect

from tests.control_room.rig import OPERATOR, PASSWORD
from tests.support.wait import PATIENCE_S

PATIENCE_MS = PATIENCE_S * 1000
expect.set_options(timeout=PATIENCE_MS)


def begin(page: Page, *, login: str = OPERATOR, by: str = "Thandi") -> None:
    """Log in, and begin the shift."""
    page.get_by_label("Operator's login").fill(login)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Your name").fill(by)
    page.get_by_role("button", name="Begin the shift").first.click()
    expect(page.get_by_text(f"{by} watches")).to_be_visible()


def go(page: Page, view: str) -> None:
    """Show a view, with neither pointer nor focus in a list."""
    page.keyboard.press("Escape")
    page.get_by_role("navigation").get_by_role("button", name=view.capitalize()).click()
    page.mouse.move(1, 1)
