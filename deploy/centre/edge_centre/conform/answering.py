"""What a subscriber must send: its own state, acks and replays. Scenarios as in `scenarios.py`."""

import json
import time
from collections.abc import Callable

from agent.contract.envelope import mark_historical
from agent.contract.host_state import REPEAT_S
from agent.contract.messages import AlarmData
from agent.contract.stages import Stage
from edge_centre.conform.fleet import Order, Player
from edge_centre.conform.verdict import Wrong
from edge_centre.conform.voice import Made, closed, held, press

_REPEATED_S = REPEAT_S + 15.0
_AGAIN_S = 15.0
"""A repetition comes after 10 s at the latest."""
_HOLE_S = 16.0
_REPETITION_S = 0.5
"""What comes sooner than this after the first may be the same for another broker. A repetition comes after 1 s."""


def _ack(alarm: AlarmData, action: str) -> Callable[[Order], bool]:
    return lambda order: (
        order.name == "ack"
        and order.args
        == {
            **order.args,
            "alarm_id": alarm.alarm_id,
            "action": action,
        }
    )


def host_state(d: Player) -> None:
    """At every broker, somebody says that the centre does not watch. Its own state must come again, every 60 s too."""
    topic = f"{d.fleet.root}/host/{d.fleet.centre}/state"
    brokers = range(d.fleet.size)

    def said(broker: int) -> list[bool | None]:
        return [online for at, where, online in d.fleet.host_states if (at, where) == (broker, topic)]

    def is_true(broker: int, since: int) -> bool:
        return any(online is True for online in said(broker)[since:])

    def await_all(since: list[int], within_s: float, fault: str) -> None:
        if not d.fleet.wait(lambda: all(map(is_true, brokers, since)), within_s):
            raise Wrong(fault)

    await_all([0 for _ in brokers], 10.0, f"does not say at every broker, on {topic}, that it watches")
    for broker in brokers:
        d.fleet.send(Made(topic, json.dumps({"online": False}).encode(), retain=True), broker)
    d.fleet.wait(lambda: all(False in said(broker) for broker in brokers), 10.0)
    since = [said(broker).index(False) for broker in brokers]
    await_all(since, 10.0, "does not say that it watches when somebody else has said that it does not")
    time.sleep(1.0)  # what contradicts may come at several brokers; what comes now is the repetition
    await_all([len(said(broker)) for broker in brokers], _REPEATED_S, "does not repeat its own state every 60 s")


def self_test(d: Player) -> None:
    """A self-test's alarm. No answer to the first ack; then a new nonce; then a refusal; then the results."""
    d.birth()
    codes = {"contact_id": "602", "sia": "RP"}
    test = press(input="self-test", kind="self-test", status="test", silent=True, press_count=0, codes=codes)
    d.alarm(test)
    first = d.expect("does not answer the alarm of a self-test", _ack(test, "registered"))
    nonce = d.new_nonce()
    d.event()
    again = d.expect(
        "does not repeat an ack until its result",
        lambda order: _ack(test, "registered")(order) and order.heard_s > first.heard_s + _REPETITION_S,
        _AGAIN_S,
        after=first,
    )
    if again.claims["cmd_id"] != first.claims["cmd_id"]:
        raise Wrong("repeats an ack under another cmd_id")
    if again.claims["ctr"] <= first.claims["ctr"]:
        raise Wrong("repeats an ack with a ctr that is not higher")
    fresh = d.expect(
        "does not echo the newest nonce",
        lambda order: _ack(test, "registered")(order) and order.claims.get("boot_nonce") == nonce,
        _AGAIN_S,
        after=first,
    )
    # A token for all brokers, or one for each.
    wanted = {"cmd_id": fresh.claims["cmd_id"], "boot_nonce": nonce}

    def reached() -> set[int]:
        return {broker for each in d.orders if wanted.items() <= each.claims.items() for broker in each.brokers}

    if not d.fleet.wait(lambda: len(reached()) == d.fleet.size, 5.0):
        raise Wrong("does not send an ack to every broker")
    nonce = d.new_nonce()
    d.answer(fresh, "rejected", "nonce-expired")
    signed = d.expect(
        "does not sign again after nonce-expired, with the nonce of that result",
        lambda order: _ack(test, "registered")(order) and order.claims.get("boot_nonce") == nonce,
        _AGAIN_S,
        after=fresh,
    )
    d.answer(signed, "succeeded", "ok", alarm_id=test.alarm_id, action="registered", stage="registered")
    d.alarm(held(test, "program"))
    last = d.expect("does not close the alarm of a self-test", _ack(test, "closed"), _AGAIN_S, after=signed)
    d.answer(last, "succeeded", "ok", alarm_id=test.alarm_id, action="closed", stage="closed")
    d.alarm(closed(test))
    d.quiet("repeats an ack that has its result", lambda _: True, 12.0, grace_s=2.0)


