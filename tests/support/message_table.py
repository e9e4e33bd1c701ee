"""One of every message that goes up, and how docs/contract.md has it sent."""

from collections.abc import Callable, Mapping
from functools import partial

from agent.contract.camera_events import (
    AfterHoursData,
    CameraEventData,
    CrowdData,
    EventName,
    LineCrossedData,
    LoiteringData,
    PersonDownData,
    PersonEnteredData,
    PersonLeftData,
    RunningData,
)
from agent.contract.device import MetaData
from agent.contract.envelope import MessageFactory
from agent.contract.events import (
    ConditionData,
    HardlyAbleToSeeData,
    InputFaultData,
    LineCountData,
    PartData,
    SelfTestData,
    ServiceData,
    TimeCorrectionData,
)
from agent.contract.evidence import EvidenceData
from agent.contract.identity import Identity
from agent.contract.kinds import EVENT_EXPIRY_S, HEALTH_EXPIRY_S, RESULT_EXPIRY_S
from agent.contract.messages import AlarmCamera, AlarmsData, Draft, Rank, ResultData, SecurityData, StateData
from agent.contract.vocabulary import Codes, ConditionKind, Fault, SightTrouble, TimeQuality
from tests.support.commissioning import unsigned
from tests.support.drafts import HEALTH, alarm_data

IDENTITY = Identity("gp", "park-station", "kiosk-1")
ALARM = alarm_data(camera=AlarmCamera(name="front"))
RESULT = ResultData(command_id="c1", name="rebirth", status="succeeded", code="ok", text="here")
STATE = StateData(state="online", bdseq=1, epoch="e", boot_nonce="n", agent_version="1", config_revision="r")
META = MetaData(inputs=(), outputs=(), cameras=(), location=None, capabilities=(), schemas=())
_AT = {"event_id": "e1", "camera": "front", "frame_monoms": 1, "persons": 1}
_WHO = {"track": "0a1b2c3d-1", "score": 0.5, "box": (0, 0, 1, 1)}
CAMERA_EVENTS: Mapping[EventName, tuple[CameraEventData, str]] = {
    "person-entered": (PersonEnteredData(**_AT, **_WHO, duration_ms=1), "v2"),
    "person-left": (PersonLeftData(**_AT, track="0a1b2c3d-1", duration_ms=1), "v2"),
    "loitering": (LoiteringData(**_AT, **_WHO, duration_ms=1, phase="began"), "v1"),
    "line-crossed": (LineCrossedData(**_AT, **_WHO, line="gate", direction="left-to-right"), "v1"),
    "crowd": (CrowdData(**_AT, duration_ms=1, phase="ongoing"), "v1"),
    "after-hours": (AfterHoursData(**_AT, duration_ms=1, phase="ended"), "v1"),
    "person-down": (PersonDownData(**_AT, **_WHO, duration_ms=1, phase="began"), "v1"),
    "running": (RunningData(**_AT, **_WHO, duration_ms=1, phase="began"), "v1"),
}
PART = PartData(part="uplink", detail="")
SECURITY = SecurityData(kind="boot", severity="info", text="")
FAULT = InputFaultData(input="police", fault=Fault.OPEN, active=True, since="2026-01-01T00:00:00.000Z", presses=0)


def condition(kind: ConditionKind) -> ConditionData:
    codes: Codes = {"contact_id": "301", "sia": "AT"}
    return ConditionData(input="i", kind=kind, active=True, since="2026-01-01T00:00:00.000Z", codes=codes)


CORRECTION = TimeCorrectionData(
    boot_id="b", offset_ms=1, timeq_before=TimeQuality.UNSYNCED, timeq_after=TimeQuality.SYNCED
)
HARDLY_ABLE = HardlyAbleToSeeData(
    event_id="e1",
    camera="front",
    reason=SightTrouble.HAZY,
    active=True,
    since="2026-01-01T00:00:00.000Z",
    detail="clean it",
)
SERVICE = ServiceData(reasons=())
COUNT = LineCountData(
    camera="front", line="kerb", hour="2026-01-01T00:00:00.000Z", left_to_right=1, right_to_left=0, counted_s=3600
)
SELF_TEST = SelfTestData(outcome="passed", reason="schedule", steps=())
COMMISSIONING = unsigned()
Row = tuple[Callable[[MessageFactory], Draft], str, str, str, Rank, int, bool, int | None]


