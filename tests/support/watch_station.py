"""A watchkeeper whose clock and threads a test moves."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent.outbox.outbox import Outbox
from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.main_loop import MainLoop, Watched
from agent.runtime.supervision.part_reporter import PartReporter
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.supervision.supervisor import Supervisor
from agent.runtime.supervision.time_watch import TimeWatch
from agent.sim.clock import SimClock
from tests.support.drafts import FACTORY, body, taken, write
from tests.support.fake_ports import topics


@dataclass
class FakeNotifier:
    watchdog_interval_s: float | None = 10.0
    fed: int = 0

    def ready(self) -> None: ...

    def watchdog(self) -> None:
        self.fed += 1

    def status(self, text: str) -> None: ...

    def stopping(self) -> None: ...


class CountedSupervisor(Supervisor):
    """Whose passes a test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.made = {"store": 1, "pipeline": 1, "publisher": 1}
        self.others: dict[str, int] = {}

    def passes(self) -> dict[str, int]:
        return dict(self.made)

    def other_passes(self) -> dict[str, int]:
        return dict(self.others)

    def advance(self, *names: str) -> None:
        for name in names:
            (self.others if name in self.others else self.made)[name] += 1


@dataclass
class Station:
    outbox: Outbox
    clock: SimClock
    connected: bool = True
    notifier: FakeNotifier = field(default_factory=FakeNotifier)
    supervisor: CountedSupervisor = field(default_factory=CountedSupervisor)
    pulses: dict[str, int | None] = field(default_factory=lambda: {"lights": None, "sim-control": None})
    ended: list[frozenset[str]] = field(default_factory=list)
    hears: bool = True

    def __post_init__(self) -> None:
        self.board = HealthBoard(PartReporter(self.outbox, FACTORY).report)
        self.keeper = MainLoop(
            watched=Watched(
                supervisor=self.supervisor,
                outbox=self.outbox,
                board=self.board,
                connected=lambda: self.connected,
                cameras=lambda: {"front": {"persons": 1}},
                inputs=lambda: {"police": {"presses": 3}},
                hears=lambda: self.hears,
                self_test=lambda: {"passed": True},
                pulses={"lights": lambda: self.pulses["lights"]},
                other_pulses={"sim-control": lambda: self.pulses["sim-control"]},
            ),
            factory=FACTORY,
            clock=self.clock,
            notifier=self.notifier,
            time_watch=TimeWatch(FACTORY, self.clock, self.outbox.put),
            security=SecurityLog(FACTORY, self.clock, self.outbox.put),
            health_interval_s=60,
            tell_status=lambda: None,
            end=self.ended.append,
        )

    def look(self, after_s: float, *advanced: str) -> None:
        self.clock.advance(timedelta(seconds=after_s))
        self.supervisor.advance(*advanced)
        self.keeper.tick()

    def sent(self) -> list[tuple[str, dict[str, Any]]]:
        write(self.outbox)
        messages = taken(self.outbox)
        return list(zip(topics(messages), [body(m)["data"] for m in messages], strict=True))
