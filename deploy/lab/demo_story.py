"""The story that the demo plays by itself: from a person on camera to a closed alarm."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from deploy.lab.demo_centre import DemoCentre, data_of
from deploy.lab.demo_office import AFTER_S, BEFORE_S, RECORDS
from deploy.lab.demo_screen import Screen
from deploy.lab.demo_stage import Stage
from edge_centre.adapters.browser import DemoBrowser
from edge_centre.adapters.paho_centre import Heard


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is, and whether (and after how long) it was seen."""

    name: str
    seen_after_s: float | None


Act = tuple[str, Callable[[], bool]]
_FORM = "document.querySelector('.begin input[name={name}]')"
_KEY = "document.querySelector('#key-title') !== null && !location.hash.includes('key')"
_WATCHES = "document.querySelector('.watch.on') !== null"
_ROW = "document.querySelector('.alarm-row:not(.is-closed)')"
_STANDING = f"{_ROW}?.querySelector('.row-standing').textContent ?? ''"
_RINGS = "document.querySelector('.untaken-banner') !== null"
_ANSWERED = "document.querySelector('.order .good') !== null"
_AT_FORM = "document.activeElement?.closest('.actions form') != null"
_RECORDED = "document.querySelector('.clip.is-recording') !== null"
_OPERATOR = "Naledi"


