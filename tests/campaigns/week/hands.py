"""Whoever touches the kiosk, and what becomes of its mains, its battery and its door, whether the agent runs or not."""

from collections.abc import Callable

from agent.core.wiring import LightPins
from agent.sim.contacts import SimContacts
from agent.sim.pins import MockPins, SimPins
from tests.campaigns.week.books import Books

_SLOW_S = 0.1
"""No hand moves a button again within so short a time: that would be a bounce."""


class Hands:
    """Notes a press when the agent must take it for one: when it was held for long enough in one run of the agent.

    Whoever holds a button while the agent starts has pressed it, for that run.
    """

    def __init__(self, contacts: SimContacts, hold_s: dict[str, float], lights: LightPins, books: Books) -> None:
        self._contacts = contacts
        self._hold_s = hold_s
        self._lights = lights
        self._books = books
        self._fingers = dict.fromkeys(hold_s, 0)
        self._moved_s = dict.fromkeys(hold_s, -1.0)
        self._since_s: dict[str, float] = {}
        """Since when each is held, in this run of the agent."""
        self._pins: SimPins | None = None
        self._factory: MockPins | None = None
        self._is_calm: Callable[[], bool] = lambda: False
        self.presses = 0

    def meet(self, factory: MockPins, pins: SimPins, is_calm: Callable[[], bool], now_s: float) -> None:
        """The agent runs. `is_calm` says whether no alarm is open that may be seen."""
        self._pins, self._factory, self._is_calm = pins, factory, is_calm
        for name, count in self._fingers.items():
            if count:
                self._begin(name, now_s, dark=False)

    def part(self, now_s: float) -> None:
        """The agent runs no longer."""
        for name in [*self._since_s]:
            self._end(name, now_s)
        self._pins = self._factory = None

    def press(self, name: str, now_s: float) -> None:
        """One more finger on the button."""
        self._fingers[name] += 1
        if self._fingers[name] > 1:
            return
        if now_s - self._moved_s[name] < _SLOW_S:
            self._fingers[name] = 0
            return
        calm = self._is_calm()
        self.touch(name, active=True)
        self._moved_s[name] = now_s
        if self._pins is not None:
            self._begin(name, now_s, dark=calm and not self._is_lit(name))

    def release(self, name: str, now_s: float) -> None:
        """One finger less."""
        if not self._fingers[name]:
            return
        self._fingers[name] -= 1
        if not self._fingers[name]:
            self._moved_s[name] = now_s
            self.touch(name, active=False)
            self._end(name, now_s)

    @property
    def is_at_it(self) -> bool:
        """Whether any button is held."""
        return any(self._fingers.values())

    def touch(self, name: str, *, active: bool) -> None:
        """An input changes."""
        if self._pins is None:
            self._contacts.press(name, active=active)
        else:
            self._pins.set(name, active)

    def _begin(self, name: str, now_s: float, *, dark: bool) -> None:
        self._since_s[name] = now_s
        if not self._hold_s[name]:
            self._note(name, now_s, dark=dark)

    def _end(self, name: str, now_s: float) -> None:
        since_s = self._since_s.pop(name, None)
        if since_s is not None and 0 < self._hold_s[name] <= now_s - since_s:
            self._note(name, since_s, dark=False)

    def _note(self, name: str, at_s: float, *, dark: bool) -> None:
        self.presses += 1
        self._books.pressed(name, at_s, dark=dark)

    def _is_lit(self, name: str) -> bool:
        """Whether yellow is lit, where it has to be at once."""
        assert self._factory is not None
        assert self._lights.yellow is not None
        return name not in {"police", "fire"} or self._factory.pin(self._lights.yellow).state
