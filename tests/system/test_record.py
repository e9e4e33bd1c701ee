"""A loss at the broker is seen by whoever follows the contract's rules, and what was lost can be had again."""

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.contract.messages import AlarmData, Rank
from agent.outbox.database import Batch, Row
from agent.outbox.record import RECORD_MOST
from edge_centre.library import HoleFilled, HoleFound, NewMessage, Presence, RecordLost
from tests.campaigns.chaos.network import GOOD, Conditions, Network
from tests.support.agent_process import SOURCE, TREE, AgentProcess
from tests.support.mosquitto import Mosquitto
from tests.support.stores import opened
from tests.support.wait import PATIENCE_S, wait_for
from tests.system.test_centre_library import Watching

ROUNDS = int(os.environ.get("RECORD_ROUNDS", "2"))
"""`make record` plays 100."""
SOON_S = 5.0
"""A number that is done and has not come is lost after 4 s."""


@pytest.fixture
def network(broker: Mosquitto) -> Iterator[Network]:
    with Network(broker.port) as between:
        yield between


def lose(network: Network, agent: AgentProcess, *topics: str) -> None:
    """Press once, while the broker takes the messages of these topics and passes none of them on."""
    network.lost.clear()
    network.conditions = Conditions(loses=topics)
    agent.press()
    wait_for(lambda: all(any(part in lost for lost in network.lost) for part in topics), what="the loss")
    network.conditions = GOOD


def replayed(watching: Watching, presses: int) -> float:
    """Wait until a replay brings the alarm with so many presses. Returns how long after the first message that told of
    it the hole was found."""
    found_s: dict[int, float] = {}
    while True:
        notice = watching.next(object)
        if isinstance(notice, HoleFound):
            found_s |= dict.fromkeys(range(notice.first, notice.last + 1), time.monotonic())
        if isinstance(notice, NewMessage):
            number, data = notice.message.envelope.record, notice.message.data
            if number in found_s and isinstance(data, AlarmData) and data.press_count == presses:
                break
    assert data.historical
    watching.next(HoleFilled, lambda each: each.number == number)
    heard = [each.message for each in watching.seen if isinstance(each, NewMessage)]
    return found_s[number] - min(each.heard_s for each in heard if each.envelope.recorddone >= number)


@pytest.mark.parametrize(
    "topics",
    [("/up/alarm/",), ("/up/alarm/", "/up/alarms")],
    ids=["the list of open alarms tells of it", "the next health tells of it"],
)
@pytest.mark.timeout(60 + 15 * ROUNDS)
def test_an_alarm_that_a_broker_swallowed_is_noticed_and_there_after_a_replay(
    tmp_path: Path, broker: Mosquitto, network: Network, topics: tuple[str, ...]
) -> None:
    agent = AgentProcess(tmp_path / "kiosk", network.url)
    late = []
    with Watching(broker.url, key=agent.key) as watching, agent:
        watching.presence(Presence.ONLINE)
        for number in range(1, ROUNDS + 1):
            lose(network, agent, *topics)
            late.append(replayed(watching, number))
        assert not any(isinstance(each, RecordLost) for each in watching.seen)
    print(f"{len(late)} of {ROUNDS} noticed, {min(late):.2f} to {max(late):.2f} s after the message that told of it")
    assert max(late) < SOON_S


def test_a_press_during_a_replay_of_ten_thousand_is_as_fast_as_any(tmp_path: Path, broker: Mosquitto) -> None:
    agent = AgentProcess(tmp_path / "kiosk", broker.url)
    with agent, Watching(broker.url, key=agent.key) as watching:
        watching.presence(Presence.ONLINE)
        agent.press()
        told = watching.next(NewMessage, lambda each: isinstance(each.message.data, AlarmData))
        payload = told.message.envelope.model_dump_json().encode()
    rows = [
        Row(number, Rank.ALARM, f"{TREE}/up/alarm/police", payload, 1, False, None, None, None, "b", 0, 0, number)
        for number in range(1, RECORD_MOST + 1)
    ]
    with opened(agent.storage) as store:
        store.write(Batch(recorded=tuple(rows), record=RECORD_MOST))

    with agent, Watching(broker.url, key=agent.key) as watching:
        watching.presence(Presence.ONLINE)
        presses = 1

        def took_s() -> float:
            nonlocal presses
            presses += 1
            began_s = time.monotonic()
            agent.press()
            while True:
                heard = watching.next(NewMessage).message
                if isinstance(heard.data, AlarmData) and heard.data.press_count >= presses:
                    return heard.heard_s - began_s

        alone = [took_s() for _ in range(20)]
        ordered = watching.centre.order(SOURCE, "replay", {"first": 1, "last": RECORD_MOST})
        wait_for(lambda: "sending" in agent.log(), what="the replay")
        during = [took_s() for _ in range(20)]
        assert not ordered.done()
    usual_s, then_s = statistics.median(alone), statistics.median(during)
    print(f"press to centre: alone {usual_s * 1e3:.1f} ms, during the replay {then_s * 1e3:.1f} ms")
    assert then_s < usual_s + 0.02
    assert max(during) < PATIENCE_S / 2
