"""Orders: commands that another part carries out, and that end later: pictures, self-tests and replays."""

from dataclasses import dataclass, field
from typing import Any, Literal

from agent.contract.commands import TABLE
from agent.contract.events import SelfTestData
from agent.contract.messages import ResultData
from agent.outbox.replay import ReplayEnd
from agent.ports import Received

SelfTestAnswer = Literal["asked", "busy", "alarm-open"]
"""Whether a self-test that was ordered will begin."""
OpenAnswer = Literal["ok", "no-code", "no-page"]
"""Whether the service page that was ordered will open, or end."""


@dataclass(frozen=True, slots=True)
class OrderDone:
    """The end of the order given by the command `id`; `code` and `text` are those of its result."""

    id: str
    ok: bool
    code: str
    text: str
    output: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FinishedOrder:
    """The final result of an order, the id of the key that signed it, and the message that it answers."""

    result: ResultData
    kid: str
    message: Received


@dataclass(frozen=True, slots=True)
class _Order:
    name: str
    kid: str
    message: Received
    until_ns: int


class Orders:
    """The orders under way. One thread."""

    def __init__(self) -> None:
        self._orders: dict[str, _Order] = {}

    def begin(self, result: ResultData, kid: str, message: Received, now_ns: int) -> None:
        """Add an order, whose result so far is `in-progress`."""
        until_ns = now_ns + TABLE[result.name].patience_s * 10**9
        self._orders[result.command_id] = _Order(result.name, kid, message, until_ns)

    def done(self, done: OrderDone) -> FinishedOrder | None:
        """Return the result of an order that has ended; None if it was never given."""
        return self._finish(done.id, "succeeded" if done.ok else "failed", done.code, done.text, done.output)

    def overdue(self, now_ns: int) -> list[FinishedOrder]:
        """Return the results of the orders that were not answered in time."""
        late = [order_id for order_id, order in self._orders.items() if order.until_ns <= now_ns]
        finished = [self._finish(order_id, "timed-out", "no-answer", "there was no answer", {}) for order_id in late]
        return [each for each in finished if each is not None]

    def _finish(self, order_id: str, status: str, code: str, text: str, output: dict[str, Any]) -> FinishedOrder | None:
        order = self._orders.pop(order_id, None)
        if order is None:
            return None
        values = {"command_id": order_id, "name": order.name, "status": status, "code": code, "text": text}
        return FinishedOrder(ResultData.model_validate({**values, "output": output}), order.kid, order.message)


def picture_done(picture_id: str, ok: bool, detail: str) -> OrderDone:
    """Return the end of an order for a picture: it is on its way, or `detail` says why not."""
    return OrderDone(picture_id, ok, "ok" if ok else "no-picture", detail, {"snapshot": picture_id})


def replay_done(end: ReplayEnd) -> OrderDone:
    """Return the end of an order for a replay."""
    text = f"sent {end.extent.count} again" if end.is_whole else "no broker would take all of it"
    return OrderDone(end.order_id, end.is_whole, "ok" if end.is_whole else "not-confirmed", text, end.extent.output())


def self_test_done(order_id: str, data: SelfTestData) -> OrderDone:
    """Return the end of an order for a self-test."""
    ok = data.outcome == "passed"
    code = {"passed": "ok", "failed": "test-failed", "interrupted": "interrupted"}[data.outcome]
    bad = [step.name for step in data.steps if not step.ok]
    text = {"passed": "all is well", "failed": f"failed: {', '.join(bad)}", "interrupted": "an alarm came in between"}
    steps = {step.name: step.model_dump(exclude={"name"}) for step in data.steps}
    return OrderDone(order_id, ok, code, text[data.outcome], {"outcome": data.outcome, "steps": steps})