def no_answer_by_itself(d: Player) -> None:
    """An actual alarm, and one that a technician makes with a button in test mode. Nobody answers."""
    d.birth()
    d.alarm(press())
    d.alarm(press(status="test"))
    d.settle()
    d.quiet("answers an alarm that no person has seen", lambda order: order.name == "ack", 4.0)


def open_again(d: Player) -> None:
    """An alarm that was closed speaks again: the device lost its power before the close was on its disk."""
    d.birth()
    a = press()
    for data in (a, closed(a), a.model_copy(update={"press_count": 1, "stage": Stage.SENT})):
        d.alarm(data)
    d.settle()
    d.see(("does not show an alarm that speaks after its close", lambda v: v.alarm(a.alarm_id) is not None))
    order = d.expect("does not close again what a power cut has opened", _ack(a, "closed"))
    if order.args.get("press_count") != 1:
        raise Wrong("closes again without the press_count that it knew")
    d.answer(order, "succeeded", "ok", alarm_id=a.alarm_id, action="closed", stage="closed")
    d.alarm(closed(a))
    d.see(("shows a closed alarm as open", lambda v: not v.alarms))


def pressed_since(d: Player) -> None:
    """An alarm that was closed speaks again, with a further press."""
    d.birth()
    a = press()
    for data in (a, closed(a), a.model_copy(update={"press_count": 2, "stage": Stage.SENT})):
        d.alarm(data)
    d.see(
        ("does not show a press after the close", lambda v: v.shows(a.alarm_id, press_count=2)),
        ("does not ring for a press after the close", lambda v: v.shows(a.alarm_id, rings=2)),
    )
    d.quiet(
        "closes by itself what was pressed since",
        lambda order: _ack(a, "closed")(order) and order.args.get("press_count") != 1,
        4.0,
    )


def _asked(number: int) -> Callable[[Order], bool]:
    return lambda order: order.name == "replay" and order.args["first"] <= number <= order.args.get("last", number)


def hole(d: Player) -> None:
    """An event that the broker swallows, and the replay that brings it."""
    d.birth()
    d.event()
    swallowed = d.voice.event()
    d.event()
    d.see(("does not notice that a message was lost", lambda v: v.missing == [[2, 2]]), within_s=_HOLE_S)
    order = d.expect("does not ask for a replay of what is missing", _asked(2), _AGAIN_S)
    d.answer(order, "in-progress", "asked")
    d.send(Made(swallowed.topic, mark_historical(swallowed.payload, d.voice.nonce)))
    d.events += 1
    d.answer(order, "succeeded", "ok", first=2, last=2, count=1, missing=[])
    d.see(
        ("does not take what was replayed", lambda v: v.events >= d.events),
        ("calls missing what was replayed", lambda v: not v.missing),
    )


def lost_for_good(d: Player) -> None:
    """The last event is swallowed: only `recorddone` of what follows shows it. The device no longer has it."""
    d.birth()
    d.event()
    d.voice.event()
    d.send(d.voice.open_list())
    d.see(("does not notice that the last message was lost", lambda v: v.missing == [[2, 2]]), within_s=_HOLE_S)
    order = d.expect("does not ask for a replay of what is missing", _asked(2), _AGAIN_S)
    d.answer(order, "succeeded", "ok", first=2, last=2, count=0, missing=[[2, 2]])
    d.settle()
    d.see(("does not show what is lost for good", lambda v: v.missing == [[2, 2]]))


ANSWERING = (host_state, self_test, no_answer_by_itself, open_again, pressed_since, hole, lost_for_good)
