"""Consoles that never met show the same: who has an alarm, who took it over, and who closed it."""

import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from edge_centre.key_files import make_key
from tests.support.agent_process import PATIENT as UNHURRIED
from tests.support.agent_process import AgentProcess
from tests.support.console import Console
from tests.support.mosquitto import Mosquitto
from tests.support.two_paths import PATIENT
from tests.support.wait import PATIENCE_S, wait_for

ROUNDS = int(os.environ.get("CONSOLE_ROUNDS", "10"))
"""`make consoles` plays 100."""


@contextmanager
def control_rooms(agent: AgentProcess, *brokers: Mosquitto) -> Iterator[tuple[Console, Console]]:
    """Two of them, each with a key of its own that the kiosk knows."""
    keys = [make_key("operator", agent.directory / "keys", name) for name in ("johannesburg", "pretoria")]
    with ExitStack() as stack:
        ports = [broker.port for broker in brokers]
        johannesburg, pretoria = (stack.enter_context(Console(key, *ports)) for key in keys)
        yield johannesburg, pretoria


def at_once(
    consoles: Sequence[Console], alarm_id: str, action: str, trouble: AbstractContextManager[object]
) -> list[tuple[int, dict[str, Any]]]:
    """All say it at the same moment, at which the trouble begins; it ends when all have their results."""
    barrier = threading.Barrier(len(consoles) + 1)
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(each.answer, alarm_id, action, barrier) for each in consoles]
        barrier.wait(PATIENCE_S)
        with trouble:
            return [answer.result() for answer in answers]


def holder(alarm: dict[str, Any]) -> str | None:
    return alarm["held_by"]["issuer"] if alarm.get("held_by") else None


def all_show(consoles: Sequence[Console], alarm_id: str, name: str | None) -> None:
    assert name is not None
    for each in consoles:
        wait_for(lambda: holder(each.alarm(alarm_id)) == name, what=f"{name} as the holder at {each.name}")  # noqa: B023


def play(agent: AgentProcess, consoles: Sequence[Console], trouble: AbstractContextManager[object]) -> str:
    """One alarm: both register it at once, both take it over at once, and who does not have it then closes it.

    Returns who was first.
    """
    known = {alarm_id for each in consoles for alarm_id in each.alarms}
    agent.press()
    [alarm_id] = wait_for(lambda: consoles[0].alarms - known, what="a new alarm")
    wait_for(lambda: consoles[1].alarm(alarm_id), what="the alarm at the other console")

    results = [data for _, data in at_once(consoles, alarm_id, "registered", trouble)]
    assert sorted(data["code"] for data in results) == ["already-registered", "ok"]
    [winner] = {holder(data["output"]) for data in results}
    assert winner == next(each.name for each, data in zip(consoles, results, strict=True) if data["code"] == "ok")
    all_show(consoles, alarm_id, winner)

    newest = max(at_once(consoles, alarm_id, "take-over", nullcontext()), key=lambda each: each[0])[1]
    last = holder(newest["output"])
    all_show(consoles, alarm_id, last)

    [third] = [each for each in consoles if each.name != last]
    third.answer(alarm_id, "closed", by="Sipho", reason="duplicate", note="see the other kiosk")
    for each in consoles:
        wait_for(lambda: each.alarm(alarm_id)["stage"] == "closed", what=f"the close at {each.name}")  # noqa: B023
        closed = each.alarm(alarm_id)
        answer = closed["answered_by"]["closed"]
        assert (holder(closed), answer["issuer"], answer["by"], answer["reason"]) == (
            last,
            third.name,
            "Sipho",
            "duplicate",
        )
        before = [data for data in each.history(alarm_id) if "take-over" not in data["answered_by"]]
        assert {holder(data) for data in before} == {None, winner}, "two have had it"
    wait_for(lambda: consoles[0].history(alarm_id) == consoles[1].history(alarm_id), what="one story at both")
    return str(winner)


