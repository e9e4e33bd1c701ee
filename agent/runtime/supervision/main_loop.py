"""The loop of the main thread: looks after the other threads, reports health, feeds the watchdog."""

import faulthandler
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from agent.contract.device import HealthData
from agent.core.standstill import Standstill
from agent.outbox.outbox import Outbox
from agent.ports import Notifier
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.data_use import DataUse
from agent.runtime.supervision.own_process import OwnProcess
from agent.runtime.supervision.status_file import StatusFile
from agent.runtime.supervision.time_watch import TimeWatch

_TICK_S = 1.0
_STALL_NS = 5 * 10**9
STANDSTILL_S = 30.0
"""How long a part may stand still before it counts as hanging."""
RESTART, REBOOT = 75, 76
"""Exit codes of the loop: start the core again, in this process, or the whole machine."""
_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")

log = logging.getLogger(__name__)


class HearsEdges(Protocol):
    """The part that knows whether the pins still report their edges."""

    def tick(self) -> bool:
        """Return false when they report none any more. Called about once a second, on the main thread."""
        ...


class HasConnection(Protocol):
    """The part that knows whether a broker has accepted us."""

    @property
    def connected(self) -> bool:
        """Whether a broker has accepted us. Any thread."""
        ...


def end_at_once(parts: frozenset[str]) -> None:
    """Write out the stacks of all threads, and end the process with exit code 1. An orderly stop could wait for the
    part that hangs; the black box has what must not be lost."""
    log.critical("%s: no progress for too long; the agent ends, to be restarted", ", ".join(sorted(parts)))
    with os.fdopen(os.memfd_create("stacks"), "w+b") as stacks:
        faulthandler.dump_traceback(stacks, all_threads=True)
        stacks.seek(0)
        sys.stderr.write(stacks.read().decode("utf-8", "replace"))
    sys.stderr.flush()
    os._exit(1)