def _event(make: Callable[[MessageFactory], Draft], name: str, subject: str) -> Row:
    kind = name.partition(".")[0]
    return make, f"event/{kind}", f"edge.event.{name}", subject, Rank.EVENT, 1, False, EVENT_EXPIRY_S


TABLE: list[Row] = [
    (
        lambda d: d.alarm("raised", ALARM),
        "alarm/police",
        "edge.alarm.raised.v1",
        "alarm/a1",
        Rank.ALARM,
        1,
        False,
        None,
    ),
    (lambda d: d.alarms(AlarmsData(open=(ALARM,))), "alarms", "edge.alarms.v1", "alarms", Rank.STATE, 1, True, None),
    (lambda d: d.state(STATE), "state", "edge.state.v1", "state", Rank.STATE, 1, True, None),
    (lambda d: d.meta(META), "meta", "edge.meta.v1", "meta", Rank.STATE, 1, True, None),
    (lambda d: d.result(RESULT), "result/c1", "edge.result.v1", "command/c1", Rank.STATE, 1, False, RESULT_EXPIRY_S),
    (
        lambda d: d.security(SECURITY),
        "security/boot",
        "edge.security.boot.v1",
        "security/boot",
        Rank.SECURITY,
        1,
        False,
        None,
    ),
    *[
        _event(partial(MessageFactory.camera_event, event=name, data=data), f"{name}.{version}", "camera/front")
        for name, (data, version) in CAMERA_EVENTS.items()
    ],
    _event(lambda d: d.line_count(COUNT), "line-count.v1", "camera/front"),
    _event(lambda d: d.part("part-degraded", PART), "part-degraded.v1", "part/uplink"),
    _event(lambda d: d.part("part-restored", PART), "part-restored.v1", "part/uplink"),
    _event(lambda d: d.input_fault(FAULT), "input-fault.v1", "input/police"),
    _event(lambda d: d.condition(condition("mains")), "power.v1", "input/i"),
    _event(lambda d: d.condition(condition("battery")), "power.v1", "input/i"),
    _event(lambda d: d.time_correction(CORRECTION), "time-correction.v1", "clock"),
    _event(lambda d: d.service(False, SERVICE), "out-of-service.v1", "service"),
    _event(lambda d: d.service(True, SERVICE), "in-service.v1", "service"),
    _event(lambda d: d.hardly_able_to_see(HARDLY_ABLE), "hardly-able-to-see.v1", "camera/front"),
    _event(lambda d: d.self_test(SELF_TEST), "self-test.v1", "self-test"),
    (
        lambda d: d.condition(condition("tamper")),
        "event/tamper",
        "edge.event.tamper.v1",
        "input/i",
        Rank.SECURITY,
        1,
        False,
        None,
    ),
    (
        lambda d: d.commissioning(COMMISSIONING),
        "commissioning",
        "edge.commissioning.v1",
        "commissioning",
        Rank.STATE,
        1,
        True,
        None,
    ),
    (
        lambda d: d.evidence("begun", EvidenceData(camera="front")),
        "evidence",
        "edge.evidence.begun.v1",
        "camera/front",
        Rank.STATE,
        1,
        False,
        None,
    ),
    (lambda d: d.snapshot("p1", b"jpeg"), "snapshot/p1", "", "", Rank.PICTURE, 1, False, EVENT_EXPIRY_S),
    (lambda d: d.health(HEALTH), "health", "edge.health.v1", "health", Rank.HEALTH, 0, False, HEALTH_EXPIRY_S),
]
"""What makes it; topic under `up/`, type, subject, rank, QoS, retained, and expiry in seconds."""
IDS = [row[1] for row in TABLE]