def test_two_consoles_that_take_an_alarm_at_the_same_moment_agree_who_has_it(tmp_path: Path, broker: Mosquitto) -> None:
    agent = AgentProcess(tmp_path / "kiosk", broker.url)
    with control_rooms(agent, broker) as consoles, agent:
        winners = [play(agent, consoles, nullcontext()) for _ in range(ROUNDS)]
        print(f"first: {dict(Counter(winners))} of {ROUNDS} on one broker")


@contextmanager
def frozen(broker: Mosquitto, agent: AgentProcess) -> Iterator[None]:
    """It hangs while acks are on their way, and a further press makes the kiosk find that out."""
    broker.freeze()
    try:
        agent.press()
        yield
    finally:
        broker.thaw()


def test_two_consoles_at_two_brokers_agree_although_the_kiosks_one_hangs_in_every_fifth_round(
    tmp_path: Path, first: Mosquitto, second: Mosquitto
) -> None:
    agent = AgentProcess(tmp_path / "kiosk", first.url, second.url, mqtt=PATIENT)
    with control_rooms(agent, first, second) as consoles, agent:
        winners = Counter[str]()
        brokers_used = set()
        for number in range(ROUNDS):
            in_use = consoles[0].in_use
            brokers_used.add(in_use)
            hangs = number % 5 == 2
            winners[play(agent, consoles, frozen((first, second)[in_use], agent) if hangs else nullcontext())] += 1
        assert brokers_used == {0, 1}, "the kiosk never went to the other broker"
        print(f"first: {dict(winners)} of {ROUNDS} on two brokers")


def test_a_take_over_is_told_to_all_and_outlives_a_kill(tmp_path: Path, broker: Mosquitto) -> None:
    agent = AgentProcess(tmp_path / "kiosk", broker.url)
    with control_rooms(agent, broker) as (johannesburg, pretoria), agent:
        agent.press()
        [alarm_id] = wait_for(lambda: johannesburg.alarms, what="the alarm")
        johannesburg.answer(alarm_id, "registered", by="Thandi")
        _, taken = pretoria.answer(alarm_id, "take-over", by="Sipho")
        assert (taken["code"], taken["output"]["held_by"]["by"]) == ("ok", "Sipho")
        all_show((johannesburg, pretoria), alarm_id, "pretoria")
        told = len(johannesburg.history(alarm_id))
        agent.kill()
        agent.start()

        wait_for(lambda: len(johannesburg.history(alarm_id)) > told, what="what the kiosk says after its start")
        all_show((johannesburg, pretoria), alarm_id, "pretoria")
        _, late = johannesburg.answer(alarm_id, "registered", by="Thandi")
        assert (late["code"], late["output"]["held_by"]["by"]) == ("already-registered", "Sipho")
        assert set(johannesburg.alarm(alarm_id)["answered_by"]) == {"registered", "take-over"}


def test_an_alarm_that_raises_itself_again_is_nobodys_until_somebody_answers_it(
    tmp_path: Path, broker: Mosquitto
) -> None:
    agent = AgentProcess(tmp_path / "kiosk", broker.url, alarm={**UNHURRIED, "raise_again_after_s": 1.0})
    with control_rooms(agent, broker) as consoles, agent:
        agent.press()
        [alarm_id] = wait_for(lambda: consoles[0].alarms, what="the alarm")
        _, first = consoles[0].answer(alarm_id, "registered")
        assert holder(first["output"]) == consoles[0].name

        def again(console: Console) -> list[dict[str, Any]]:
            return [data for data in console.history(alarm_id) if data["reraised"] == 1]

        for each in consoles:
            wait_for(lambda: again(each), what="the alarm again")  # noqa: B023
            assert (again(each)[0]["stage"], holder(again(each)[0]), again(each)[0]["answered_by"]) == (
                "raised",
                None,
                {},
            )
        _, second = consoles[1].answer(alarm_id, "registered")
        assert (second["code"], holder(second["output"])) == ("ok", consoles[1].name)
