"""What an operator does on the page, by what is written on it. Nothing is added to the page, unlike in
tests.control_room.person, which costs time where there are thousands of rows. Nor does the waiting cost the page any:
each time that playwright's `expect` is not met yet, it takes a snapshot of the whole page, some 500 ms with as many."""

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
    await_text(page, ".watch", f"{by} watches")


def go(page: Page, view: str) -> None:
    """Show a view, with neither pointer nor focus in a list."""
    page.keyboard.press("Escape")
    page.locator("nav").get_by_role("button", name=view.capitalize()).click()
    page.mouse.move(1, 1)


def await_text(page: Page, selector: str, text: str) -> None:
    """Wait until the first element of this selector has this in it."""
    has = "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)"
    page.wait_for_function(has, arg=[selector, text], timeout=PATIENCE_MS)
