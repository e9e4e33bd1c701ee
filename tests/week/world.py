"""Plays a schedule to the kiosk: everything around it, and the time."""

import gc
import os
import random
import sys
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from agent import app, profile
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.cli.keygen import make_key
from agent.core.events import TimeQuality
from agent.core.kept_alarm import decode_alarm
from agent.outside import Outside
from agent.ports import OutgoingMessage
from agent.runtime.kept_alarms import ALARM_KEY
from agent.runtime.watchkeeper import Watchkeeper
from agent.sim.contacts import SimContacts
from agent.sim.pins import SimPins
from tests.week.books import Account, Books, Outcome, audit
from tests.week.centre import Centre
from tests.week.disk import Disk
from tests.week.hands import Hands
from tests.week.kiosk import HOLD_S, HandSupervisor, Life, QuietNotifier, WeekClock, settings_of
from tests.week.network import URLS, Client, Site
from tests.week.schedule import DAY, Event, Schedule

_MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
_BOOT_S = 20.0
"""From the kernel's start to the agent's."""
_DOWN_S = {"restart": 4.0, "kill": 6.0, "power-cut": 40.0}
"""From the end of the agent to its next start, by the kind of end."""
_AT_ONCE_S = 0.05
"""What happens so shortly before a kill is handled by the pins' thread alone: no other has had its turn."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of things at one time."""

    at_s: float
    resident_bytes: int
    blocks: int
    """Pieces of memory that Python has given out, garbage collected."""
    waiting: int
    """Messages in the outbox."""
    alarms_bytes: int
    telemetry_bytes: int
    logs_bytes: int
    """The write-ahead logs of both."""
    presses: int
    run: int
    """Which run of the agent it was."""