class MainLoop:
    """Runs on the main thread until a signal or the end of an essential part."""

    def __init__(
        self,
        *,
        context: Context,
        outbox: Outbox,
        publisher: HasConnection,
        edges: HearsEdges,
        notifier: Notifier,
        health_interval_s: float,
        data: DataUse | None = None,
        status_file: Path | None,
        settings: str | None = None,
        end: Callable[[frozenset[str]], None] = end_at_once,
    ) -> None:
        """`status_file` is the path of the status file, and `settings` goes into it; see `StatusFile`.

        `end` ends the process because these parts hang. It is called only when no service manager watches: one that
        does acts by itself when its watchdog is no longer fed."""
        self._clock = clock = context.clock
        self._reporter = context.reporter
        self._board = context.board
        self._security = context.security
        self._supervisor = context.supervisor
        self._outbox = outbox
        self._publisher = publisher
        self._data = data
        self._edges = edges
        self._notifier = notifier
        self._time_watch = TimeWatch(context.reporter, clock)
        self._status_file = StatusFile(status_file, clock, context.board, settings)
        self._health_interval_ns = int(health_interval_s * 1e9)
        self._health_due_ns = 0
        self._started_ns = clock.boottime_ns()
        self._process = OwnProcess()
        self._stopping = False
        self._code = 0
        self._fed_counts: dict[str, int | None] = {}
        self._fed_ns = 0
        self._store_passes: tuple[int | None, int] = (-1, self._started_ns)
        self._end = end
        self._essential = Standstill(int(STANDSTILL_S * 1e9))
        self._others = Standstill(int(STANDSTILL_S * 1e9))
        self._hanging: frozenset[str] = frozenset()
        """The non-essential parts that are reported as hanging."""

    def stop(self) -> None:
        """End `keep_watch`. From a signal handler or another thread."""
        self._stopping = True
        self._supervisor.wake.set()

    def leave(self, code: int) -> None:
        """End `keep_watch` with this code. Any thread."""
        self._code = code
        self.stop()

    def keep_watch(self) -> int:
        """Look after everything until the end; returns the exit code: 0 when asked to stop, 1 when a part failed, or
        that of `leave`."""
        interval_s = self._notifier.watchdog_interval_s
        tick_s = _TICK_S if interval_s is None else min(_TICK_S, interval_s / 4)
        while not self._stopping:
            if (failed := self._supervisor.failed()) is not None:
                log.error("the part %s ended unexpectedly; the service manager restarts the agent", failed.name)
                return 1
            if not self._edges.tick():
                log.error("the pins no longer report edges; the service manager restarts the agent")
                return 1
            self.tick()
            self._supervisor.wake.wait(tick_s)
        return self._code

    def tick(self) -> None:
        """Do one round."""
        self._time_watch.tick()
        for notice in self._outbox.notices():
            self._security.report(notice.kind, notice.text, **notice.detail)
        self._look_at_storage()
        if self._data is not None:
            self._data.tick()
        now_ns = self._clock.boottime_ns()
        self._look_for_standstill(now_ns)
        if self._publisher.connected:
            if now_ns >= self._health_due_ns:
                self._health_due_ns = now_ns + self._health_interval_ns
                self._reporter.publish(self._reporter.make.health(self.health()))
        else:
            self._health_due_ns = now_ns
        self._status_file.tick()
        self._feed_watchdog(now_ns)

    def health(self) -> HealthData:
        """Return the figures of this moment."""
        waiting, dropped = self._outbox.figures()
        parts = self._board.parts()
        uptime_s = (self._clock.boottime_ns() - self._started_ns) // 10**9
        return HealthData(
            status="ok" if all(state.ok for state in parts.values()) else "degraded",
            parts={
                name: {"state": "ok" if state.ok else "degraded"} | ({"detail": state.detail} if state.detail else {})
                for name, state in parts.items()
            },
            uptime_s=uptime_s,
            outbox={name: count for name, count in waiting.items() if count},
            dropped={name: count for name, count in dropped.items() if count},
            cpu_percent=self._process.cpu_percent(),
            memory_bytes=self._process.resident_bytes(),
            disk_free_bytes=self._outbox.writer.housekeeping.free_bytes,
            disk=_wear(self._process.written_bytes(), uptime_s),
            temperature_c=_temperature_c(),
            **{"cameras": {}, "inputs": {}, **self._board.figures()},
        )

    def _look_at_storage(self) -> None:
        passes = self._supervisor.passes().get("store", 0)
        now_ns = self._clock.boottime_ns()
        if passes != self._store_passes[0]:
            self._store_passes = (passes, now_ns)
        fault = self._outbox.writer.fault
        if fault is None and now_ns - self._store_passes[1] > _STALL_NS:
            fault = "the disk does not answer"
        self._board.report("storage", ok=fault is None, detail=fault or "")

    def _feed_watchdog(self, now_ns: int) -> None:
        """Feed the watchdog, but only if every part that a press needs has moved on. The store is not one of them: a
        disk that hangs must not end a process that still sends alarms from memory."""
        interval_s = self._notifier.watchdog_interval_s
        if interval_s is None or now_ns - self._fed_ns < interval_s / 2 * 1e9:
            return
        counts = self._essential_counts()
        if all(count is None or count != self._fed_counts.get(name) for name, count in counts.items()):
            self._fed_counts, self._fed_ns = counts, now_ns
            self._notifier.watchdog()

    def _look_for_standstill(self, now_ns: int) -> None:
        hanging = self._essential.tick(self._essential_counts(), now_ns)
        if hanging and self._notifier.watchdog_interval_s is None:
            self._end(hanging)
        hanging = self._others.tick(self._supervisor.other_passes(), now_ns)
        for name in hanging | self._hanging:
            ok = name not in hanging
            self._board.report(name, ok=ok, detail="" if ok else "it no longer makes progress")
        self._hanging = hanging
        for name in self._supervisor.lost():
            self._board.report(name, ok=False, detail="a fault in the agent ended it; see the log")

    def _essential_counts(self) -> dict[str, int | None]:
        counts = self._supervisor.passes()
        counts.pop("store", None)
        return counts


def _wear(written: int | None, uptime_s: int) -> dict[str, int]:
    """Return the bytes that this process has written to disks, in all and per day; empty if the kernel does not say."""
    if written is None:
        return {}
    return {"written_bytes": written, "written_bytes_per_day": written * 86_400 // max(60, uptime_s)}


def _temperature_c() -> float | None:
    try:
        return int(_TEMPERATURE.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None
