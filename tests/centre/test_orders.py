"""Acks and commands are repeated by the rules of the contract, many at once, until each has its result."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from agent.contract.messages import ResultData
from agent.trust.jose_keys import KeyRing
from agent.trust.orders import Signed
from edge_centre.key_files import make_key
from edge_centre.library.orders import AbandonedError, Ending, NoAnswerError, Order, Orders
from tests.support.made_up import SOURCE

OTHER = "/edge/gp/park-station/kiosk-2"


class World:
    """The orders of a centre, with a clock that the test moves."""

    def __init__(self, directory: Path) -> None:
        self.key = make_key("operator", directory)
        self._ring = KeyRing.load(directory / "keys.json")
        self.nonces: dict[str, str | None] = {SOURCE: "n1", OTHER: "n9"}
        self.tokens: list[bytes] = []
        self.sent: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.topics: list[str] = []
        self.now_s = 0.0
        self.ended: list[Ending] = []
        self.orders = Orders(self._publish, self.nonces.get)

    def _publish(self, topic: str, message: Signed) -> None:
        assert 0 < message.expiry_s <= 300
        self.topics.append(topic)
        self.tokens.append(message.token)
        self.sent.append(dict(self._ring.verify(message.token).claims))
        self.at.append(self.now_s)

    def give(self, name: str = "ping", source: str = SOURCE, timeout_s: float | None = None, **args: Any) -> Order:
        deadline_s = None if timeout_s is None else self.now_s + timeout_s
        order = Order(source, f"down/{name}", name, args, self.key, deadline_s)
        self.orders.give(order, self.now_s)
        return order

    def wait(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = round(self.now_s + 0.1, 1)
            self.ended += self.orders.tick(self.now_s)

    def answer(
        self, status: str, code: str = "ok", *, order: Order | None = None, source: str = SOURCE, **fields: Any
    ) -> ResultData:
        data = {"command_id": order.cmd_id if order else "unknown", "name": "ping", "text": "", **fields}
        result = ResultData.model_validate({**data, "status": status, "code": code})
        self.ended += self.orders.hear(source, result, self.now_s)
        return result


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_order_is_repeated_after_1_2_4_and_then_every_10_seconds_signed_anew_under_one_id(world: World) -> None:
    world.give()
    world.wait(38)

    assert world.at == [0, 1, 3, 7, 17, 27, 37]
    assert len({claims["cmd_id"] for claims in world.sent}) == 1
    counters = [claims["ctr"] for claims in world.sent]
    assert counters == sorted(set(counters))
    assert all(claims["aud"] == SOURCE and claims["exp"] - claims["iat"] <= 300 for claims in world.sent)


@pytest.mark.parametrize("status", ["succeeded", "failed", "timed-out"])
def test_a_final_result_ends_it(world: World, status: str) -> None:
    order = world.give()
    result = world.answer(status, order=order)
    assert world.ended == [(order, result)]
    world.wait(60)
    assert len(world.sent) == 1
    assert len(world.orders) == 0


def test_what_takes_its_time_is_asked_for_again(world: World) -> None:
    order = world.give()
    world.answer("in-progress", "asked", order=order)
    world.wait(2)
    assert len(world.sent) == 2
    world.answer("succeeded", order=order)
    assert len(world.ended) == 1


@pytest.mark.parametrize(
    "code", ["clock-unsynced", "nonce-expired", "wrong-boot-nonce", "counters-unknown", "replayed"]
)
def test_a_refusal_that_a_new_nonce_puts_right_is_signed_again_at_once(world: World, code: str) -> None:
    order = world.give()
    world.nonces[SOURCE] = "n2"
    world.answer("rejected", code, order=order)
    assert [claims["boot_nonce"] for claims in world.sent] == ["n1", "n2"]
    world.answer("rejected", code, order=order)
    assert len(world.sent) == 2, "with the same nonce it waits for its turn"
    assert world.ended == []


@pytest.mark.parametrize("code", ["not-permitted", "bad-arguments", "wrong-audience", "unknown-command"])
def test_any_other_refusal_is_final(world: World, code: str) -> None:
    order = world.give()
    world.answer("rejected", code, order=order)
    assert [how.code for _, how in world.ended if isinstance(how, ResultData)] == [code]


def test_a_device_that_can_not_tell_who_speaks_answers_by_the_digest_of_any_try(world: World) -> None:
    order = world.give()
    world.wait(5)
    world.answer("rejected", "unknown-key", output={"sha256": "0" * 64})
    assert world.ended == []
    world.answer("rejected", "unknown-key", output={"sha256": sha256(world.tokens[0]).hexdigest()})
    assert [each for each, _ in world.ended] == [order]


def test_another_device_can_not_answer_for_this_one(world: World) -> None:
    order = world.give()
    world.answer("succeeded", order=order, source=OTHER)
    assert world.ended == []


def test_a_device_that_comes_back_gets_its_own_orders_at_once(world: World) -> None:
    world.give()
    world.give(source=OTHER)
    world.orders.hurry(world.now_s, SOURCE)
    assert [claims["aud"] for claims in world.sent] == [SOURCE, OTHER, SOURCE]
    world.orders.hurry(world.now_s)
    assert [claims["aud"] for claims in world.sent[3:]] == [SOURCE, OTHER]


def test_what_was_sent_since_a_broker_came_is_not_sent_again_for_it(world: World) -> None:
    came_s = world.now_s
    world.wait(0.5)
    world.give()
    world.orders.hurry(came_s)
    assert len(world.sent) == 1


def test_without_a_nonce_it_waits_a_second_for_one(world: World) -> None:
    world.nonces[SOURCE] = None
    world.give()
    world.wait(0.5)
    assert world.sent == []
    world.nonces[SOURCE] = "n5"
    world.wait(0.1)
    assert [claims["boot_nonce"] for claims in world.sent] == ["n5"]

    world.nonces[OTHER] = None
    world.give(source=OTHER)
    world.wait(1)
    assert "boot_nonce" not in world.sent[-1]


def test_in_the_end_it_has_the_last_answer_or_the_error_that_there_was_none(world: World) -> None:
    silent, slow = world.give(timeout_s=5), world.give(timeout_s=5)
    last = world.answer("in-progress", "asked", order=slow)
    world.wait(6)
    ways = dict(world.ended)
    assert isinstance(ways[silent], NoAnswerError)
    assert ways[slow] == last


def test_the_acks_of_an_alarm_that_is_closed_are_given_up_but_not_its_close(world: World) -> None:
    taken = world.give("ack", alarm_id="a1", action="registered")
    closed = world.give("ack", alarm_id="a1", action="closed")
    other = world.give("ack", alarm_id="a2", action="registered")
    elsewhere = world.give("ack", source=OTHER, alarm_id="a1", action="registered")

    [(order, how)] = world.orders.abandon(SOURCE, "a1")
    assert order is taken
    assert isinstance(how, AbandonedError)
    assert len(world.orders) == 3
    assert {order for order, _ in world.orders.close()} == {closed, other, elsewhere}


def test_who_cancels_the_future_ends_the_order(world: World) -> None:
    order = world.give()
    order.future.cancel()
    world.wait(20)
    assert len(world.sent) == 1
    assert world.ended == []


def test_a_thousand_orders_at_once_have_a_thousand_results(world: World) -> None:
    orders = [world.give() for _ in range(1000)]
    for order in reversed(orders):
        world.answer("succeeded", order=order)
    assert [order for order, _ in world.ended] == orders[::-1]
