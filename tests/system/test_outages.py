"""Nothing that was pressed is lost, doubled or out of number, whatever dies."""

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.bootstrap.specs import sim_socket
from agent.cli.sim import ask
from tests.campaigns.chaos.network import GOOD, SWALLOWS, Network
from tests.support.agent_process import BUTTON, AgentProcess
from tests.support.centre import Centre, Message, numbers
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

BUTTONS = [{**BUTTON, "name": f"button-{number}", "pin": number} for number in range(4, 14)]
LIGHTS = {"yellow": 22, "green": 27}
SELDOM = {"interval_s": 3600}
"""Health is sent without acknowledgement, so a broker that dies may take one with it, and its number."""


def test_a_press_without_a_broker_survives_the_death_of_the_agent_and_arrives_once(
    tmp_path: Path, broker: Mosquitto
) -> None:
    broker.stop()
    with AgentProcess(tmp_path / "kiosk", broker.url, health=SELDOM) as agent:
        agent.press()
        wait_for(lambda: alarms_on_disk(agent.storage), what="the alarm on disk")
        agent.kill()
        broker.start()
        with Centre(broker.port) as centre:
            agent.start()
            raised = centre.wait_for_alarm("raised")
            assert raised.data["historical"] is True
            assert raised.data["press_count"] == 1
            assert agent.outputs()["yellow"] == "on"
            settle(centre)
            all_raised = [m for m in centre.messages("alarm/") if m.type == "edge.alarm.raised.v1"]
            assert [m.data["alarm_id"] for m in all_raised] == [raised.data["alarm_id"]]
            assert_complete(centre.messages())


@pytest.mark.parametrize("goodbye", [True, False], ids=["stopped", "killed"])
def test_fifty_presses_on_ten_buttons_are_all_told_although_the_broker_is_restarted_among_them(
    tmp_path: Path, broker: Mosquitto, goodbye: bool
) -> None:
    options: dict[str, Any] = {"client_id": "centre", "persistent": True}
    with ExitStack() as stack:
        network = stack.enter_context(Network(broker.port))
        network.conditions = SWALLOWS  # until the centre listens
        url = network.url
        agent = stack.enter_context(
            AgentProcess(tmp_path / "kiosk", url, buttons=BUTTONS, lights=LIGHTS, health=SELDOM)
        )
        with Centre(broker.port, **options) as before:
            network.conditions = GOOD
            before.wait_for("alarms")
            before.wait_for("health")  # the first one of a connection; on a busy machine it comes late
            press_each(agent, 2)
            # Messages are under way, and the agent can't know whether the broker has them.
            network.conditions = SWALLOWS
            press_each(agent, 1)
            before.subscriber.sync()
            if goodbye:
                broker.stop()
            else:
                broker.kill()
            press_each(agent, 1)
        broker.start()
        with Centre(broker.port, **options) as after:
            network.conditions = GOOD
            press_each(agent, 1)
            for button in BUTTONS:
                after.wait_for(f"alarm/{button['name']}", lambda m: m.data["press_count"] == 5, timeout_s=20)
            settle(after, before.messages())
            everything = before.messages() + after.messages()

    changes = [m for m in everything if "/up/alarm/" in m.topic]
    presses = {button["name"]: 0 for button in BUTTONS}
    for message in changes:
        presses[message.data["input"]] = max(presses[message.data["input"]], message.data["press_count"])
    assert sum(presses.values()) == 50
    for button in BUTTONS:
        own = {m.id: m for m in changes if m.data["input"] == button["name"]}
        assert [m.type for m in own.values()].count("edge.alarm.raised.v1") == 1
        assert {m.data["press_count"] for m in own.values()} == {1, 2, 3, 4, 5}
    assert_complete(everything)


def press_each(agent: AgentProcess, count: int) -> None:
    """Press all ten buttons at the same time, so many times."""
    request = {"do": "press", "count": count, "hold_s": 0.05, "interval_s": 0.15}
    hands = [
        ask(sim_socket(agent.storage), {**request, "name": button["name"]}, config=agent.config) for button in BUTTONS
    ]
    for hand in hands:
        next(hand)
    for hand in hands:
        list(hand)


def settle(centre: Centre, heard: Sequence[Message] = ()) -> None:
    """Return when the device has nothing more to say: numbers have no gap, and the last alarm is delivered.

    What was `heard` before the centre listened counts too. Events go after alarms, so the last number is not theirs.
    """
    wait_for(
        lambda: (
            is_complete([*heard, *centre.messages()])
            and (alarms := centre.messages("alarm/"))
            and all(newest(alarms, m.data["alarm_id"]).data["stage"] == "sent" for m in alarms)
            and [m for m in centre.messages("alarms") if m.seq > 1]
        ),
        what="the end of the talk",
    )
    centre.subscriber.sync()


def newest(messages: list[Message], alarm_id: str) -> Message:
    return max((m for m in messages if m.data["alarm_id"] == alarm_id), key=lambda m: m.seq)


def is_complete(messages: list[Message]) -> bool:
    """From 1 on, no number is missing and none is given twice."""
    found = numbers(messages)
    return found == list(range(1, len(found) + 1))


def assert_complete(messages: list[Message]) -> None:
    """What `settle` has waited for has not come undone."""
    assert is_complete(messages), numbers(messages)


def alarms_on_disk(storage: Path) -> int:
    database = sqlite3.connect(f"file:{storage / 'alarms.db'}?mode=ro", uri=True, timeout=5)
    try:
        return int(database.execute("SELECT count(*) FROM messages WHERE alarm_id IS NOT NULL").fetchone()[0])
    finally:
        database.close()
