"""From a press to the command centre, and from a bare publish to it, block by block in turn.

Noise of the machine then meets both alike. Both ends read CLOCK_BOOTTIME: one when the simulated pin is driven
(or when publishing begins), the other when the subscriber has the message.
"""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from tests.campaigns.bench.child import Child, ChildError
from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.bench.simulated_agent import BASE, BUTTON, SimulatedAgent

BARE_TOPIC = "edge/v1/gp/bench/bare-1/up/alarm/police"
"""As long as that of a press."""
_ALARMS = f"{BASE}/up/alarm/{BUTTON}"
_ARRIVAL_S = 90.0
_SLACK_S = 20.0
_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Pacing:
    """So many blocks of so many presses."""

    blocks: int
    presses: int
    interval_s: float = 0.03
    hold_s: float = 0.01
    warm_up: int = 20


class Bench:
    """A broker's two ends: a subscriber, and a bare publisher. Enter to start both."""

    def __init__(self, port: int) -> None:
        self._listener = Child(
            "-m", "tests.campaigns.bench.listener", str(port), f"{BASE}/up/#", BARE_TOPIC, what="the listener"
        )
        self._bare = Child(
            "-m", "tests.campaigns.bench.bare_publisher", str(port), BARE_TOPIC, what="the bare publisher"
        )
        self._stack = ExitStack()
        self._press_count = 0
        self._bytes = 512

    def __enter__(self) -> "Bench":
        with ExitStack() as stack:
            stack.enter_context(self._listener)
            stack.enter_context(self._bare)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def wait_for(self, topic: str, timeout_s: float, matches: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The `data` of the first message on a topic for which `matches` is true; all others are dropped."""

        def fits(heard: tuple[int, str, str]) -> bool:
            return heard[1] == topic and matches(json.loads(heard[2])["data"])

        data: dict[str, Any] = json.loads(self.collect(1, fits, timeout_s)[0][2])["data"]
        return data

    def alternate(
        self, agent: SimulatedAgent, pacing: Pacing, tell: Callable[[str], None]
    ) -> tuple[Distribution, Distribution]:
        """Milliseconds of presses, and of bare messages of the same size, both after a warm-up."""
        self._press_count = 0
        self._presses(agent, pacing, pacing.warm_up)
        self._publishes(pacing, pacing.warm_up)
        presses: list[float] = []
        publishes: list[float] = []
        for block in range(1, pacing.blocks + 1):
            tell(f"block {block} of {pacing.blocks}")
            presses += self._presses(agent, pacing, pacing.presses)
            publishes += self._publishes(pacing, pacing.presses)
        return Distribution(presses), Distribution(publishes)

    def collect(
        self, count: int, fits: Callable[[tuple[int, str, str]], bool], timeout_s: float = _ARRIVAL_S
    ) -> list[tuple[int, str, str]]:
        """`count` messages that fit, from now on. Raises ChildError when fewer come."""
        deadline = time.monotonic() + timeout_s
        found: list[tuple[int, str, str]] = []
        while True:
            found += [heard for heard in self._take() if fits(heard)]
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise ChildError(f"{len(found)} of {count} messages arrived within {timeout_s:g} s")
            time.sleep(_LOOK_AGAIN_S)

    def _take(self) -> list[tuple[int, str, str]]:
        return [(arrived, topic, payload) for arrived, topic, payload in self._listener.ask(_SLACK_S)]

    def _presses(self, agent: SimulatedAgent, pacing: Pacing, count: int) -> list[float]:
        self._take()
        edges = agent.presses(count, pacing.interval_s, pacing.hold_s)
        seen = self._press_count

        def is_next_press(heard: tuple[int, str, str]) -> bool:
            # A message about the same press again, for another stage, does not count.
            nonlocal seen
            if heard[1] != _ALARMS or json.loads(heard[2])["data"]["press_count"] <= seen:
                return False
            seen += 1
            return True

        arrivals = self.collect(count, is_next_press)
        self._press_count = seen
        self._bytes = len(arrivals[-1][2])
        return [(heard[0] - edge) / 1e6 for heard, edge in zip(arrivals, edges, strict=True)]

    def _publishes(self, pacing: Pacing, count: int) -> list[float]:
        self._take()
        timeout_s = count * pacing.interval_s + _SLACK_S
        self._bare.ask(timeout_s, count=count, interval_s=pacing.interval_s, bytes=self._bytes)
        arrivals = self.collect(count, lambda heard: heard[1] == BARE_TOPIC)
        return [(arrived - int(payload.split()[0])) / 1e6 for arrived, _, payload in arrivals]