class World:
    """One week, or less: `play` once, then look at `outcome`."""

    def __init__(self, schedule: Schedule, directory: Path, seed: int) -> None:
        self._schedule = schedule
        self._events = deque(schedule.events)
        self._random = random.Random(seed)
        self._disk = Disk(directory)
        self._books = Books(directory)
        key = make_key("operator", directory / "keys", "centre-1")
        self._settings = settings_of(self._disk.store, directory / "keys" / "keys.json")
        self._sites = {url: Site(self._hear) for url in URLS}
        self._centre = Centre(key, self._settings.identity, [*self._sites.values()], seed)
        self._contacts = SimContacts(profile.input_lines(self._settings), directory / "contacts.json")
        self._hands = Hands(self._contacts, HOLD_S, profile.light_pins(self._settings), self._books)
        self._boots: dict[str, float] = {}
        """When CLOCK_BOOTTIME was 0, by boot, in seconds since Monday."""
        self._clock = self._boot(_MONDAY, TimeQuality.SYNCED, 0.0)
        self._clients: list[Client] = []
        self._life: Life
        self._ending = ""
        self._last_seq = self._explained = 0
        self._open_alarms: dict[str, str] = {}
        self._process = psutil.Process()
        self._tell: Callable[[float], None] = lambda _: None
        self.endings: Counter[str] = Counter()
        self.skipped: dict[str, list[int]] = {}
        """How many numbers each start has skipped, by the kind of end before it."""
        self.samples: list[Sample] = []

    def play(self, tell: Callable[[float], None] = lambda _: None) -> None:
        """Live through it all; `tell` hears of the time in seconds, again and again."""
        self._tell = tell
        self._centre.watch(begins=True)
        with mock.patch.dict(os.environ, RUNTIME_DIRECTORY=str(self._disk.store)), self._disk:
            while self._now_s < self._schedule.length_s:
                self._live()

    def outcome(self) -> Outcome:
        """The verdict."""
        account = Account(
            open_alarms=self._open_alarms,
            mains_failures=self._schedule.mains_failures,
            self_tests=max(1, int(self._schedule.length_s // DAY)),
            explained=self._explained,
        )
        outcome = audit(self._books.presses(), self._books.arrivals(self._boots), account)
        self._books.close()
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
        return self._boots[self._clock.boot_id] + self._clock.boottime_ns() / 1e9

    def _boot(self, wall: datetime, quality: TimeQuality, now_s: float) -> WeekClock:
        clock = WeekClock(int(_BOOT_S * 1e9), wall, quality, str(uuid.UUID(int=self._random.getrandbits(128))))
        self._boots[clock.boot_id] = now_s - _BOOT_S
        return clock

    def _live(self) -> None:
        """From a start of the agent to the next one."""
        supervisor = HandSupervisor()
        self._clients = [Client(self._sites), Client(self._sites), Client(self._sites, is_probe=True)]
        carrying = iter(self._clients)
        factory = open_pin_factory(self._contacts.levels())
        outside = Outside(
            clock=self._clock,
            notifier=QuietNotifier(),
            supervisor=supervisor,
            open_pins=lambda: factory,
            make_broker=lambda: next(carrying),
            make_probe=lambda: self._clients[-1],
        )
        on_ready = partial(self._ready, supervisor, factory)
        assert app.run(self._settings, simulate=False, on_ready=on_ready, outside=outside) == 0
        self._clock.passes_by_itself = False
        gc.unfreeze()  # a real run has a process of its own
        if self._ending in {"kill", "power-cut"}:
            self._disk.put_back()
        else:
            self._close_account()
        self._open_alarms = {
            key.removeprefix(ALARM_KEY): decode_alarm(text).data.stage.value
            for key, text in self._life.outbox.kept(ALARM_KEY).items()
        }
        self.endings[self._ending] += 1
        self._wait(_DOWN_S.get(self._ending, 0.0))

    def _ready(self, supervisor: HandSupervisor, factory: Any, watchkeeper: Watchkeeper) -> None:
        """The agent runs: let time pass, and things happen, until it is to end."""
        if self._last_seq:
            by = supervisor.first_seq - self._last_seq
            self.skipped.setdefault(self._ending, []).append(by)
            self._explained += by
        self._life = life = Life(supervisor, watchkeeper, self._clock)
        pins = SimPins(self._contacts, profile.light_pins(self._settings), factory, self._clock)
        self._hands.meet(factory, pins, lambda: not life.pipeline.open_ids, self._now_s)
        life.turn()
        while (ending := self._next_thing()) is None:
            pass
        self._ending = ending
        self._hands.part(self._now_s)
        if ending in {"kill", "power-cut"}:
            self._close_account()
            self._disk.save(power_cut=ending == "power-cut")
            for client in self._clients:
                client.die()
        self._clock.passes_by_itself = True
        life.end()

    def _next_thing(self) -> str | None:
        """Wait for the next thing, and have it done; how the agent is to end, if it is that."""
        now_s, life = self._now_s, self._life
        if now_s >= self._schedule.length_s:
            return "end"
        next_s = min(now_s + life.patience_s(), max(now_s, self._centre.next_due_s()), self._schedule.length_s)
        event = self._events[0] if self._events else None
        if event is None or event.at_s > next_s + 1e-6:
            event = None
        else:
            next_s = max(now_s, event.at_s)
        self._pass(next_s - now_s)
        if event is not None:
            self._events.popleft()
            if event.doing in _DOWN_S:
                return event.doing
            self._happen(event)
        self._centre.act(self._now_s, self._truth())
        if not self._is_killed_at_once():
            life.turn()
        return None

    def _is_killed_at_once(self) -> bool:
        following = self._events[0] if self._events else None
        return following is not None and following.doing == "kill" and following.at_s - self._now_s < _AT_ONCE_S

    def _wait(self, for_s: float) -> None:
        """The agent does not run, but the world goes on."""
        end_s = self._now_s + for_s
        if self._ending == "power-cut":
            self._clock = self._boot(datetime(1970, 1, 1, tzinfo=UTC), TimeQuality.UNSYNCED, end_s)
        else:
            self._pass(for_s)
        while self._events and self._events[0].at_s <= end_s:
            event = self._events.popleft()
            if event.doing not in {*_DOWN_S, "sample"}:
                self._happen(event)

    def _pass(self, for_s: float) -> None:
        self._clock.advance(timedelta(seconds=for_s))

    def _close_account(self) -> None:
        """Numbers that this run has taken with it."""
        waiting, dropped = self._life.outbox.figures()
        self._explained += sum(dropped.values()) + waiting["health"]
        self._last_seq = self._life.outbox.seq

    # --- what happens

    def _truth(self) -> datetime:
        return _MONDAY + timedelta(seconds=self._now_s)

    def _hear(self, message: OutgoingMessage) -> None:
        self._books.heard(message, self._now_s)
        self._centre.hear(message, self._now_s)

    def _happen(self, event: Event) -> None:
        match event.doing:
            case "press":
                self._hands.press(event.what, self._now_s)
            case "release":
                self._hands.release(event.what, self._now_s)
            case "mains" | "battery" | "door":
                self._hands.touch(event.doing, active=event.on)
            case "centre":
                self._centre.watch(begins=not event.on)
            case "network":
                self._network(event.what, ill=event.on)
            case "disk":
                self._disk.fill() if event.on else self._disk.empty()
            case "clock-set":
                self._set_clock(timedelta(0))
            case "clock-wrong":
                # Never ahead: a self-test would fall due and rightly fail, since every ack has expired by such a clock.
                hours = self._random.choice((-3, -2, -1))
                self._set_clock(timedelta(hours=hours) if event.on else timedelta(0))
            case "sample":
                self._sample()

    def _network(self, what: str, *, ill: bool) -> None:
        sites = [*self._sites.values()]
        if what in {"refuses", "silent"}:
            for site in sites:
                site.mood = ("refuses" if what == "refuses" else "silent") if ill else "well"
            return
        for site in sites if what == "all" else sites[:1]:
            site.fail() if ill else site.recover()
        if what == "all" and self._clock.quality() is not TimeQuality.UNSYNCED:
            self._clock.set_quality(TimeQuality.HOLDOVER if ill else TimeQuality.SYNCED)

    def _set_clock(self, wrong_by: timedelta) -> None:
        self._clock.step_wall(self._truth() + wrong_by - self._clock.wall())
        if self._clock.quality() is TimeQuality.UNSYNCED:
            self._clock.set_quality(TimeQuality.SYNCED)

    def _sample(self) -> None:
        gc.collect()
        size = self._disk.sizes()
        waiting, _ = self._life.outbox.figures()
        self.samples.append(
            Sample(
                at_s=self._now_s,
                resident_bytes=self._process.memory_info().rss,
                blocks=sys.getallocatedblocks(),
                waiting=sum(waiting.values()),
                alarms_bytes=size["alarms.db"],
                telemetry_bytes=size["telemetry.db"],
                logs_bytes=size["alarms.db-wal"] + size["telemetry.db-wal"],
                presses=self._hands.presses,
                run=self.endings.total(),
            )
        )
        self._tell(self._now_s)
