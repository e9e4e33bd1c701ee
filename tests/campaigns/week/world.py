"""Plays a schedule to the kiosk: one run of the agent after the other, and the time."""

import gc
import os
import sys
from collections import Counter, deque
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from agent import app
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.bootstrap import specs
from agent.bootstrap.platform import Outside
from agent.core.alarms.persistence import decode_alarm
from agent.runtime.alarms.persistence import ALARM_KEY
from agent.runtime.supervision.main_loop import MainLoop
from agent.settings.kept import Begun
from agent.sim.pins import SimPins
from tests.campaigns.week.books import Account, Outcome, Sample, audit
from tests.campaigns.week.eyes import Eyes
from tests.campaigns.week.eyes import Lights as Seen
from tests.campaigns.week.kiosk import SILENT, HandSupervisor, Life, QuietNotifier
from tests.campaigns.week.network import Client
from tests.campaigns.week.schedule import HOUR, Event, Schedule, Span
from tests.campaigns.week.surroundings import Surroundings

_DOWN_S = {"restart": 4.0, "kill": 6.0, "power-cut": 40.0}
"""From the end of the agent to its next start, by the kind of end."""
_AT_ONCE_S = 0.05
"""What happens so shortly before a kill is handled by the pins' thread alone: no other has had its turn."""


