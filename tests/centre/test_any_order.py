"""In whatever order, by whichever broker and however often messages come: what is known in the end is the same."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.contract.messages import AlarmData
from edge_centre.library import Consumer, HoleFound, RecordLost
from tests.support.drafts import alarm_data
from tests.support.made_up import SOURCE, World

Say = Callable[[World, str], Any]
"""One message of the history, said to a world by a broker."""
STEPS = st.sampled_from(["press", "registered", "dispatched", "closed", "raised", "list", "reconnect", "stop"])


def history(steps: list[tuple[str, str]]) -> list[Say]:
    """The messages of a device to which this happens, in the order of their numbers."""
    told: list[Say] = []
    open_alarms: dict[str, AlarmData] = {}
    bdseq = 1

    def say(make: Callable[[World, int, str], Any]) -> None:
        seq = len(told) + 1
        told.append(lambda world, broker: make(world, seq, broker))

    for step, alarm_id in steps:
        now = open_alarms.get(alarm_id) or alarm_data(alarm_id)
        if step in {"reconnect", "stop"}:
            bdseq += step == "reconnect"
            state, number = ("online" if step == "reconnect" else "offline"), bdseq
            say(lambda world, seq, broker, s=state, b=number: world.state(s, b, seq, broker=broker))  # type: ignore[misc]
            continue
        if step == "list":
            listed = tuple(open_alarms.values())
            say(lambda world, seq, broker, a=listed: world.open(seq, *a))  # type: ignore[misc]
            continue
        presses = now.press_count + (step == "press")
        stage = now.stage.value if step == "press" else step
        now = alarm_data(alarm_id, press_count=presses, stage=stage)
        fields = {"press_count": presses, "stage": stage}
        say(lambda world, seq, broker, i=alarm_id, f=fields: world.alarm(seq, i, broker=broker, **f))  # type: ignore[misc]
        open_alarms[alarm_id] = now
        if step == "closed":
            del open_alarms[alarm_id]
    return told


def known(consumer: Consumer) -> Any:
    """What a console would show."""
    device = consumer.devices.get(SOURCE)
    alarms = sorted(
        (alarm.alarm_id, alarm.data.stage, alarm.data.press_count, alarm.lost) for alarm in consumer.open_alarms()
    )
    return alarms, device and (device.presence, device.nonce, device.lamps)


@given(st.lists(st.tuples(STEPS, st.sampled_from(["a1", "a2"])), max_size=12), st.data())
def test_what_is_known_in_the_end_does_not_depend_on_the_order(
    steps: list[tuple[str, str]], data: st.DataObject
) -> None:
    messages = history(steps)
    straight, mixed = World(), World()
    for say in messages:
        say(straight, "a")
    again = data.draw(st.lists(st.sampled_from(messages), max_size=6)) if messages else []
    for say in data.draw(st.permutations(messages + again)):
        say(mixed, data.draw(st.sampled_from("ab")))

    straight.wait(6)
    mixed.wait(6)
    assert known(mixed.consumer) == known(straight.consumer)


@given(st.lists(st.integers(1, 40), unique=True, max_size=12), st.data())
def test_exactly_what_never_came_is_missing(swallowed: list[int], data: st.DataObject) -> None:
    world = World()
    world.state("online", 1, 1)
    there = [number for number in range(1, 41) if number not in swallowed]
    for number in data.draw(st.permutations(there)):
        world.event(number + 1, number, data.draw(st.integers(0, number - 1)))
    assert world.wait(3.5) == []
    world.event(99, None, 40)

    found = [each for each in world.wait(6) if isinstance(each, HoleFound)]
    assert [n for hole in found for n in range(hole.first, hole.last + 1)] == sorted(swallowed)
    for number in data.draw(st.permutations(swallowed)):
        world.event(number + 1, number, 0, historical=True)
    assert world.consumer.devices[SOURCE].holes == []
    assert not any(isinstance(each, RecordLost) for each in world.wait(60))
