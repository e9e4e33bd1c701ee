"""The thread `self-test`: once a day, and when it is told to, tries everything that a press needs, end to end.

It does one small piece of work a pass and looks in between whether an alarm is open: then it gives way at once,
and to a silent one after the flash of the lights.
"""

import inspect
import logging
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

from agent.contract.envelope import MessageFactory, rfc3339
from agent.contract.messages import SelfTestData, SelfTestStep
from agent.contract.vocabulary import Outcome, Reason, TimeQuality
from agent.core.alarms.self_test import LastTest, Moment, Timetable
from agent.core.errors import StepFailed
from agent.core.events import SelfTested
from agent.outbox.outbox import Outbox
from agent.ports import Clock
from agent.runtime.commands.orders import SelfTestAnswer
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.steps import Step
from agent.runtime.supervision.health import HealthBoard

SELF_TEST = "self-test"
"""The thread, and the part of the health."""
LAST_KEY = "self-test/last"
_SLICE_S = 0.05
_REST_NS = 600 * 10**9
"""After an alarm has interrupted a test the next one is not begun before."""

log = logging.getLogger(__name__)


class SelfTest:
    """`order` and `last` from any thread, `run_once` from its own, `close` when that has ended."""

    def __init__(
        self,
        *,
        steps: Callable[[], Iterator[tuple[str, Step]]],
        alarm: ProbeAlarm,
        timetable: Timetable | None,
        outbox: Outbox,
        factory: MessageFactory,
        clock: Clock,
        board: HealthBoard,
        in_alarm: Callable[[], bool],
        is_flashing: Callable[[], bool],
        tell: Callable[[SelfTested], None],
        done: Callable[[str, SelfTestData], None],
    ) -> None:
        """`steps` gives what is to be tried, one after the other. Without a `timetable` only orders begin a test.
        `in_alarm` says whether an alarm is open, `is_flashing` whether the test's lights are to be seen. `tell` hears
        of each end. `done` hears of an ordered one, with the identifier of the order."""
        self._steps = steps
        self._alarm = alarm
        self._timetable = timetable
        self._outbox = outbox
        self._factory = factory
        self._clock = clock
        self._board = board
        self._in_alarm = in_alarm
        self._is_flashing = is_flashing
        self._tell = tell
        self._done = done
        self._orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_busy = False
        self._script: Generator[None, None, None] | None = None
        self._order: str | None = None
        self._reason: Reason = "schedule"
        self._results: list[SelfTestStep] = []
        self._alarm_before: str | None = None
        self._rest_until_ns = 0
        self._is_taken_up = False
        self.last: LastTest | None = None
        """The last test that came to its end, in this run or an earlier one."""

    def order(self, order_id: str) -> SelfTestAnswer:
        """Begin a test now, if none is under way and no alarm is open."""
        if self._in_alarm():
            return "alarm-open"
        with self._lock:
            if self._is_busy:
                return "busy"
            self._is_busy = True
        self._orders.put(order_id)
        return "asked"

    def figures(self) -> dict[str, Any] | None:
        """What health says of the last test. Any thread."""
        last = self.last
        if last is None:
            return None
        return {"time": last.time, "passed": not last.failed, "failed": list(last.failed)}

    def run_once(self, timeout_s: float) -> None:
        """Go on with the test that is under way, or begin one that is due."""
        order: str | None = None
        try:
            order = self._orders.get(timeout=timeout_s if self._script is None else min(timeout_s, _SLICE_S))
        except queue.Empty:
            self._resume()
        if self._script is not None:
            self._go_on(self._script)
        elif order is not None:
            self._begin("command", order)
        elif self._is_due():
            with self._lock:
                if self._is_busy:
                    return  # an order has just come
                self._is_busy = True
            self._begin("schedule", None)

    def close(self) -> None:
        """Leave off: the lights and the centre are not to be left with a test that nobody goes on with."""
        if self._script is None:
            return
        if inspect.getgeneratorstate(self._script) == inspect.GEN_RUNNING:  # its thread hangs and did not stop
            log.error("the self-test hangs in a step; its alarm is left to the next run")
            return
        self._interrupt(self._script)

    def _is_due(self) -> bool:
        if self._timetable is None or self._in_alarm() or self._clock.boottime_ns() < self._rest_until_ns:
            return False
        return self._timetable.is_due(self.last, self._now())

    def _begin(self, reason: Reason, order: str | None) -> None:
        log.info("the self-test begins")
        self._reason, self._order, self._results = reason, order, []
        self._alarm_before = self._alarm_id()
        self._script = self._play()

    def _go_on(self, script: Generator[None, None, None]) -> None:
        # Where a flash goes on beside an open alarm, that one is silent: an end of it now would show the press.
        if self._in_alarm() and not self._is_flashing():
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

    def _play(self) -> Generator[None, None, None]:
        for name, step in self._steps():
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
        self._outbox.put(self._factory.self_test(data), keep)
        for step in self._results:
            if not step.ok:
                log.error("self-test: %s: %s", step.name, step.detail)
        log.info("the self-test has ended: %s", outcome)
        with self._lock:
            self._is_busy = False
        if self._order is not None:
            self._done(self._order, data)

    def _note(self, last: LastTest) -> None:
        self.last = last
        self._board.report(SELF_TEST, ok=not last.failed, detail=_failures(last))
        self._tell(SelfTested(passed=last.heard))

    def _resume(self) -> None:
        """What an earlier run has left, once the disk has said what that is."""
        if self._is_taken_up or not self._outbox.writer.is_known:
            return
        self._is_taken_up = True
        self._alarm.close_kept()
        last = LastTest.decode(self._outbox.kept(LAST_KEY).get(LAST_KEY, ""))
        if self.last is not None or last is None:
            return
        if self._timetable is None:
            # Nobody knows when the next one comes: till then it must not keep the kiosk out of service.
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
