"""Two operators at pages of two hosts, a kiosk with both brokers, and who hears what those are told of centres."""

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.control_room.person import Person
from tests.control_room.rig import NAMES, OPERATOR, SECOND, Browser, Rig
from tests.support.agent_process import TREE
from tests.support.mosquitto import CENTRE
from tests.support.subscriber import Heard, Subscriber
from tests.support.wait import wait_for

DEAF_S, GRACE_S = 5.0, 2.0
"""How long a page may hear nothing, and what a loaded machine may add."""
_MOST_OPEN = 6


class Listener:
    """Hears at one broker what it is told of centres, over all its restarts."""

    def __init__(self, rig: Rig, number: int, stack: ExitStack) -> None:
        self._rig, self._number = rig, number
        self._stack = stack
        self._runs: list[Subscriber] = []
        self.listen()

    def listen(self) -> None:
        """Connect, also after the broker was started again."""
        self._runs.append(self._stack.enter_context(self._rig.listener(self._number)))

    @property
    def newest(self) -> Subscriber:
        return self._runs[-1]

    def unproven(self) -> list[Heard]:
        """Each `online: true` that a page said here without an echo of its own in the last five seconds."""
        found = []
        for run in self._runs:
            echoes: dict[str, int] = {}
            for heard in run.heard:
                seat, kind = heard.topic.split("/")[-2:]
                if kind == "echo":
                    echoes[seat] = heard.arrived_ns
                elif not heard.retain and json.loads(heard.payload)["online"]:
                    age_s = (heard.arrived_ns - echoes.get(seat, 0)) / 1e9
                    if age_s > DEAF_S:
                        found.append(heard)
        return found


class Room:
    """Enter the pages into their shifts; `stack` ends what listens."""

    def __init__(self, rig: Rig, browser: Browser, stack: ExitStack) -> None:
        self.rig, self.browser = rig, browser
        self.listeners = [Listener(rig, number, stack) for number in range(2)]
        self.thandi = Person(browser, rig.sites[0].url, OPERATOR, rig.key)
        self.sipho = Person(browser, rig.sites[1].url, SECOND, rig.further_key("operator", SECOND))
        self.people = (self.thandi, self.sipho)
        for person in self.people:
            person.begin()
        self.open: dict[str, str] = {}
        """The button of every alarm that is open."""
        self._closed: set[str] = set()

    def press(self) -> str:
        """Somebody presses a button that nobody has pressed; returns its name."""
        name = next(name for name in NAMES if name not in self.open.values())
        self.rig.agent.press(name)
        return name

    def kiosk_has(self) -> dict[str, str]:
        """What the kiosk's own newest list says is open: by alarm, its button."""
        lists: list[dict[str, Any]] = [{"seq": 0, "data": {"open": []}}]
        for broker in self.rig.brokers:
            files = self.rig.authorities.centre(CENTRE)
            with Subscriber(broker.centre_port, [f"{TREE}/up/alarms"], host="localhost", files=files) as subscriber:
                subscriber.sync()
                lists += [json.loads(heard.payload) for heard in subscriber.heard]
        newest = max(lists, key=lambda each: int(each["seq"]))
        return {alarm["alarm_id"]: alarm["input"] for alarm in newest["data"]["open"]}

    def agree(self, *pressed: str) -> None:
        """Wait until the kiosk and both pages have the same alarms, these new ones among them, held by the same."""

        def found() -> dict[str, str]:
            # A broker that was killed may have an old list, until it hears the kiosk: of alarms that are closed since.
            has = self.kiosk_has()
            new = {alarm_id: name for alarm_id, name in has.items() if alarm_id not in self.open}
            is_newest = self.open.keys() <= has.keys() and sorted(new.values()) == sorted(pressed)
            return has if is_newest and not new.keys() & self._closed else {}

        what = f"{self.open} and new alarms of {pressed} in the kiosk's list"
        self.open = wait_for(found, what=what)
        for person in self.people:
            person.await_live()
            person.await_watching()
            wait_for(lambda: person.rows.keys() == self.open.keys(), what=f"{self.open} at {person.name}")  # noqa: B023
        wait_for(lambda: self.thandi.rows == self.sipho.rows, what="two pages that say the same of each alarm")

    def close_one(self) -> None:
        """Close the oldest where many are open, through the page."""
        if len(self.open) < _MOST_OPEN:
            return
        alarm_id = next(iter(self.open))
        closer = random.choice(self.people)
        closer.open(alarm_id)
        closer.press("c", "Space", "Enter")
        del self.open[alarm_id]
        self._closed.add(alarm_id)
        for person in self.people:
            person.await_rows(*self.open)

    def restart(self, *numbers: int) -> None:
        for number in numbers:
            self.rig.brokers[number].start()
            self.listeners[number].listen()

    # --- cuts of everything; each person's page must be grey in between

    @contextmanager
    def brokers_killed(self) -> Iterator[None]:
        for broker in self.rig.brokers:
            broker.kill()
        yield
        self.restart(0, 1)

    @contextmanager
    def brokers_frozen(self) -> Iterator[None]:
        for broker in self.rig.brokers:
            broker.freeze()
        try:
            yield
        finally:
            for broker in self.rig.brokers:
                broker.thaw()

    @contextmanager
    def network_swallows(self) -> Iterator[None]:
        """Connections stand and nothing comes through; kiosk and brokers notice nothing."""
        for site in self.rig.sites:
            site.freeze()
        try:
            yield
        finally:
            for site in self.rig.sites:
                site.thaw()
