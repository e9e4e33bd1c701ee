"""Somebody who has never seen the page answers a first alarm by what is written on it: no documentation, no keys."""

import re
import time

from playwright.sync_api import Locator, Page, expect

from tests.control_room.rig import NAMES, OPERATOR, PASSWORD, Browser, Rig, key_fragment

CLICKS = 6


class Newcomer:
    """Sees what is on the screen, and clicks on it. Who has only that can't scroll to what they don't know of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0
        self.steps: list[str] = []
        self._began_s = time.monotonic()

    def reads(self, words: str) -> None:
        """These words are on the screen."""
        expect(self.page.get_by_text(re.compile(words)).first).to_be_in_viewport()

    def clicks_on(self, words: str) -> None:
        """Click the one thing that is called so and is on the screen."""
        thing: Locator = self.page.get_by_role("button", name=re.compile(words)).first
        expect(thing).to_be_in_viewport(ratio=1)
        thing.click()
        self.clicks += 1
        self.steps.append(f"{time.monotonic() - self._began_s:.1f} s: {words}")

    def fills(self, label: str, text: str) -> None:
        field = self.page.get_by_label(label)
        expect(field).to_be_in_viewport(ratio=1)
        field.fill(text)


def test_a_newcomer_answers_a_first_alarm_by_the_page_alone(earnest: Rig, browser: Browser) -> None:
    page = browser.open(earnest.url + key_fragment(earnest.key), viewport={"width": 1280, "height": 720})
    newcomer = Newcomer(page)
    newcomer.reads("Looking on only, no sound")
    newcomer.fills("Operator's login", OPERATOR)
    newcomer.fills("Password", PASSWORD)
    newcomer.fills("Your name", "Thandi")
    newcomer.clicks_on("^Begin the shift")
    newcomer.reads("Thandi watches")
    earnest.agent.press(NAMES[0])
    newcomer.reads("1 alarm that nobody has")
    newcomer.clicks_on("Alt.1")  # the alarm in the banner
    newcomer.clicks_on("^Take it")
    newcomer.reads("You have it: the kiosk says so")
    earnest.agent.wait_for_outputs(green="on")
    newcomer.clicks_on("^Send somebody")
    page.get_by_text("car 7", exact=True).click()
    newcomer.clicks += 1
    newcomer.clicks_on("^Send car 7")
    newcomer.reads("car 7 sent")
    newcomer.reads("Somebody has it|Green: somebody has it")
    print(newcomer.clicks, *newcomer.steps, sep="\n")
    assert newcomer.clicks <= CLICKS
