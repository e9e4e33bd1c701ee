"""A main loop whose clock and threads a test moves."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from agent.outbox.outbox import Outbox
from agent.runtime.supervision.main_loop import MainLoop
from agent.runtime.supervision.supervisor import Supervisor
from tests.support.context import make_context
from tests.support.drafts import body, taken, write
from tests.support.fake_ports import topics
from tests.support.sim_clock import SimClock


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

    def passes(self) -> dict[str, int | None]:
        return {**super().passes(), **self.made}

    def other_passes(self) -> dict[str, int | None]:
        return {**super().other_passes(), **self.others}

    def advance(self, *names: str) -> None:
        for name in names:
            (self.others if name in self.others else self.made)[name] += 1


FIGURES: dict[str, Any] = {
    "cameras": {"front": {"persons": 1, "tampers": []}},
    "inputs": {"police": {"presses": 3, "cut_short": 0, "faults": []}},
    "self_test": {"time": "2026-01-01T00:00:00.000Z", "passed": True, "failed": []},
}


@dataclass
class Pulse:
    pulses: dict[str, int | None]
    name: str

    def pulse(self) -> int | None:
        return self.pulses[self.name]


@dataclass
class LoopRig:
    outbox: Outbox
    clock: SimClock
    connected: bool = True
    notifier: FakeNotifier = field(default_factory=FakeNotifier)
    supervisor: CountedSupervisor = field(default_factory=CountedSupervisor)
    pulses: dict[str, int | None] = field(default_factory=lambda: {"lights": None, "sim-control": None})
    ended: list[frozenset[str]] = field(default_factory=list)
    hears: bool = True

    def __post_init__(self) -> None:
        context = make_context(self.outbox, self.clock, supervisor=self.supervisor, parts=self.outbox)
        self.board = context.board
        for field_name in FIGURES:
            self.board.add_figures(field_name, partial(FIGURES.get, field_name))
        self.supervisor.add_pulse("lights", Pulse(self.pulses, "lights"))
        self.supervisor.add_pulse("sim-control", Pulse(self.pulses, "sim-control"), essential=False)
        self.main_loop = MainLoop(
            context=context,
            outbox=self.outbox,
            publisher=self,
            edges=self,
            notifier=self.notifier,
            health_interval_s=60,
            status_file=None,
            end=self.ended.append,
        )

    def tick(self) -> bool:
        return self.hears

    def passes(self, after_s: float, *advanced: str) -> None:
        self.clock.advance(timedelta(seconds=after_s))
        self.supervisor.advance(*advanced)
        self.main_loop.tick()

    def sent(self) -> list[tuple[str, dict[str, Any]]]:
        write(self.outbox)
        messages = taken(self.outbox)
        return list(zip(topics(messages), [body(m)["data"] for m in messages], strict=True))
