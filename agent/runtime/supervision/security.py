"""Security events, with a limit for each kind: a flood of forged acks must not become a flood of ours."""

import logging
import threading
from dataclasses import dataclass
from typing import Any

from agent.contract.messages import SecurityData
from agent.contract.security import SECURITY, SecurityKind
from agent.outbox.reporter import Reporter
from agent.outbox.state import Changes
from agent.ports import Clock

_WINDOW_NS = 60 * 1_000_000_000
_MOST_A_WINDOW = 20
TOPIC_LENGTH = 256
"""A topic that somebody else has chosen is cut to this length before we repeat it."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _RateWindow:
    began_ns: int
    sent: int = 0
    suppressed: int = 0


class SecurityLog:
    """Reports security events to the security centre and to the local log. Any thread."""

    def __init__(self, reporter: Reporter, clock: Clock) -> None:
        self._reporter = reporter
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, _RateWindow] = {}

    def report(self, kind: SecurityKind, text: str, *, is_logged: bool = False, **detail: Any) -> bool:
        """Publish `up/security/{kind}` with the severity and the detail of its row. Pass `is_logged` when the log has
        it already.

        Returns false when there were too many of the kind lately. It is then counted, and the next one that goes out
        says how many were left out."""
        now_ns = self._clock.boottime_ns()
        with self._lock:
            window = self._windows.setdefault(kind, _RateWindow(now_ns))
            if now_ns - window.began_ns >= _WINDOW_NS:
                window = self._windows[kind] = _RateWindow(now_ns, suppressed=window.suppressed)
            if window.sent >= _MOST_A_WINDOW:
                window.suppressed += 1
                return False
            window.sent += 1
            suppressed, window.suppressed = window.suppressed, 0
        self._publish(kind, text, detail, is_logged=is_logged, suppressed=suppressed)
        return True

    def record(self, kind: SecurityKind, text: str, keep: Changes, **detail: Any) -> None:
        """Publish an event of which none may be left out, and keep state together with it."""
        self._publish(kind, text, detail, keep)

    def _publish(
        self,
        kind: SecurityKind,
        text: str,
        detail: dict[str, Any],
        keep: Changes | None = None,
        *,
        is_logged: bool = False,
        suppressed: int = 0,
    ) -> None:
        severity = SECURITY[kind].severity
        if not is_logged:
            log.log(logging.INFO if severity == "info" else logging.WARNING, "security: %s: %s", kind, text)
        data = SecurityData(kind=kind, severity=severity, text=text, detail=detail, suppressed=suppressed)
        self._reporter.publish(self._reporter.make.security(data), keep)
