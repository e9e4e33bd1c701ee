"""The state of one walk: lines of the tap, answers of the technician and time come in; orders and verdicts come out.

Pure. The times `now_s` are of any clock that does not step, and count within one run of the program only. What must
outlive a power cut is in `kept`: a step that was under way begins afresh.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self
from uuid import NAMESPACE_URL, uuid5

from agent.contract.kinds import KINDS
from agent.core.commissioning.open_alarms import OpenAlarms
from agent.core.commissioning.plan import Act, Order, Step, matches
from agent.core.commissioning.record import Interruption, Kept, Outcome, Verdict

State = Literal["preparing", "acting", "failed", "waiting", "done"]
"""`preparing`: the device is getting ready. `failed`: the technician chooses what next. `waiting`: an alarm in earnest
is open."""
Answer = Literal["yes", "no", "again", "leave-out", "go-on"]

PREPARE_S = 30.0
"""How long the device may take to get ready for a step."""
_RESULT = KINDS["result"].type
_EARNEST = "An alarm in earnest is open: somebody may need help. The walk waits until the centre has closed it."


@dataclass(frozen=True, slots=True)
class View:
    """What to show the technician."""

    state: State
    step: str
    number: int
    """Of the step, from 1; past the last one when the walk is done."""
    count: int
    say: str
    asks: bool = False
    """Whether yes or no is wanted."""
    heard: int = 0
    """How many of the `expected` lines have come."""
    expected: int = 0
    seconds_left: float = 0.0


class Walk:
    """One walk. One thread.

    Whoever drives it saves `kept` whenever it has changed, and before sending `orders`: their ids count on it.
    """

    def __init__(self, steps: Sequence[Step], kept: Kept, now_s: float) -> None:
        """Use `begin` or `resume`."""
        self._steps = tuple(steps)
        self.kept = kept
        self._now_s = now_s
        self._orders: list[Order] = []
        self._sent = 0
        self._minded: set[str] = set()
        """The orders of this step that must be done."""
        self._awaited = ""
        """The one of them that is waited for; empty when the device is ready."""
        self._alarms = OpenAlarms()
        self._closing: set[str] = set()
        """The tests whose close was ordered."""
        self._time = self._timeq = ""
        self._path: Mapping[str, Any] = {}
        """The newest line that tells the path."""
        self._started: Mapping[str, Any] = {}
        """The boot of the machine, and whether it came after a power cut (`cut`)."""
        self._tries = {each.step: each.tries for each in kept.verdicts}
        self._index = self._at = 0
        """The step, and the act in it."""
        self._state: State = "preparing"
        self._began_s = self._since_s = self._due_s = self._renew_s = now_s
        """When the step began, when its act did, until when that may take, and when to renew what is kept up."""
        self._figures: list[dict[str, Any]] = []
        self._heard: set[int] = set()

    @classmethod
    def begin(cls, steps: Sequence[Step], walk: str, now_s: float) -> Self:
        """Begin a walk, with an identifier that no other has: at most 40 of a-z, 0-9 and `-`."""
        self = cls(steps, Kept(walk=walk, device=steps[0].device), now_s)
        self._go_on()
        return self

    @classmethod
    def resume(cls, steps: Sequence[Step], kept: Kept, now_s: float) -> Self:
        """Take up a walk. Verdicts on steps that have changed since are forgotten; of a walk at another device, or with
        another board, nothing counts here, and another one begins."""
        device = steps[0].device
        if kept.device != device:
            return cls.begin(steps, str(uuid5(NAMESPACE_URL, f"{kept.walk} {device}")), now_s)
        valid = {(step.id, step.digest) for step in steps}
        verdicts = tuple(each for each in kept.verdicts if (each.step, each.digest) in valid)
        self = cls(steps, kept.model_copy(update={"verdicts": verdicts, "run": kept.run + 1}), now_s)
        here = self._verdict(kept.step)
        if here is not None and here.outcome == "failed":  # nobody has said yet how to go on
            self._index = [step.id for step in steps].index(kept.step)
            self._state = "failed"
        else:
            self._go_on()
        return self

    # --- what comes in

    def take(self, line: Mapping[str, Any], now_s: float) -> None:
        """Take a line of the tap."""
        self._now_s = now_s
        self._time, self._timeq = line.get("time", self._time), line.get("timeq", self._timeq)
        self._started = line.get("started", self._started)
        if "path" in line:
            self._path = line
        was_waiting = self._is_waiting
        if self._alarms.note(line):
            self._note_interruptions()
        if self._is_waiting or self._step is None:
            return
        if was_waiting:
            if self._state != "failed":
                self._begin()
        elif line.get("type") == _RESULT:
            self._on_result(line["data"])
        if self._state == "preparing":
            self._act_if_ready()
        elif self._state == "acting":
            self._hear(line)

    def say(self, answer: Answer, now_s: float, reason: str = "") -> bool:
        """Take an answer of the technician; return whether it fits here. `leave-out` needs a reason."""
        self._now_s = now_s
        if self._step is None or self._is_waiting:
            return False
        if answer == "leave-out" and reason:
            self._end("left-out", reason)
            self._go_on()
        elif answer == "again" and self._state in {"acting", "failed"}:
            self._closing.clear()
            self._end_tests()
            self._keep(boot="")
            self._begin()
        elif answer == "go-on" and self._state == "failed":
            self._go_on()
        elif answer in {"yes", "no"} and self._state == "acting" and self._is_question:
            if answer == "yes":
                self._next_act()
            else:
                self._end("failed", reason or f"the answer was no: {self._act.say}")
        else:
            return False
        return True

    def leave(self) -> None:
        """End what a step has begun on the device, as the technician leaves: the next run begins it afresh."""
        if self._step is not None and not self._is_waiting:
            self._end_tests()

    def tick(self, now_s: float) -> None:
        """Renew what a step keeps up, and end a step whose time is up."""
        self._now_s = now_s
        if self._step is None or self._is_waiting or self._state == "failed":
            return
        if now_s >= self._due_s:
            what = "the device did not get ready" if self._state == "preparing" else "it was not seen"
            self._end("failed", f"{what} within {self._due_s - self._since_s:g} s")
        elif self._step.keep_up is not None and now_s >= self._renew_s:
            self._keep_up(self._step.keep_up)

    # --- what comes out

    def orders(self) -> list[Order]:
        """Return the orders to sign and send, each once, in order."""
        orders, self._orders = self._orders, []
        return orders

    def view(self) -> View:
        """Return what to show now."""
        step, count = self._step, len(self._steps)
        if step is None:
            return View("done", "", count + 1, count, "Every step has its verdict.")
        shown = View("waiting", step.id, self._index + 1, count, _EARNEST)
        if self._is_waiting:
            return shown
        left_s = max(0.0, self._due_s - self._now_s)
        if self._state == "failed":
            verdict = self._verdict(step.id)
            return replace(shown, state="failed", say="" if verdict is None else verdict.reason)
        if self._state == "preparing":
            return replace(shown, state="preparing", say="The device is getting ready.", seconds_left=left_s)
        return replace(
            shown,
            state="acting",
            say=self._act.say,
            asks=self._is_question,
            heard=len(self._heard),
            expected=len(self._act.until),
            seconds_left=left_s,
        )

    # --- alarms

    @property
    def _is_waiting(self) -> bool:
        return any(self._alarms.in_earnest())

    def _note_interruptions(self) -> None:
        """An alarm in earnest gets into the report, and so does its end."""
        told = {each.alarm_id for each in self.kept.interruptions}
        known = self.kept.interruptions
        if self._alarms.is_known:
            known = tuple(each.model_copy(update={"ended": each.alarm_id not in self._alarms}) for each in known)
        step = "" if self._step is None else self._step.id
        new = (
            Interruption(step=step, alarm_id=data["alarm_id"], input=data["input"], raised_at=data["raised_at"])
            for data in self._alarms.in_earnest()
            if step and data["alarm_id"] not in told
        )
        self._keep(interruptions=(*known, *new))

    # --- the steps

    @property
    def _step(self) -> Step | None:
        return self._steps[self._index] if self._index < len(self._steps) else None

    @property
    def _current(self) -> Step:
        return self._steps[self._index]

    @property
    def _act(self) -> Act:
        return self._current.acts[self._at]

    @property
    def _is_question(self) -> bool:
        return not self._act.until and not self._act.restarts

    def _verdict(self, step: str) -> Verdict | None:
        return next((each for each in self.kept.verdicts if each.step == step), None)

    def _go_on(self) -> None:
        """Begin the first step that has no verdict."""
        for index, step in enumerate(self._steps):
            self._index = index
            if self._verdict(step.id) is None:
                self._begin()
                return
        self._index = len(self._steps)
        self._keep(step="")

    def _begin(self) -> None:
        """Begin the step, or begin it afresh."""
        step = self._current
        self._state, self._at = "preparing", 0
        self._began_s = self._since_s = self._now_s
        self._due_s = self._now_s + PREPARE_S
        self._figures, self._heard = [], set()
        self._tries[step.id] = self._tries.get(step.id, 0) + 1
        self._keep(step=step.id, verdicts=tuple(each for each in self.kept.verdicts if each.step != step.id))
        self._minded = set()
        if not self._alarms.is_known:
            self._order(Order("rebirth", {}))
        self._awaited = "" if step.keep_up is None else self._keep_up(step.keep_up)
        self._act_if_ready()

    def _act_if_ready(self) -> None:
        if self._current.inputs:  # a press on a test that is still open raises nothing, and changes no lamp
            self._close_tests()
        if not self._awaited and self._alarms.is_known and not (self._current.inputs and self._alarms.tests()):
            self._begin_act()

    def _begin_act(self) -> None:
        self._state = "acting"
        self._heard = set()
        self._since_s = self._now_s
        self._due_s = self._now_s + self._act.seconds
        if self._act.order is not None:
            self._order(self._act.order)
        if self._act.restarts:
            self._note_boot()
        else:
            self._hear(self._path)  # which is told when it changes, and may be so already

    def _hear(self, line: Mapping[str, Any]) -> None:
        act = self._act
        for pattern, meaning in act.never:
            if matches(pattern, line):
                self._end("failed", meaning)
                return
        if act.restarts:
            self._note_boot()
            return
        for number, pattern in enumerate(act.until):
            if number not in self._heard and matches(pattern, line):
                self._heard.add(number)
                data = line.get("data", {})
                figure = {key: data[key] for key in act.keep if key in data}
                self._figures.append({"after_s": round(self._now_s - self._since_s, 3), **figure})
        if act.until and len(self._heard) == len(act.until):
            self._next_act()

    def _note_boot(self) -> None:
        boot = self._started.get("boot", "")
        if not self.kept.boot:
            self._keep(boot=boot)
        elif boot in {"", self.kept.boot}:
            return
        elif self._started["cut"]:
            self._figures.append({"boot": boot})
            self._next_act()
        else:
            self._end("failed", "that was a restart, not a power cut: pull the plug")

    def _next_act(self) -> None:
        self._at += 1
        if self._at < len(self._current.acts):
            self._begin_act()
        else:
            self._end("passed", "")
            self._go_on()

    def _end(self, outcome: Outcome, reason: str) -> None:
        step = self._current
        verdict = Verdict(
            step=step.id,
            digest=step.digest,
            outcome=outcome,
            reason=reason,
            seconds=round(self._now_s - self._began_s, 3),
            tries=self._tries[step.id],
            at=self._time,
            timeq=self._timeq,
            figures=tuple(self._figures),
        )
        self._state = "failed"
        others = (each for each in self.kept.verdicts if each.step != step.id)
        self._keep(verdicts=(*others, verdict), boot="")
        self._end_tests()

    # --- orders

    def _on_result(self, data: Mapping[str, Any]) -> None:
        if data["command_id"] not in self._minded or data["status"] in {"in-progress", "accepted"}:
            return
        if data["status"] == "succeeded":
            if data["command_id"] == self._awaited:
                self._awaited = ""
        elif self._state != "failed":
            self._end("failed", f"the device did not do {data['name']}: {data['text']}")

    def _keep_up(self, order: Order) -> str:
        self._renew_s = self._now_s + order.args["seconds"] / 2
        return self._order(order)

    def _end_tests(self) -> None:
        self._minded = set()
        if self._current.inputs:
            self._order(Order("test-mode", {"seconds": 0.0}), minded=False)
            self._close_tests()

    def _close_tests(self) -> None:
        for alarm_id in self._alarms.tests():
            if alarm_id in self._closing:
                continue
            self._closing.add(alarm_id)
            self._order(Order("ack", {"alarm_id": alarm_id, "action": "closed", "reason": "test"}), minded=False)

    def _order(self, order: Order, *, minded: bool = True) -> str:
        """Have an order sent; a step fails if one that it minds is refused."""
        self._sent += 1
        sent = replace(order, id=f"{self.kept.walk}-{self.kept.run}-{self._sent}")
        self._orders.append(sent)
        if minded:
            self._minded.add(sent.id)
        return sent.id

    def _keep(self, **changes: Any) -> None:
        self.kept = self.kept.model_copy(update=changes)
