"""The context that every part of the core is given."""

from dataclasses import dataclass

from agent.outbox.reporter import Reporter
from agent.ports import Clock
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.supervision.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Context:
    """Made once, before the parts; each part reports and registers itself here. Any thread."""

    clock: Clock
    reporter: Reporter
    """Reports to the centre."""
    board: HealthBoard
    """Which parts work, and their figures."""
    security: SecurityLog
    supervisor: Supervisor
    """Owns the threads, and watches those that others own."""
