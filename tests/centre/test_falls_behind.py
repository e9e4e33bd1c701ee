"""A program that is slow, or stood still, hears alarms first, and reports nobody gone whom it has just not read yet."""

import queue
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from edge_centre.adapters.paho_centre import Heard
from edge_centre.library import Centre, Consumer, DevicesGone, NewMessage, Notice, Presence, PresenceChanged
from edge_centre.library import centre as centre_module
from edge_centre.library import link as link_module
from tests.support.made_up import HEALTH_JSON, TREE, World, alarm_json, envelope

STOOD_STILL_S = 600.0
MANY = 250
"""More messages than are read at once."""
OTHER = "/edge/gp/park-station/kiosk-2"
BIRTH = {
    "historical": False,
    "state": "online",
    "bdseq": 1,
    "epoch": "e1",
    "boot_nonce": "s1",
    "agent_version": "1",
    "config_revision": "1",
}


class Broker:
    """Lets both sessions in at once, and brings what the test says."""

    def __init__(self) -> None:
        self.hears: dict[str, Callable[[Heard], None]] = {}

    def connection(self, _url: str, _tls: Any, on_message: Any, on_link: Any, *more: Any, **named: Any) -> Any:
        client_id = named.get("client_id") or more[-1]

        def let_in(_: list[str]) -> None:
            self.hears[client_id] = on_message
            on_link(True, "")

        return SimpleNamespace(open=let_in, close=lambda: None)

    def bring(self, number: int, kind: str, data: dict[str, Any], *, session: str = "c-1", **head: Any) -> None:
        tree = f"edge/v1/{head['source'].removeprefix('/edge/')}" if head else TREE
        level = "alarm/police" if kind.startswith("alarm") else kind.partition(".")[0]
        self.hears[session](Heard(f"{tree}/up/{level}", envelope(kind, data, number, **head), retain=False))

    def health(self, number: int, **head: Any) -> None:
        self.bring(number, "health.v1", HEALTH_JSON, **head)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker()
    monkeypatch.setattr(centre_module, "CentreConnection", made.connection)
    monkeypatch.setattr(link_module, "CentreConnection", made.connection)
    return made


def number_of(notice: Notice) -> int | None:
    return notice.message.envelope.seq if isinstance(notice, NewMessage) else None


def test_an_alarm_waits_for_one_call_of_a_slow_program_at_most(broker: Broker) -> None:
    told: queue.SimpleQueue[int] = queue.SimpleQueue()

    def on_notice(notice: Notice) -> None:
        if (number := number_of(notice)) is None:
            return
        told.put(number)
        if number == 1:
            for each in range(2, MANY):
                broker.health(each)
        if number == 10:
            broker.bring(MANY, "alarm.raised.v1", alarm_json(), session="c-1-alarms")

    with Centre(["mqtt://127.0.0.1:1"], on_notice=on_notice, session="c") as centre:
        centre.await_connection()
        while "c-1-alarms" not in broker.hears:
            time.sleep(0.01)
        broker.health(1)
        order = [told.get(timeout=10) for _ in range(MANY)]
    assert order == [*range(1, 11), MANY, *range(11, MANY)]


@pytest.mark.parametrize("waiting", [0, MANY])
def test_whoever_is_not_read_yet_is_not_gone(broker: Broker, waiting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    began_s, ahead_s = time.monotonic(), [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead_s[0])
    monkeypatch.setattr(centre_module, "time", clock)
    told: queue.SimpleQueue[Notice] = queue.SimpleQueue()
    ticks: queue.SimpleQueue[float] = queue.SimpleQueue()
    tick = Consumer.tick

    def ticked(consumer: Consumer, now_s: float) -> list[Notice]:
        found = tick(consumer, now_s)
        ticks.put(now_s)
        return found

    monkeypatch.setattr(Consumer, "tick", ticked)

    def stands_still(notice: Notice) -> None:
        told.put(notice)
        if number_of(notice) == 2:
            ahead_s[0] = STOOD_STILL_S
            for each in range(waiting):
                broker.health(3 + each)
            if waiting:
                broker.health(2, source=OTHER, id="last")

    with Centre(["mqtt://127.0.0.1:1"], on_notice=stands_still, session="c") as centre:
        centre.await_connection()
        broker.bring(1, "state.v1", BIRTH, source=OTHER, id="other")
        broker.bring(1, "state.v1", BIRTH)
        broker.health(2)
        while ticks.get(timeout=10) < began_s + STOOD_STILL_S:
            pass
        ticks.get(timeout=10)
    found = [told.get() for _ in range(told.qsize())]
    assert not [each for each in found if isinstance(each, DevicesGone)]
    assert not [each for each in found if isinstance(each, PresenceChanged) and each.presence is Presence.SILENT]


def test_whoever_stays_silent_after_that_is_gone() -> None:
    world = World()
    world.health(1)
    world.now_s += STOOD_STILL_S
    world.consumer.stood_still(world.now_s)
    assert world.wait(120) == []
    assert [type(each) for each in world.wait(120)] == [DevicesGone]
