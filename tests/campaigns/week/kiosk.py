"""The whole core as `app.run` wires it, in one thread and in a time of our own, until it ends in one way or another."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from agent.core.alarms.self_test import Timetable
from agent.outbox.outbox import Outbox
from agent.outbox.writer import StoreWriter
from agent.ports import Lights
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.selftest.self_test import SelfTest
from agent.runtime.supervision.main_loop import MainLoop
from agent.runtime.supervision.supervisor import Supervisor, Worker
from agent.runtime.uplink.publisher import Publisher
from agent.settings import Settings
from agent.settings.tree import SelfTestSettings
from tests.support.sim_clock import SimClock

_DEVICE = "kiosk-0042"
_LOOK_S = 1.0
_ROUNDS = 200
"""Whoever still has something to do after so many rounds will have it for ever."""


class WeekClock(SimClock):
    """Stands still, but for an orderly stop, which waits for its own deadline."""

    passes_by_itself = False

    def boottime_ns(self) -> int:
        if self.passes_by_itself:
            self.advance(timedelta(milliseconds=100))
        return super().boottime_ns()


class QuietNotifier:
    """The port Notifier of a service manager that watches: then nobody else ends a process that seems to hang."""

    watchdog_interval_s: float | None = 30.0

    def ready(self) -> None:
        pass

    def watchdog(self) -> None:
        pass

    def status(self, text: str) -> None:
        pass

    def stopping(self) -> None:
        pass


class HandSupervisor(Supervisor):
    """Starts no thread: whoever holds it lets each worker do a pass when he likes."""

    def __init__(self) -> None:
        super().__init__()
        self.workers: dict[str, Any] = {}
        self.turns = 0
        self.first_seq = 0
        """The number after which this run goes on."""

    def thread(self, name: str, worker: Worker, **_: Any) -> AbstractContextManager[None]:  # type: ignore[override]
        return self._hold(name, worker)

    def passes(self) -> dict[str, int | None]:
        return {**dict.fromkeys(self.workers, self.turns)}

    @contextmanager
    def _hold(self, name: str, worker: Worker) -> Iterator[None]:
        self.workers[name] = worker
        if name == "store":
            worker.run_once(0)  # the start waits for it, and so does the end
            self.workers[name].flush = lambda _: worker.run_once(0)
            self.first_seq = self.workers[name]._numbers[0]
        yield
        del self.workers[name]


class Life:
    """One run of the agent, from READY to its end. Everything on one thread, but what a command keeps on disk."""

    def __init__(self, supervisor: HandSupervisor, main_loop: MainLoop, clock: WeekClock) -> None:
        workers = supervisor.workers
        self._supervisor = supervisor
        self._main_loop = main_loop
        self._clock = clock
        self._look_due_ns = 0
        self._writer: StoreWriter = workers["store"]
        self._handler: CommandHandler = workers["commands"]
        self._self_test: SelfTest = workers["self-test"]
        self.publisher: Publisher = workers["publisher"]
        self.pipeline: Pipeline = workers["pipeline"]
        self.outbox: Outbox = main_loop._outbox
        self.lights: Lights = self.pipeline._lights

    @property
    def is_testing(self) -> bool:
        """Whether a self-test is under way."""
        return self._self_test._script is not None

    def audible_stages(self) -> list[str]:
        """The stages of the open alarms that are not silent."""
        return [alarm.data.stage.value for alarm in self.pipeline._alarms._book.open() if not alarm.data.silent]

    def turn(self) -> None:
        """Let everybody do what there is to do."""
        self._supervisor.turns += 1
        # First, as all others do at once what it gives them to do.
        now_ns = self._clock.boottime_ns()
        if now_ns >= self._look_due_ns:
            self._look_due_ns = now_ns + int(_LOOK_S * 1e9)
            self._main_loop.tick()
        for _ in range(_ROUNDS):
            self.publisher.run_once(0)
            self._obey()
            while not self.pipeline._facts.empty():
                self.pipeline.run_once(0)
            self.pipeline.run_once(0)
            self._self_test.run_once(0)
            self._writer.run_once(0)
            queues: tuple[Any, ...] = (self.publisher._inbox._events, self.pipeline._facts, self._handler._queue)
            if all(each.empty() for each in queues):
                break
        else:
            raise AssertionError("the agent does not come to rest")

    def patience_s(self) -> float:
        """How long it may be left alone, if nothing happens to it."""
        if self.is_testing:
            return 0.1
        if self.pipeline.open_ids:
            return 1.0
        return 5.0 if self.publisher.connected else 2.0

    def end(self) -> None:
        """Have `app.run` come to its end."""
        self._main_loop.stop()

    def _obey(self) -> None:
        """A command waits for the journal, which therefore has a thread of its own meanwhile."""
        if self._handler._queue.empty():
            self._handler.run_once(0)
            return
        done = threading.Event()

        def store() -> None:
            while not done.is_set():
                self._writer.run_once(0.005)

        thread = threading.Thread(target=store, name="store")
        thread.start()
        try:
            while not self._handler._queue.empty():
                self._handler.run_once(0)
        finally:
            done.set()
            self._writer.wake()
            thread.join()


def settings_of(directory: Path, keys: Path) -> Settings:
    """A kiosk with four buttons, three conditions and two brokers."""
    return Settings.model_validate(
        {
            "device": {"province": "gp", "site": "jhb-park-station", "id": _DEVICE},
            "storage": {"directory": directory, "keep_free_bytes": 1024 * 1024},
            "mqtt": {"brokers": ["mqtt://first", "mqtt://second"]},
            "commands": {"keys": keys},
            "centre": {"required": True},
            "buttons": [
                {"name": "police", "kind": "panic", "pin": 17, "pin_nc": 27},
                {"name": "hidden", "kind": "duress", "pin": 5, "silent": True},
                {"name": "fire", "kind": "fire", "pin": 6},
                {"name": "medical", "kind": "medical", "pin": 13, "hold_s": HOLD_S["medical"]},
            ],
            "inputs": [
                {"name": "mains", "kind": "mains", "pin": 19},
                {"name": "battery", "kind": "battery", "pin": 26},
                {"name": "door", "kind": "tamper", "pin": 12},
            ],
            "lights": {"yellow": 22, "green": 23, "beacon": 24, "tone": 25},
            "self_test": {"centre_ack": True},
        }
    )


HOLD_S = {"police": 0.0, "hidden": 0.0, "fire": 0.0, "medical": 2.0}
"""The buttons, and how long each must be held to be pressed."""
SILENT = frozenset({"hidden"})


def _self_test_s() -> float:
    chosen = SelfTestSettings()
    timetable = Timetable(
        at=chosen.at, spread_s=chosen.spread_s, device=_DEVICE, started_ns=0, soonest_s=0, retry_s=chosen.retry_after_s
    )
    return timetable.of_day_ns / 1e9


SELF_TEST_S = _self_test_s()
"""When it is due, in seconds after midnight UTC."""
