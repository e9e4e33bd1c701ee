"""The thread `self-test`: once a day, and on command, tries everything that a press needs, end to end.

It does one small piece of work per pass and checks in between whether an alarm is open. If so it gives way at once; to
a silent alarm, after the flash of the lights.
"""

import inspect
import logging
import queue
import threading
from collections.abc import Generator
from typing import Any

from agent.contract.envelope import rfc3339
from agent.contract.events import SelfTestData, SelfTestStep
from agent.contract.vocabulary import Outcome, Reason, TimeQuality
from agent.core.alarms.self_test import LastTest, Moment, Timetable
from agent.core.errors import StepFailed
from agent.core.facts import SelfTested
from agent.outbox.outbox import Outbox
from agent.ports import Lights
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.orders import SelfTestAnswer, self_test_done
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.script import Script
from agent.runtime.selftest.steps import is_flash
from agent.runtime.supervision.context import Context

SELF_TEST = "self-test"
"""The name of the thread, and of the part in the health message."""
LAST_KEY = "self-test/last"
_SLICE_S = 0.05
_REST_NS = 600 * 10**9
"""How long after an interruption by an alarm no scheduled test begins."""

log = logging.getLogger(__name__)


class SelfTest:
    """`order` and `last` from any thread, `run_once` on its own, `close` when that has ended."""

    def __init__(
        self,
        *,
        script: Script,
        alarm: ProbeAlarm,
        timetable: Timetable | None,
        context: Context,
        outbox: Outbox,
        kiosk: Pipeline,
        lights: Lights,
        commands: CommandHandler,
    ) -> None:
        """Without a `timetable` only orders begin a test. `kiosk` says whether an alarm is open, and hears of each
        result; `commands` hears of the end of an ordered test."""
        self._plan = script
        self._alarm = alarm
        self._timetable = timetable
        self._outbox = outbox
        self._reporter = context.reporter
        self._clock = context.clock
        self._board = context.board
        self._kiosk = kiosk
        self._lights = lights
        self._commands = commands
        context.board.add_figures("self_test", self.figures)
        self._orders: queue.SimpleQueue[tuple[str, bool]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_busy = False
        self._script: Generator[None, None, None] | None = None
        self._order: str | None = None
        self._reason: Reason = "schedule"
        self._results: list[SelfTestStep] = []
        self._alarm_before: str | None = None
        self._rest_until_ns = 0
        self._is_restored = False
        self.last: LastTest | None = None
        """The last completed test, of this run or an earlier one."""

    def order(self, order_id: str, siren: bool = False) -> SelfTestAnswer:
        """Begin a test now, if none is under way and no alarm is open; with `siren` the siren sounds in it."""
        if self._kiosk.open_ids:
            return "alarm-open"
        with self._lock:
            if self._is_busy:
                return "busy"
            self._is_busy = True
        self._orders.put((order_id, siren))
        return "asked"

    def figures(self) -> dict[str, Any] | None:
        """Return what health says of the last test. Any thread."""
        last = self.last
        if last is None:
            return None
        return {"time": last.time, "passed": not last.failed, "failed": list(last.failed)}

    def run_once(self, timeout_s: float) -> None:
        """Continue the test that is under way, or begin one that is due."""
        order: tuple[str, bool] | None = None
        try:
            order = self._orders.get(timeout=timeout_s if self._script is None else min(timeout_s, _SLICE_S))
        except queue.Empty:
            self._resume()
        if self._script is not None:
            self._go_on(self._script)
        elif order is not None:
            self._begin("command", *order)
        elif self._is_due():
            with self._lock:
                if self._is_busy:
                    return  # an order has just come
                self._is_busy = True
            self._begin("schedule")

    def close(self) -> None:
        """Interrupt the test: the lights and the centre must not be left with one that nobody continues."""
        if self._script is None:
            return
        if inspect.getgeneratorstate(self._script) == inspect.GEN_RUNNING:  # its thread hangs and did not stop
            log.error("the self-test hangs in a step; the next run handles its alarm")
            return
        self._interrupt(self._script)

    def _is_due(self) -> bool:
        if self._timetable is None or self._kiosk.open_ids or self._clock.boottime_ns() < self._rest_until_ns:
            return False
        return self._timetable.is_due(self.last, self._now())

    def _begin(self, reason: Reason, order: str | None = None, siren: bool = False) -> None:
        log.info("the self-test begins")
        self._reason, self._order, self._results = reason, order, []
        self._alarm_before = self._alarm_id()
        self._script = self._play(siren)

    def _go_on(self, script: Generator[None, None, None]) -> None:
        # If the lights still flash while an alarm is open, that alarm is silent: ending the flash now would betray it.
        if self._kiosk.open_ids and not is_flash(self._lights.shown()):
            self._interrupt(script)
            return
        try:
            next(script)
        except StopIteration:
            self._end("passed" if all(step.ok for step in self._results) else "failed")

    def _interrupt(self, script: Generator[None, None, None]) -> None:
        script.close()
        self._rest_until_ns = self._clock.boottime_ns() + _REST_NS
        self._end("interrupted")

    def _play(self, siren: bool) -> Generator[None, None, None]:
        for name, step in self._plan.steps(siren_sounds=siren):
            began_ns = self._clock.boottime_ns()
            ok = True
            try:
                detail = yield from step
            except StepFailed as failure:
                ok, detail = False, str(failure)
            took_ms = (self._clock.boottime_ns() - began_ns) // 1_000_000
            self._results.append(SelfTestStep(name=name, ok=ok, detail=detail, ms=took_ms))
            yield

    def _end(self, outcome: Outcome) -> None:
        self._script = None
        alarm_id = self._alarm_id()
        self._alarm.close()
        data = SelfTestData(
            outcome=outcome,
            reason=self._reason,
            alarm_id=None if alarm_id == self._alarm_before else alarm_id,
            steps=tuple(self._results),
        )
        keep: dict[str, str | None] = {}
        if outcome != "interrupted":
            failed = tuple(step.name for step in self._results if not step.ok)
            last = LastTest(self._now(), rfc3339(self._clock.wall()), failed)
            keep[LAST_KEY] = last.encode()
            self._note(last)
        self._reporter.publish(self._reporter.make.self_test(data), keep)
        for step in self._results:
            if not step.ok:
                log.error("self-test: %s: %s", step.name, step.detail)
        log.info("the self-test has ended: %s", outcome)
        with self._lock:
            self._is_busy = False
        if self._order is not None:
            self._commands.order_done(self_test_done(self._order, data))

    def _note(self, last: LastTest) -> None:
        self.last = last
        self._board.report(SELF_TEST, ok=not last.failed, detail=_failures(last))
        self._kiosk.submit(SelfTested(passed=last.heard))

    def _resume(self) -> None:
        """Restore what an earlier run has left, once it has been read from disk."""
        if self._is_restored or not self._outbox.writer.is_known:
            return
        self._is_restored = True
        self._alarm.close_kept()
        last = LastTest.decode(self._outbox.kept(LAST_KEY).get(LAST_KEY, ""))
        if self.last is not None or last is None:
            return
        if self._timetable is None:
            # Nobody knows when the next test comes: until then this one must not keep the kiosk out of service.
            self.last = last
        else:
            self._note(last)

    def _alarm_id(self) -> str | None:
        return None if self._alarm.data is None else self._alarm.data.alarm_id

    def _now(self) -> Moment:
        is_set = self._clock.quality() is not TimeQuality.UNSYNCED
        unix_ms = int(self._clock.wall().timestamp() * 1000) if is_set else None
        return Moment(self._clock.boot_id, self._clock.boottime_ns(), unix_ms)


def _failures(last: LastTest) -> str:
    return f"failed at {last.time}: {', '.join(last.failed)}" if last.failed else ""
