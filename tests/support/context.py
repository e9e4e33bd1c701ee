"""What parts are handed, for a test."""

from collections.abc import Mapping

from agent.contract.messages import Draft
from agent.outbox.reporter import Accepts, Reporter
from agent.ports import Clock
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.supervision.supervisor import Supervisor
from tests.support.drafts import FACTORY
from tests.support.sim_clock import SimClock


class Collected(list[Draft]):
    """Stands for the outbox, and remembers what was published."""

    def put(self, draft: Draft, keep: Mapping[str, str | None] | None = None) -> str:
        self.append(draft)
        return f"m{len(self)}"


def reporter(outbox: Accepts | None = None) -> Reporter:
    return Reporter(FACTORY, Collected() if outbox is None else outbox)


def security_log(outbox: Accepts | None = None, clock: Clock | None = None) -> SecurityLog:
    return SecurityLog(reporter(outbox), clock or SimClock())


def make_context(
    outbox: Accepts | None = None,
    clock: Clock | None = None,
    *,
    supervisor: Supervisor | None = None,
    parts: Accepts | None = None,
) -> Context:
    """`parts` takes the events of parts that fail and work again, which nobody hears of by default."""
    clock, says = clock or SimClock(), reporter(outbox)
    return Context(clock, says, HealthBoard(reporter(parts)), SecurityLog(says, clock), supervisor or Supervisor())
