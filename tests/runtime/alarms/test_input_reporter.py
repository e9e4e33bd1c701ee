from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.contract.vocabulary import ConditionKind, Fault
from agent.core.facts import ConditionChanged, InputFault
from agent.runtime.alarms.input_reporter import InputReporter
from agent.runtime.supervision.health import PartState
from tests.support.context import Collected, make_context
from tests.support.drafts import body, open_outbox, taken, write
from tests.support.sim_clock import SimClock


class Rig:
    def __init__(self, directory: Path) -> None:
        self.clock = SimClock(boottime_ns=10**12)
        self.outbox = open_outbox(directory, self.clock)
        self.parts = Collected()
        self.held: list[tuple[str, bool]] = []
        context = make_context(self.outbox, self.clock, parts=self.parts)
        self.board = context.board
        self.reporter = InputReporter(context, lambda *how: self.held.append(how))

    def fault(self, fault: Fault, *, active: bool, detail: str = "") -> None:
        self.reporter.report(InputFault("police", fault, active, self.clock.boottime_ns(), 7, detail))

    def sent(self) -> list[dict[str, Any]]:
        write(self.outbox)
        return [body(message) for message in taken(self.outbox)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path / "store")
    yield rig
    rig.outbox.close()


def test_a_fault_is_an_event_with_the_time_when_it_began(rig: Rig) -> None:
    began = rig.clock.wall()
    began_ns = rig.clock.boottime_ns()
    rig.clock.advance(timedelta(seconds=30))
    rig.reporter.report(InputFault("police", Fault.STUCK, True, began_ns, 7))

    [event] = rig.sent()
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


def test_an_input_is_a_degraded_part_until_its_last_fault_has_ended(rig: Rig) -> None:
    rig.fault(Fault.SHORT, active=True)
    rig.fault(Fault.UNUSABLE, active=True, detail="pin 5 is taken")
    rig.fault(Fault.SHORT, active=False)
    assert rig.board.parts() == {"input-police": PartState(False, "pin 5 is taken")}

    rig.fault(Fault.UNUSABLE, active=False)
    assert rig.board.parts() == {"input-police": PartState(True)}
    assert [draft.topic.rpartition("/")[2] for draft in rig.parts] == ["part-degraded", "part-restored"]
    assert [message["data"]["active"] for message in rig.sent()] == [True, True, False, False]


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
    rig: Rig, kind: ConditionKind, active: bool, topic: str, codes: dict[str, str]
) -> None:
    rig.reporter.report(ConditionChanged("x", kind, active, rig.clock.boottime_ns()))

    write(rig.outbox)
    [message] = taken(rig.outbox)
    assert message.topic.endswith(f"/up/event/{topic}")
    data = body(message)["data"]
    assert (data["input"], data["kind"], data["active"], data["codes"]) == ("x", kind, active, codes)
    assert rig.board.parts() == {}, "the state of the mains is no fault of the device"


def test_a_tamper_leaves_before_other_events_and_never_expires(rig: Rig) -> None:
    rig.fault(Fault.OPEN, active=True)
    for kind in ("mains", "tamper"):
        rig.reporter.report(ConditionChanged(kind, kind, True, rig.clock.boottime_ns()))

    write(rig.outbox)
    messages = taken(rig.outbox)
    assert [message.topic.rpartition("/")[2] for message in messages] == ["tamper", "input-fault", "power"]
    assert [message.expiry_s for message in messages] == [None, 24 * 3600, 24 * 3600]


def test_a_service_contact_opens_the_page_and_is_no_condition_of_the_kiosk(rig: Rig) -> None:
    for active in (False, True):
        rig.reporter.report(ConditionChanged("key", "service", active, rig.clock.boottime_ns()))

    assert rig.held == [("key", False), ("key", True)]
    assert rig.sent() == []
