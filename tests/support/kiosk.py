"""A pipeline with a real outbox, made-up lights and a clock that is set by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent.contract.messages import AlarmCamera, Answer
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook, InputKind
from agent.core.alarms.service import Service
from agent.core.alarms.siren import SirenRules
from agent.core.facts import AckVerdict, CentreAck, ConditionChanged, Edge, InputFault
from agent.core.inputs.panel import Panel
from agent.core.wiring import ButtonRules, ConditionRules
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.persistence import keep_restored, read_kept
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.alarms.readiness import Readiness
from agent.runtime.alarms.siren import SirenController
from tests.support.alarm_book import CENTRE
from tests.support.command_rig import WhenAwaited
from tests.support.context import make_context
from tests.support.drafts import body, taken, write
from tests.support.fake_ports import MemoryLights, MemorySiren
from tests.support.sim_clock import SimClock

KINDS = [
    InputKind("police", "panic", False),
    InputKind("hidden", "duress", True),
    InputKind("held", "fire", False),
]
RULES = [ButtonRules("police", chatter_presses=0), ButtonRules("hidden"), ButtonRules("held", hold_s=2)]
DOOR = ConditionRules("door", "tamper", delay_s=0, restore_s=10)
OUT_OF_SERVICE_AFTER_S = 300


@dataclass
class Kiosk:
    outbox: Outbox
    clock: SimClock
    lights: MemoryLights = field(default_factory=MemoryLights)
    camera: bool = True
    captured: list[str] = field(default_factory=list)
    asked: list[tuple[str, bool]] = field(default_factory=list)
    """The alarms and stages in which nobody had answered, and whether it was the first such stage."""
    on_send: Callable[[], None] = lambda: None
    rules: Sequence[ButtonRules] = tuple(RULES)
    reported: list[InputFault | ConditionChanged] = field(default_factory=list)
    """What the inputs said beside presses."""
    recordings: Any = None
    siren: MemorySiren = field(default_factory=MemorySiren)

    def __post_init__(self) -> None:
        now_ns, keep = self.clock.boottime_ns(), self.outbox.keep
        self.outbox.keep = lambda key, value: WhenAwaited(keep(key, value), self.outbox)  # type: ignore[method-assign]
        context = make_context(self.outbox, self.clock)
        self._board = context.board
        kept = read_kept(self.outbox, context)
        self.book = AlarmBook(KINDS, self.clock.boot_id, None, kept, now_ns=now_ns)
        keep_restored(self.book, self.outbox, context.security)()
        self.siren_controller = SirenController(
            rules=SirenRules(),
            earnest="actual",
            port=self.siren,
            outbox=self.outbox,
            context=context,
        )
        any_part: Any = self
        self.pipeline = Pipeline(
            book=self.book,
            readiness=Readiness(service=Service(OUT_OF_SERVICE_AFTER_S * 10**9, now_ns), context=context),
            panel=Panel(self.rules, [DOOR]),
            audible=["police", "held"],
            context=context,
            outbox=self.outbox,
            lights=self.lights,
            cameras=any_part if self.camera else None,
            sender=any_part,
            paths=any_part,
            inputs=any_part,
            siren=self.siren_controller,
            recordings=self.recordings,
        )

    @property
    def degraded(self) -> dict[str, str]:
        """The parts that do not work, and why."""
        return {name: state.detail for name, state in self._board.parts().items() if not state.ok}

    def report(self, fact: InputFault | ConditionChanged) -> None:
        self.reported.append(fact)

    def try_other_path(self, reason: str, *, unless_watched: bool) -> None:
        self.asked.append((reason, not unless_watched))

    def send(self, most: int) -> None:
        assert most == 1
        self.on_send()

    def capture(self, alarm_id: str) -> AlarmCamera | None:
        self.captured.append(alarm_id)
        return AlarmCamera(name="front", persons=2, snapshot=alarm_id)

    def edge(self, name: str = "police", *, active: bool = True, after_ms: int = 0) -> None:
        self.clock.advance(timedelta(milliseconds=after_ms))
        self.pipeline.edge(Edge(name, active, self.clock.boottime_ns()))

    def wait(self, seconds: float) -> None:
        """So much time passes at once; then every step that is due is taken."""
        self.clock.advance(timedelta(seconds=seconds))
        self.pipeline.run_once(0)
        self.pipeline.drain()

    def press(self, name: str = "police") -> str:
        self.edge(name)
        self.pipeline.drain()
        return next(alarm.data.alarm_id for alarm in self.book.open() if alarm.data.input == name)

    def ack(self, alarm_id: str, action: AckAction, press_count: int | None = None, who: Answer = CENTRE) -> AckVerdict:
        now_ns = self.clock.boottime_ns()
        answer = self.pipeline.acknowledge(CentreAck(alarm_id, action, who, now_ns, press_count))
        self.pipeline.drain()
        return answer.verdict

    def sent(self) -> list[dict[str, object]]:
        write(self.outbox)
        return [body(message) for message in taken(self.outbox)]