class World:
    """One week, or less: `play` once, then look at `outcome`."""

    def __init__(self, schedule: Schedule, directory: Path, seed: int) -> None:
        self._schedule = schedule
        self._events = [*schedule.events]
        heapify(self._events)
        self._traps = deque(schedule.traps)
        self._around = Surroundings(directory, seed)
        self._eyes = Eyes()
        self._clients: list[Client] = []
        self._life: Life
        self._pins: SimPins
        self._factory: Any
        self._ending = ""
        self._last_seq = self._explained = 0
        self._open_alarms: dict[str, str] = {}
        self._process = psutil.Process()
        self._tell: Callable[[float], None] = lambda _: None
        self.endings: Counter[str] = Counter()
        self.skipped: dict[str, list[int]] = {}
        """How many numbers each start has skipped, by the kind of end before it."""

    def play(self, tell: Callable[[float], None] = lambda _: None) -> None:
        """Live through it all; `tell` hears of the time in seconds, again and again."""
        self._tell = tell
        self._around.centre.watch(begins=True)
        with mock.patch.dict(os.environ, RUNTIME_DIRECTORY=str(self._around.disk.store)), self._around.disk:
            while self._now_s < self._schedule.length_s:
                self._live()

    def outcome(self) -> Outcome:
        """The verdict."""
        self._around.chronicle.note(self._now_s, [])
        account = Account(
            open_alarms=self._open_alarms,
            mains_failures=self._schedule.mains_failures,
            explained=self._explained,
            chronicle=self._around.chronicle,
            length_s=self._schedule.length_s,
            wall=self._around.wall,
        )
        outcome = audit(self._around.books, account)
        self._around.books.close()
        outcome.faults += self._eyes.faults
        outcome.faults += [
            f"{by} numbers were skipped after a {end}"
            for end in ("restart", "kill")
            for by in self.skipped.get(end, [])
            if by
        ]
        return outcome

    # --- lives

    @property
    def _now_s(self) -> float:
        return self._around.wall.now_s

    @property
    def presses(self) -> int:
        """How many were made so far."""
        return self._around.hands.presses

    def _live(self) -> None:
        """From a start of the agent to the next one."""
        supervisor = HandSupervisor()
        sites = self._around.sites
        self._clients = [Client(sites), Client(sites), Client(sites, is_probe=True)]
        carrying = iter(self._clients)
        factory = open_pin_factory(self._around.contacts.levels())
        outside = Outside(
            clock=self._around.wall.clock,
            notifier=QuietNotifier(),
            supervisor=supervisor,
            open_pins=lambda: factory,
            make_broker=lambda: next(carrying),
            make_probe=lambda: self._clients[-1],
        )
        self._factory = factory
        on_ready = partial(self._ready, supervisor)
        assert app.run(Begun.of(self._around.settings), simulate=False, on_ready=on_ready, outside=outside) == 0
        self._around.wall.clock.passes_by_itself = False
        gc.unfreeze()  # a real run has a process of its own
        if self._ending in {"kill", "power-cut"}:
            self._around.disk.put_back()
        else:
            self._close_account()
        self._open_alarms = {
            key.removeprefix(ALARM_KEY): decode_alarm(text).data.stage.value
            for key, text in self._life.outbox.kept(ALARM_KEY).items()
        }
        self.endings[self._ending] += 1
        self._wait(_DOWN_S.get(self._ending, 0.0))

    def _ready(self, supervisor: HandSupervisor, main_loop: MainLoop) -> None:
        """The agent runs: let time pass, and things happen, until it is to end."""
        if self._last_seq:
            by = supervisor.first_seq - self._last_seq
            self.skipped.setdefault(self._ending, []).append(by)
            self._explained += by
        began_s = self._now_s
        self._life = life = Life(supervisor, main_loop, self._around.wall.clock)
        self._pins = SimPins(
            self._around.contacts, specs.light_pins(self._around.settings), self._factory, self._around.wall.clock
        )
        self._around.hands.meet(self._factory, self._pins, lambda: not life.audible_stages(), self._now_s)
        self._turn()
        while (ending := self._next_thing()) is None:
            pass
        self._ending = ending
        self._around.hands.part(self._now_s)
        self._around.chronicle.lived(Span(ending, began_s, self._now_s))
        if ending in {"kill", "power-cut"}:
            self._close_account()
            self._around.disk.save(power_cut=ending == "power-cut")
            for client in self._clients:
                client.die()
        self._around.wall.clock.passes_by_itself = True
        life.end()

    def _next_thing(self) -> str | None:
        """Wait for the next thing, and have it done; how the agent is to end, if it is that."""
        now_s, life = self._now_s, self._life
        if now_s >= self._schedule.length_s:
            return "end"
        next_s = min(now_s + life.patience_s(), max(now_s, self._around.centre.next_due_s()), self._schedule.length_s)
        event = self._events[0] if self._events and self._events[0].at_s <= next_s + 1e-6 else None
        if event is not None:
            next_s = max(now_s, event.at_s)
        self._pass(next_s - now_s)
        before: Seen | None = None
        if event is not None:
            heappop(self._events)
            if event.doing in _DOWN_S:
                return event.doing
            if event.doing == "press" and event.what in SILENT:
                before = self._turn()  # what else is due now is not to be taken for its doing
            self._happen(event)
        if before is not None:
            self._eyes.compare(before, self._look())
        if not self._is_killed_at_once():
            seen = self._turn()
            if before is not None:
                self._eyes.compare(before, seen)
        return None

    def _turn(self) -> Seen:
        """Let the agent do what there is to do, and see what the lights say then."""
        was_testing = self._life.is_testing
        self._around.centre.act(self._now_s, self._around.wall.truth())
        self._life.turn()
        if self._life.is_testing and not was_testing and self._is_trapped():
            for event in self._traps.popleft().sprung(self._now_s):
                heappush(self._events, event)
        return self._look()

    def _is_trapped(self) -> bool:
        return bool(self._traps) and self._traps[0].from_s <= self._now_s <= self._schedule.length_s - HOUR

    def _look(self) -> Seen:
        life = self._life
        return self._eyes.look(self._pins, life.lights.shown(), life.audible_stages(), testing=life.is_testing)

    def _is_killed_at_once(self) -> bool:
        following = self._events[0] if self._events else None
        return following is not None and following.doing == "kill" and following.at_s - self._now_s < _AT_ONCE_S

    def _happen(self, event: Event) -> None:
        if event.doing == "sample":
            self._sample()
        else:
            self._around.happen(event)

    def _wait(self, for_s: float) -> None:
        """The agent does not run, but the world goes on."""
        end_s = self._now_s + for_s
        if self._ending == "power-cut":
            self._around.wall.power_up(end_s)
        else:
            self._pass(for_s)
        while self._events and self._events[0].at_s <= end_s:
            event = heappop(self._events)
            if event.doing not in {*_DOWN_S, "sample"}:
                self._around.happen(event)
        self._around.note()

    def _pass(self, for_s: float) -> None:
        self._around.wall.clock.advance(timedelta(seconds=for_s))

    def _close_account(self) -> None:
        """Numbers that this run has taken with it."""
        waiting, dropped = self._life.outbox.figures()
        self._explained += sum(dropped.values()) + waiting["health"]
        self._last_seq = self._life.outbox.seq

    # --- what becomes of it

    def _sample(self) -> None:
        for pin in self._factory.pins.values():
            pin.clear_states()  # gpiozero's mock pins write a diary
        gc.collect()
        size = self._around.disk.sizes()
        waiting, _ = self._life.outbox.figures()
        self._around.books.sampled(
            Sample(
                at_s=self._now_s,
                resident_bytes=self._process.memory_info().rss,
                blocks=sys.getallocatedblocks(),
                waiting=sum(waiting.values()),
                alarms_bytes=size["alarms.db"],
                telemetry_bytes=size["telemetry.db"],
                logs_bytes=size["alarms.db-wal"] + size["telemetry.db-wal"],
                presses=self._around.hands.presses,
                run=self.endings.total(),
            )
        )
        self._tell(self._now_s)
