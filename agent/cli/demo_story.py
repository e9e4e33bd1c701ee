"""The story that the demo plays by itself: from a person on camera to a closed alarm."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from agent.adapters.paho_centre import Heard
from agent.cli.demo_centre import DemoCentre, data_of
from agent.cli.demo_screen import Screen
from agent.cli.demo_stage import Stage


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is, and whether (and after how long) it was seen."""

    name: str
    seen_after_s: float | None


class Story:
    """Plays every step once. A step counts as seen only when the broker or the pins have shown it."""

    def __init__(self, stage: Stage, centre: DemoCentre, screen: Screen, patience_s: float) -> None:
        self._stage = stage
        self._centre = centre
        self._screen = screen
        self._patience_s = patience_s
        self.steps: list[Step] = []

    def play(self) -> bool:
        """Play the steps; stop at the first that is not seen. Return whether all were seen."""
        acts: list[tuple[str, Callable[[], bool]]] = [
            ("the agent is online", lambda: self._on_broker("/up/state", state="online")),
            ("the camera has seen a person", lambda: self._on_broker("/up/event/person-entered")),
            ("the button is pressed and the alarm raised", self._press),
            ("yellow: the call is being sent", lambda: self._lights(yellow="on", green="off")),
            ("the broker has confirmed the alarm: sent", lambda: self._on_broker("/up/alarm/police", stage="sent")),
            ("the centre has acknowledged: registered", lambda: self._answer("registered")),
            ("green: a person has registered it", lambda: self._lights(yellow="on", green="on")),
            ("the centre has closed the alarm", lambda: self._answer("closed")),
            ("the lights are at rest again", lambda: self._lights(yellow="off", green="off")),
        ]
        for name, act in acts:
            began = time.monotonic()
            seen = act()
            self.steps.append(Step(name, time.monotonic() - began if seen else None))
            if not seen:
                return False
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

    def _until(self, seen: Callable[[Heard | None], bool]) -> bool:
        deadline = time.monotonic() + self._patience_s
        while time.monotonic() < deadline:
            self._stage.check_agent()
            if seen(None):
                return True
            heard = self._centre.next(timeout_s=0.05)
            if heard is not None:
                self._screen.message(heard)
                if seen(heard):
                    return True
        return False
