"""Acks and commands: signed, sent, and repeated until the device has said what became of them."""

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, repeat
from typing import Any

from agent.contract.errors import BrokerError
from agent.contract.messages import ResultData
from agent.trust.jose_keys import PrivateKey
from agent.trust.orders import Signed, digest_of, new_cmd_id, signed

PAUSES_S = (1.0, 2.0, 4.0)
LONGEST_PAUSE_S = 10.0
NONCE_WITHIN_S = 1.0
"""How long to wait for a first nonce: it saves a refusal if the device's clock is not set."""
_FINAL = {"succeeded", "failed", "timed-out"}
_SIGN_AGAIN = {"clock-unsynced", "nonce-expired", "wrong-boot-nonce", "counters-unknown", "replayed"}
"""Refusals that signing again with the newest nonce puts right."""
_DIGESTS = 64

Progress = Callable[[int, ResultData | None], None]
"""Called before each repetition with the number of the try, and the last answer, which was not final."""


class NoAnswerError(BrokerError):
    """The device has not answered in time."""


class AbandonedError(BrokerError):
    """An order was given up because it has lost its meaning, as an ack does when the alarm is closed."""


@dataclass(eq=False)
class Order:
    """One ack or command that is under way."""

    source: str
    topic: str
    name: str
    args: Mapping[str, Any]
    key: PrivateKey
    deadline_s: float | None = None
    """When to give up, on the clock of whoever gives the order; None: never."""
    progress: Progress | None = None
    cmd_id: str = field(default_factory=new_cmd_id)
    future: "Future[ResultData]" = field(default_factory=Future)
    tries: int = 0
    sent_s: float = 0.0
    """When it was sent last."""
    answer: ResultData | None = None
    nonce: str | None = None
    """The one that was echoed last."""
    due_s: float = 0.0
    pauses_s: "chain[float]" = field(default_factory=lambda: chain(PAUSES_S, repeat(LONGEST_PAUSE_S)))
    digests: deque[str] = field(default_factory=lambda: deque(maxlen=_DIGESTS))

    def is_answered_by(self, result: ResultData) -> bool:
        """Return whether a result is ours. A device that does not know the key answers by the digest of the message."""
        return result.command_id == self.cmd_id or digest_of(result) in self.digests


Ending = tuple[Order, ResultData | BrokerError]


class Orders:
    """Every order that is under way. Pure but for the clock in a signature: the caller passes the time and publishes.

    Each method returns the orders that have come to an end, with the result or the error.
    """

    def __init__(self, publish: Callable[[str, Signed], None], nonce_of: Callable[[str], str | None]) -> None:
        """`publish` sends to every broker that is connected, and must not block; `nonce_of` knows a device's nonce."""
        self._publish = publish
        self._nonce_of = nonce_of
        self._orders: dict[str, Order] = {}

    def __len__(self) -> int:
        """Return how many orders are under way."""
        return len(self._orders)

    def give(self, order: Order, now_s: float) -> None:
        """Begin an order."""
        self._orders[order.cmd_id] = order
        order.due_s = now_s + NONCE_WITHIN_S
        if self._nonce_of(order.source) is not None:
            self._send(order, now_s)

    def hear(self, source: str, result: ResultData, now_s: float) -> list[Ending]:
        """Take in a result of a device."""
        order = self._orders.get(result.command_id) or next(
            (each for each in self._orders.values() if each.is_answered_by(result)), None
        )
        if order is None or order.source != source:
            return []
        signs_again = result.status == "rejected" and result.code in _SIGN_AGAIN
        if result.status in _FINAL or (result.status == "rejected" and not signs_again):
            return [self._end(order, result)]
        order.answer = result
        if signs_again and self._nonce_of(source) != order.nonce:
            self._send(order, now_s)
        return []

    def hurry(self, now_s: float, source: str | None = None) -> None:
        """Repeat at once what a device (None: any) has to do and was sent before `now_s`: it is back, or we are."""
        for order in self._orders.values():
            if order.tries and order.sent_s <= now_s and source in {None, order.source}:
                self._send(order, now_s)

    def abandon(self, source: str, alarm_id: str) -> list[Ending]:
        """Give up the acks of an alarm that is closed, but those that close it: their result is still of use."""
        lost = [
            order
            for order in self._orders.values()
            if (order.name, order.source, order.args.get("alarm_id")) == ("ack", source, alarm_id)
            and order.args.get("action") != "closed"
        ]
        return [self._end(order, AbandonedError("the alarm is closed")) for order in lost]

    def tick(self, now_s: float) -> list[Ending]:
        """Repeat what is due, and give up what has had its time."""
        ended: list[Ending] = []
        for order in list(self._orders.values()):
            if order.future.cancelled():
                del self._orders[order.cmd_id]
            elif order.deadline_s is not None and now_s >= order.deadline_s:
                ended.append(self._end(order, order.answer or NoAnswerError(f"{order.source} did not answer")))
            elif now_s >= order.due_s or (not order.tries and self._nonce_of(order.source) is not None):
                self._send(order, now_s)
        return ended

    def close(self) -> list[Ending]:
        """Give up everything."""
        return [self._end(order, AbandonedError("the program has ended")) for order in list(self._orders.values())]

    def _send(self, order: Order, now_s: float) -> None:
        order.tries += 1
        if order.tries > 1 and order.progress is not None:
            order.progress(order.tries, order.answer)
        order.nonce = self._nonce_of(order.source)
        order.sent_s, order.due_s = now_s, now_s + next(order.pauses_s)
        this = signed(order.name, order.args, order.source, order.key, order.nonce, order.cmd_id)
        order.digests.append(sha256(this.token).hexdigest())
        self._publish(order.topic, this)

    def _end(self, order: Order, how: ResultData | BrokerError) -> Ending:
        del self._orders[order.cmd_id]
        return order, how
