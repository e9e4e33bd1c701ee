from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.vocabulary import ConditionKind, Fault
from agent.core.events import ConditionChanged, InputFault
from agent.runtime.alarms.input_reporter import InputReporter
from agent.runtime.supervision.health import HealthBoard, PartState
from agent.sim.clock import SimClock
from tests.support.drafts import FACTORY, body, open_outbox, taken, write


class Teller:
    def __init__(self, directory: Path) -> None:
        self.clock = SimClock(boottime_ns=10**12)
        self.outbox = open_outbox(directory, self.clock)
        self.changes: list[tuple[str, PartState]] = []
        self.board = HealthBoard(lambda part, state: self.changes.append((part, state)))
        self.teller = InputReporter(self.outbox, FACTORY, self.board, self.clock)

    def fault(self, fault: Fault, *, active: bool, detail: str = "") -> None:
        self.teller.report(InputFault("police", fault, active, self.clock.boottime_ns(), 7, detail))

    def sent(self) -> list[dict[str, Any]]:
        write(self.outbox)
        return [body(message) for message in taken(self.outbox)]


@pytest.fixture
def teller(tmp_path: Path) -> Iterator[Teller]:
    teller = Teller(tmp_path / "store")
    yield teller
    teller.outbox.close()


def test_a_fault_is_an_event_with_the_time_when_it_began(teller: Teller) -> None:
    began = teller.clock.wall()
    began_ns = teller.clock.boottime_ns()
    teller.clock.advance(timedelta(seconds=30))
    teller.teller.report(InputFault("police", Fault.STUCK, True, began_ns, 7))

    [event] = teller.sent()
    assert event["type"] == "edge.event.input-fault.v1"
    assert event["subject"] == "input/police"
    assert event["data"] == {
        "historical": False,
        "input": "police",
        "fault": "stuck",
        "active": True,
        "since": began.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "presses": 7,
        "detail": "it stays pressed",
    }


def test_an_input_is_a_degraded_part_until_its_last_fault_has_ended(teller: Teller) -> None:
    teller.fault(Fault.SHORT, active=True)
    teller.fault(Fault.UNUSABLE, active=True, detail="pin 5 is taken")
    teller.fault(Fault.SHORT, active=False)
    assert teller.board.parts() == {"input-police": PartState(False, "pin 5 is taken")}

    teller.fault(Fault.UNUSABLE, active=False)
    assert teller.board.parts() == {"input-police": PartState(True)}
    assert [(part, state.ok) for part, state in teller.changes] == [("input-police", False), ("input-police", True)]
    assert [message["data"]["active"] for message in teller.sent()] == [True, True, False, False]


@pytest.mark.parametrize(
    ("kind", "active", "topic", "codes"),
    [
        ("tamper", True, "tamper", {"contact_id": "137", "sia": "TA"}),
        ("tamper", False, "tamper", {"contact_id": "137", "sia": "TR"}),
        ("mains", True, "power", {"contact_id": "301", "sia": "AT"}),
        ("mains", False, "power", {"contact_id": "301", "sia": "AR"}),
        ("battery", True, "power", {"contact_id": "302", "sia": "YT"}),
        ("battery", False, "power", {"contact_id": "302", "sia": "YR"}),
    ],
)
def test_a_condition_is_an_event_with_the_codes_that_alarm_receivers_know(
    teller: Teller, kind: ConditionKind, active: bool, topic: str, codes: dict[str, str]
) -> None:
    teller.teller.report(ConditionChanged("x", kind, active, teller.clock.boottime_ns()))

    write(teller.outbox)
    [message] = taken(teller.outbox)
    assert message.topic.endswith(f"/up/event/{topic}")
    data = body(message)["data"]
    assert (data["input"], data["kind"], data["active"], data["codes"]) == ("x", kind, active, codes)
    assert teller.board.parts() == {}, "the state of the mains is no fault of the device"


def test_a_tamper_leaves_before_other_events_and_never_expires(teller: Teller) -> None:
    teller.fault(Fault.OPEN, active=True)
    for kind in ("mains", "tamper"):
        teller.teller.report(ConditionChanged(kind, kind, True, teller.clock.boottime_ns()))

    write(teller.outbox)
    messages = taken(teller.outbox)
    assert [message.topic.rpartition("/")[2] for message in messages] == ["tamper", "input-fault", "power"]
    assert [message.expiry_s for message in messages] == [None, 24 * 3600, 24 * 3600]