class Story:
    """Plays every step once. A step counts as seen only when the broker, the pins or the page have shown it."""

    def __init__(self, stage: Stage, centre: DemoCentre, screen: Screen, patience_s: float) -> None:
        self._stage = stage
        self._centre = centre
        self._screen = screen
        self._patience_s = patience_s
        self.steps: list[Step] = []
        self._complete: list[str] = []
        """Clips, in the order in which they were."""

    def begin(self) -> bool:
        """Play the first steps; stop at the first that is not seen. Return whether all were seen."""
        return self._play(
            ("the agent is online", lambda: self._on_broker("/up/state", state="online")),
            ("the camera has seen a person", lambda: self._on_broker("/up/event/person-entered")),
        )

    def open_page(self, browser: DemoBrowser, url: str) -> bool:
        """Have an operator begin a shift at the page, while the recorder's memory fills. As `begin`."""
        return self._play(
            ("the page is there", lambda: self._open(browser, url)),
            ("the shift has begun: the page watches", lambda: self._begin(browser)),
        )

    def play(self) -> bool:
        """Play an alarm from press to close. As `begin`."""
        return self._play(
            *([(f"the last {BEFORE_S} s are in memory", self._is_in_memory)] if RECORDS else []),
            ("the button is pressed and the alarm raised", self._press),
            ("yellow: the call is being sent", lambda: self._lights(yellow="on", green="off")),
            ("the broker has confirmed the alarm: sent", lambda: self._on_broker("/up/alarm/police", stage="sent")),
            ("the centre has acknowledged: registered", lambda: self._answer("registered")),
            ("green: a person has registered it", lambda: self._lights(yellow="on", green="on")),
            ("the centre has closed the alarm", lambda: self._answer("closed")),
            ("the lights are at rest again", lambda: self._lights(yellow="off", green="off")),
        )

    def play_in_office(self) -> bool:
        """Open what was recorded of the first alarm. As `begin`."""
        return self._play(
            ("the recording is complete", self._is_complete), ("it opens, and is verified", self._open_case)
        )

    def play_at_page(self, browser: DemoBrowser) -> bool:
        """Play the same with another button, and the operator who has the page and a keyboard. As `begin`."""
        return self._play(
            ("the page shows the alarm", lambda: self._press_for(browser)),
            ("the page says who has it", lambda: self._take(browser)),
            ("green, by the page", lambda: self._lights(yellow="on", green="on")),
            ("the page has closed the alarm", lambda: self._close(browser)),
            ("the lights are at rest again", lambda: self._lights(yellow="off", green="off")),
        )

    def _play(self, *acts: Act) -> bool:
        for name, act in acts:
            began = time.monotonic()
            seen = act()
            self.steps.append(Step(name, time.monotonic() - began if seen else None))
            if not seen:
                return False
        return True

    def _open(self, browser: DemoBrowser, url: str) -> bool:
        self._screen.say("The control room's page is opened in a Chromium without a window.")
        browser.open(url)
        # Before the key of its address is kept, it would make one of its own, which the kiosk does not know.
        return self._on_page(browser, f"{_FORM.format(name='by')} !== null && {_KEY}")

    def _begin(self, browser: DemoBrowser) -> bool:
        self._screen.say(f"{_OPERATOR} begins a shift.")
        for name, text in (("login", "naledi"), ("password", "any"), ("by", _OPERATOR)):
            browser.read(f"{_FORM.format(name=name)}.focus()")
            browser.type(text)
        browser.press("Enter")
        return self._on_page(browser, _WATCHES)

    def _press_for(self, browser: DemoBrowser) -> bool:
        browser.press("1")
        self._screen.say('Somebody presses the button "medical".')
        self._stage.press("medical")
        # A press of a simulated kiosk sends nobody out, and the page must say so. Here it rings all the same.
        exercise = f"({_STANDING}).startsWith('Exercise') && {_RINGS}"
        return self._on_broker("/up/alarm/medical", stage="raised") and self._on_page(browser, exercise)

    def _take(self, browser: DemoBrowser) -> bool:
        self._screen.say(f"{_OPERATOR} goes to it with the key j, and takes it with r.")
        browser.press("j")
        browser.press("r")
        # The alarm may say so before the kiosk's answer has come, and until then no key does anything more.
        has_it = f"({_STANDING}).includes('{_OPERATOR} ') && {_ANSWERED}"
        return self._on_broker("/up/alarm/medical", stage="registered") and self._on_page(browser, has_it)

    def _close(self, browser: DemoBrowser) -> bool:
        self._screen.say(f"{_OPERATOR} closes it with c, space and Enter: it was a test.")
        browser.press("c")
        if not self._on_page(browser, f"{_AT_FORM} && {_RECORDED}" if RECORDS else _AT_FORM):
            return False
        browser.press(" ")
        browser.press("Enter")
        return self._on_broker("/up/alarm/medical", stage="closed") and self._on_page(browser, f"{_ROW} === null")

    def _is_in_memory(self) -> bool:
        def has_it(heard: Heard | None) -> bool:
            cameras = (
                data_of(heard).get("cameras", {}) if heard is not None and heard.topic.endswith("/up/health") else {}
            )
            return float(cameras.get("front", {}).get("recording", {}).get("before_s") or 0) >= BEFORE_S

        self._screen.say(f"The camera's recorder keeps the last {BEFORE_S} s in memory, and on no disk.")
        return self._until(has_it, self._patience_s + BEFORE_S)

    def _is_complete(self) -> bool:
        self._screen.say(f"The camera is recorded for {AFTER_S} s after the close.")
        return self._until(lambda _: bool(self._complete), self._patience_s + AFTER_S)

    def _open_case(self) -> bool:
        self._screen.say("In the office, somebody with the evidence key opens it.")
        for line in self._stage.office.open(self._complete[0]):
            self._screen.say(line, "green")
        return True

    def _press(self) -> bool:
        self._screen.say('Somebody presses the button "police".')
        self._stage.press("police")
        return self._on_broker("/up/alarm/police", stage="raised")

    def _answer(self, action: str) -> bool:
        words = {
            "registered": "An operator, Thandi, takes the alarm.",
            "closed": "Help was there; she closes the alarm.",
        }
        self._screen.say(words[action])
        self._screen.say(self._centre.answer(action))
        return self._on_broker("/up/alarm/police", stage=action)

    def _on_broker(self, topic_end: str, **expected: str) -> bool:
        def is_it(heard: Heard) -> bool:
            data = data_of(heard)
            return heard.topic.endswith(topic_end) and all(data.get(key) == value for key, value in expected.items())

        return self._until(lambda heard: heard is not None and is_it(heard))

    def _lights(self, **expected: str) -> bool:
        return self._until(lambda _: expected.items() <= self._screen.lights(force=True).items())

    def _on_page(self, browser: DemoBrowser, expression: str) -> bool:
        return self._until(lambda _: bool(browser.read(expression)))

    def _until(self, seen: Callable[[Heard | None], bool], patience_s: float | None = None) -> bool:
        deadline = time.monotonic() + (patience_s or self._patience_s)
        while time.monotonic() < deadline:
            self._stage.check_agent()
            if seen(None):
                return True
            heard = self._centre.next(timeout_s=0.05)
            if heard is not None:
                self._screen.message(heard)
                if (clip := self._stage.office.hear(heard.topic, data_of(heard))) is not None:
                    self._complete.append(clip)
                if seen(heard):
                    return True
        return False
