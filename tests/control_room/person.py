"""An operator at a page of the control room, and what a recorder in that page has noted."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from agent.trust.jose_keys import PrivateKey
from tests.control_room.rig import PASSWORD, Browser, key_fragment
from tests.support.wait import PATIENCE_S, wait_for

VIEWS = ("alarms", "map", "devices", "events", "shift")
RECORDER = """
{
  const noted = (window.noted = {
    painted: {}, stood: {}, grey: [], sound: [], watch: [], banner: [], contexts: 0, sounds: [],
  });
  const note = (list, value) => list.at(-1)?.value === value || list.push({ value, atMs: Date.now() });
  const Context = window.AudioContext;
  window.AudioContext = class extends Context {
    constructor(...rest) {
      super(...rest);
      noted.contexts++;
      noted.audio = this;
    }
  };
  for (const kind of [AudioBufferSourceNode, OscillatorNode, ConstantSourceNode]) {
    const start = kind.prototype.start;
    kind.prototype.start = function (...rest) {
      noted.sounds.push({ kind: kind.name, loops: this.loop, state: this.context.state });
      return start.apply(this, rest);
    };
  }
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function (...rest) {
    noted.sounds.push({ kind: "media" });
    return play.apply(this, rest);
  };
  // A task that begins after a frame's callbacks runs when that frame has been painted.
  const afterPaint = (what) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); what(); };
    port2.postMessage(0);
  });
  const waiting = new Set();
  new MutationObserver(() => {
    for (const row of document.querySelectorAll(".alarm-row")) {
      const { id } = row.dataset;
      note((noted.stood[id] ??= []), row.querySelector(".row-standing")?.textContent);
      if (waiting.has(id)) continue;
      waiting.add(id);
      afterPaint(() => (noted.painted[id] = Date.now()));
    }
    const { documentElement } = document;
    note(noted.grey, documentElement?.hasAttribute("data-grey") ?? false);
    note(noted.sound, documentElement?.dataset.sound ?? "off");
    note(noted.banner, document.querySelector(".grey-banner strong")?.textContent ?? "");
    note(noted.watch, document.querySelector(".watch")?.textContent ?? "");
  }).observe(document, {
    subtree: true, childList: true, characterData: true,
    attributes: true, attributeFilter: ["data-grey", "data-sound", "data-id"],
  });
}
"""
_ROWS = """
Object.fromEntries([...document.querySelectorAll(".alarm-row:not(.is-closed)")].map(
  row => [row.dataset.id, row.querySelector(".row-standing").textContent]))
"""


class Person:
    """One page, with a browser of its own or as a further tab `beside` somebody's.

    What is read from the page is read without a user's gesture: playwright's own `evaluate` and locators count as one
    for the browser, and would unlock the sound before any click.
    """

    def __init__(
        self, browser: Browser, url: str, login: str, key: PrivateKey | None, *, beside: "Person | None" = None
    ) -> None:
        self.login = login
        self.name = login.capitalize()
        self._fragment = "" if key is None else key_fragment(key)
        where = None if beside is None else beside.page
        self.page: Page = browser.open(url + self._fragment, beside=where, script=RECORDER)
        self.cdp = self.page.context.new_cdp_session(self.page)

    def read(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.cdp.send("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def await_true(self, expression: str, what: str = "", timeout_s: float = PATIENCE_S) -> None:
        """Wait until this is so in the page."""
        wait_for(lambda: self.read(expression), timeout_s, f"{self.name}'s page: {what or expression}")

    def text(self, selector: str) -> str:
        """All the text there; empty where there is no such element."""
        found = self.read(f"[...document.querySelectorAll({selector!r})].map(each => each.innerText).join(' ')")
        return str(found)

    def await_text(self, selector: str, pattern: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until this pattern is in the text there."""
        wait_for(
            lambda: re.search(pattern, self.text(selector)),
            timeout_s,
            f"{pattern!r} in {selector} of {self.name}'s page",
        )

    def fill(self) -> None:
        """Fill in the shift's form."""
        self.page.locator("input[name=by]").wait_for()
        if self.page.locator("input[name=login]").count():
            self.page.locator("input[name=login]").fill(self.login)
            self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("input[name=by]").fill(self.name)

    def look_on(self) -> None:
        """Log in, and begin no shift."""
        self.fill()
        self.page.get_by_role("button", name="Only look on").click()
        self.await_live()

    def begin(self) -> None:
        """Begin the shift with one click, and wait until kiosks are told; then show the alarms."""
        self.fill()
        self.page.locator(".begin button[type=submit]").click()
        self.await_watching()
        self.show("alarms")

    def show(self, view: str) -> None:
        """Go to a view, with no pointer and no focus in a list."""
        self.page.mouse.move(1, 1)
        self.read(f"location.hash = '{view}'")
        self.await_true(f"document.querySelector('nav [aria-current]')?.textContent.toLowerCase().includes('{view}')")

    def await_watching(self, timeout_s: float = PATIENCE_S) -> None:
        self.await_text(".watch", f"{self.name} watches", timeout_s)

    def await_live(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until a broker answers."""
        self.await_true("document.querySelector('.link-open') && !(" + GREY + ")", "live", timeout_s)

    def await_grey(self, timeout_s: float = PATIENCE_S) -> None:
        self.await_true(GREY, "grey", timeout_s)

    @property
    def rows(self) -> dict[str, str]:
        """Every open alarm on the screen, and how it stands."""
        return dict(self.read(_ROWS))

    def await_rows(self, *alarm_ids: str) -> None:
        """Wait until exactly these are open."""
        wait_for(lambda: self.rows.keys() == set(alarm_ids), what=f"alarms {alarm_ids} alone on {self.name}'s page")

    def await_standing(self, alarm_id: str, pattern: str) -> None:
        """Wait until a row says so."""
        wait_for(
            lambda: re.search(pattern, self.rows.get(alarm_id, "")),
            what=f"{pattern!r} of alarm {alarm_id} on {self.name}'s page, which says {self.rows}",
        )

    def open(self, alarm_id: str) -> None:
        """Open an alarm as a person does, and leave the list, so that its order is not held."""
        self.page.locator(f'.alarm-row[data-id="{alarm_id}"]').click()
        self.page.mouse.move(1, 1)
        expect(self.page.locator(".detail h2")).to_be_focused()

    def noted(self, what: str) -> list[tuple[Any, float]]:
        """What was so, each with the time since when, in ms of the PC's clock: `grey`, `sound`, `watch`, `banner` (of
        a grey page), or `stood["ALARM-ID"]`."""
        return [(each["value"], each["atMs"]) for each in self.read(f"noted.{what}")]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def await_answer(self) -> None:
        """Wait until the kiosk has said what became of the last order: before that the page takes no further one."""
        self.await_true("document.querySelector('.asking') === null", "an answer")

    def dispatch(self, unit: str) -> None:
        """Send this unit to the alarm that is open."""
        self.await_answer()
        self.press("d")
        self.page.get_by_role("radio", name=unit).check()
        self.press("Enter")

    def close(self, reason: str, note: str) -> None:
        """Close the alarm that is open."""
        self.await_answer()
        self.press("c")
        self.page.get_by_role("radio", name=reason).check()
        self.page.get_by_label("Note").fill(note)
        self.press("Enter")

    def reload(self) -> None:
        """Load the page again, and begin the shift anew."""
        self.page.reload()
        self.await_true("document.querySelector('.watch') !== null")
        self.show("shift")
        self.begin()


GREY = "document.documentElement.hasAttribute('data-grey')"
