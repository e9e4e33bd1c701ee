"""How ready the kiosk is for a press: in service, in test mode, or blinking so that a technician can find it.

The lights show it while no audible alarm needs them. None of it ever keeps a press from raising an alarm.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from agent.contract.events import ServiceData
from agent.contract.lamps import IDENTIFY, IDLE, OUT_OF_SERVICE, TEST_MODE, LightState, Pattern
from agent.core.alarms.code_lamp import CodeLamp
from agent.core.alarms.service import Service, ServiceChange, ServiceFact
from agent.core.alarms.test_mode import TestMode
from agent.runtime.supervision.context import Context

SERVICE = "service"
"""The name of this part in the health message."""


class Readiness:
    """Decides under the pipeline's lock, but reports nothing there: `reports` are called afterwards, without it."""

    def __init__(
        self,
        *,
        service: Service,
        context: Context,
    ) -> None:
        self._service = service
        self._reporter = context.reporter
        self._board = context.board
        self._security = context.security
        self._test_mode = TestMode()
        self._identify_until_ns: int | None = None
        self._code: CodeLamp | None = None
        self._code_lit = False
        self._code_at_ns = 0
        """When it was last looked at."""
        self._reports: list[Callable[[], object]] = []
        self.is_looked_through = False
        """Whether the beacon shows that somebody looks through a camera."""
        self.driven: LightState | None = None
        """What a self-test has the lights show; it comes before all other states here."""

    def lights(self) -> LightState:
        """Return what the lights show when no alarm decides."""
        if self.driven is not None:
            return self.driven
        if self._identify_until_ns is not None:
            return IDENTIFY
        shown = IDLE if self._service.in_service else OUT_OF_SERVICE
        if self._test_mode.ends_ns is not None:
            shown = TEST_MODE
        if self._code is not None:
            return replace(shown, beacon=Pattern.ON if self._code_lit else Pattern.OFF)
        return replace(shown, beacon=Pattern.SLOW_PULSE) if self.is_looked_through else shown

    def show_code(self, code: str | None, now_ns: int) -> None:
        """Have the beacon blink this code of the service page, or no longer."""
        self._code = None if code is None else CodeLamp(code, now_ns)
        self._code_lit, self._code_at_ns = True, now_ns

    def identify(self, until_ns: int) -> None:
        """Blink until then, so that a technician can find this kiosk."""
        self._identify_until_ns = until_ns

    def take(self, fact: ServiceFact, now_ns: int) -> None:
        """Note a change of something that service depends on."""
        self._service.take(fact, now_ns)

    def is_test(self, input_name: str, edge_ns: int) -> bool:
        """Return whether a press with this edge is a test."""
        return self._test_mode.covers(input_name, edge_ns)

    def begin_tests(self, inputs: Sequence[str] | None, now_ns: int, seconds: float) -> None:
        """Begin test mode: presses of these inputs, or of all, are tests for `seconds`. Or make it last so long."""
        self._test_mode.begin(inputs, now_ns, now_ns + int(seconds * 1e9))
        what = "every input" if inputs is None else ", ".join(inputs)
        detail: dict[str, Any] = {"input": None, "seconds": seconds}
        if inputs is not None:
            detail |= {"input": inputs[0] if len(inputs) == 1 else None, "inputs": [*inputs]}
        self._reports.append(lambda: self._security.report("test-mode-began", f"presses of {what} are tests", **detail))

    def end_tests(self, why: str) -> None:
        """End test mode: from now on every press is in earnest. Does nothing when it is not on."""
        if self._test_mode.ends_ns is None:
            return
        self._test_mode.end()
        self._reports.append(lambda: self._security.report("test-mode-ended", why))

    def tick(self, now_ns: int) -> None:
        """End what is over, and notice when the kiosk goes out of service or comes back."""
        if self._identify_until_ns is not None and now_ns >= self._identify_until_ns:
            self._identify_until_ns = None
        if self._test_mode.ends_ns is not None and now_ns >= self._test_mode.ends_ns:
            self.end_tests("its time is up")
        if self._code is not None:
            self._code_lit, self._code_at_ns = self._code.lit(now_ns), now_ns
        change = self._service.tick(now_ns)
        if change is not None:
            self._reports.append(lambda: self._report_service(change))

    def next_due_ns(self) -> int | None:
        """Return when `tick` next has something to do without a new fact."""
        code_ns = None if self._code is None else self._code.due_ns(self._code_at_ns)
        due = (self._identify_until_ns, self._test_mode.ends_ns, self._service.next_due_ns(), code_ns)
        return min((at for at in due if at is not None), default=None)

    def reports(self) -> list[Callable[[], object]]:
        """Return the reports since the last call; call them in order, without the lock, since a log may block."""
        reports, self._reports = self._reports, []
        return reports

    def _report_service(self, change: ServiceChange) -> None:
        detail = "" if change.in_service else f"out of service: {', '.join(change.reasons)}"
        data = ServiceData(reasons=change.reasons)
        self._reporter.publish(self._reporter.make.service(change.in_service, data))
        self._board.report(SERVICE, ok=change.in_service, detail=detail)
