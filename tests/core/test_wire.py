import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from agent.core.camera_events import (
    AfterHoursData,
    CameraEventData,
    CrowdData,
    LineCrossedData,
    LoiteringData,
    PersonEnteredData,
    PersonLeftData,
)
from agent.core.events import Fault, TimeQuality
from agent.core.identity import LEVEL, Identity
from agent.core.inputs import ConditionKind
from agent.core.messages import (
    AlarmCamera,
    AlarmData,
    AlarmsData,
    ConditionData,
    Draft,
    HealthData,
    InputFaultData,
    MetaData,
    PartData,
    Rank,
    ResultData,
    SecurityData,
    SelfTestData,
    ServiceData,
    StateData,
    TimeCorrectionData,
)
from agent.core.stages import Stage
from agent.core.wire import (
    EVENT_EXPIRY_S,
    HEALTH_EXPIRY_S,
    RESULT_EXPIRY_S,
    Drafts,
    Stamp,
    mark_historical,
    rfc3339,
    seal,
)

STAMP = Stamp("id-1", 7, rfc3339(datetime(2026, 1, 2, 3, 4, 5, 6_999, UTC)), 1, "holdover")
IDENTITY = Identity("gp", "park-station", "kiosk-1")
DRAFTS = Drafts(IDENTITY)
ALARM = AlarmData(
    alarm_id="a1",
    input="police",
    kind="panic",
    status="actual",
    silent=False,
    press_count=1,
    stage=Stage.RAISED,
    raised_at="2026-01-01T00:00:00.000Z",
    codes={},
    latency_ms={},
    camera=AlarmCamera(name="front"),
)
RESULT = ResultData(command_id="c1", name="ping", status="succeeded", code="ok", text="here")
HEALTH = HealthData(
    status="ok",
    parts={},
    uptime_s=1,
    outbox={},
    dropped={},
    cpu_percent=0,
    memory_bytes=1,
    disk={},
    disk_free_bytes=1,
    temperature_c=None,
    cameras={},
    inputs={},
)
STATE = StateData(state="online", bdseq=1, boot_nonce="n", agent_version="1", config_revision="r")
META = MetaData(inputs=(), outputs=(), cameras=(), location=None, capabilities=(), schemas=())
_AT = {"event_id": "e1", "camera": "front", "frame_monoms": 1, "persons": 1}
_WHO = {"track": "0a1b2c3d-1", "score": 0.5, "box": (0, 0, 1, 1)}
CAMERA_EVENTS: list[tuple[CameraEventData, str]] = [
    (PersonEnteredData(**_AT, **_WHO, duration_ms=1), "person-entered.v2"),
    (PersonLeftData(**_AT, track="0a1b2c3d-1", duration_ms=1), "person-left.v2"),
    (LoiteringData(**_AT, **_WHO, duration_ms=1, phase="began"), "loitering.v1"),
    (LineCrossedData(**_AT, **_WHO, line="gate", direction="left-to-right"), "line-crossed.v1"),
    (CrowdData(**_AT, duration_ms=1, phase="ongoing"), "crowd.v1"),
    (AfterHoursData(**_AT, duration_ms=1, phase="ended"), "after-hours.v1"),
]
PART = PartData(part="uplink", detail="")
SECURITY = SecurityData(kind="boot", severity="info", text="")
FAULT = InputFaultData(input="police", fault=Fault.OPEN, active=True, since="2026-01-01T00:00:00.000Z", presses=0)


def condition(kind: ConditionKind) -> ConditionData:
    return ConditionData(input="i", kind=kind, active=True, since="2026-01-01T00:00:00.000Z", codes={})


CORRECTION = TimeCorrectionData(
    boot_id="b", offset_ms=1, timeq_before=TimeQuality.UNSYNCED, timeq_after=TimeQuality.SYNCED
)
SERVICE = ServiceData(reasons=())
SELF_TEST = SelfTestData(outcome="passed", reason="schedule", steps=())
TABLE: list[tuple[Callable[[Drafts], Draft], str, str, str, Rank, int, bool, int | None]] = [
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
        (
            partial(Drafts.camera_event, data=data),
            f"event/{kind.removesuffix('.v1').removesuffix('.v2')}",
            f"edge.event.{kind}",
            "camera/front",
            Rank.EVENT,
            1,
            False,
            EVENT_EXPIRY_S,
        )
        for data, kind in CAMERA_EVENTS
    ],
    (
        lambda d: d.part("part-degraded", PART),
        "event/part-degraded",
        "edge.event.part-degraded.v1",
        "part/uplink",
        Rank.EVENT,
        1,
        False,
        EVENT_EXPIRY_S,
    ),
    (
        lambda d: d.part("part-restored", PART),
        "event/part-restored",
        "edge.event.part-restored.v1",
        "part/uplink",
        Rank.EVENT,
        1,
        False,
        EVENT_EXPIRY_S,
    ),
    (
        lambda d: d.input_fault(FAULT),
        "event/input-fault",
        "edge.event.input-fault.v1",
        "input/police",
        Rank.EVENT,
        1,
        False,
        EVENT_EXPIRY_S,
    ),
    (
        lambda d: d.condition(condition("mains")),
        "event/power",
        "edge.event.power.v1",
        "input/i",
        Rank.EVENT,
        1,
        False,
        EVENT_EXPIRY_S,
    ),
    (
        lambda d: d.condition(condition("battery")),
        "event/power",
        "edge.event.power.v1",
        "input/i",
        Rank.EVENT,
        1,
        False,
        EVENT_EXPIRY_S,
    ),
    (
        lambda d: d.time_correction(CORRECTION),
        "event/time-correction",
        "edge.event.time-correction.v1",
        "clock",
        Rank.EVENT,
        1,
        False,
        EVENT_EXPIRY_S,
    ),
    (
        lambda d: d.service(False, SERVICE),
        "event/out-of-service",
        "edge.event.out-of-service.v1",
        "service",
        Rank.EVENT,
        1,
        False,
        EVENT_EXPIRY_S,
    ),
    (
        lambda d: d.service(True, SERVICE),
        "event/in-service",
        "edge.event.in-service.v1",
        "service",
        Rank.EVENT,
        1,
        False,
        EVENT_EXPIRY_S,
    ),
    (
        lambda d: d.self_test(SELF_TEST),
        "event/self-test",
        "edge.event.self-test.v1",
        "self-test",
        Rank.EVENT,
        1,
        False,
        EVENT_EXPIRY_S,
    ),
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
    (lambda d: d.snapshot("p1", b"jpeg"), "snapshot/p1", "", "", Rank.PICTURE, 1, False, EVENT_EXPIRY_S),
    (lambda d: d.health(HEALTH), "health", "edge.health.v1", "health", Rank.HEALTH, 0, False, HEALTH_EXPIRY_S),
]
IDS = [row[1] for row in TABLE]


def sealed(draft: Draft, **changes: Any) -> dict[str, Any]:
    stamp = STAMP._replace(**changes)
    parsed: dict[str, Any] = json.loads(seal(draft, IDENTITY.source, "boot", stamp))
    return parsed


@pytest.mark.parametrize(("make", "topic", "type_", "subject", "rank", "qos", "retain", "expiry_s"), TABLE, ids=IDS)
def test_every_message_goes_where_the_contract_says(
    make: Callable[[Drafts], Draft],
    topic: str,
    type_: str,
    subject: str,
    rank: Rank,
    qos: int,
    retain: bool,
    expiry_s: int | None,
) -> None:
    draft = make(Drafts(IDENTITY))

    assert draft.topic == f"edge/v1/gp/park-station/kiosk-1/up/{topic}"
    assert (draft.type, draft.subject) == (type_, subject)
    assert (draft.rank, draft.qos, draft.retain, draft.expiry_s) == (rank, qos, retain, expiry_s)


@pytest.mark.parametrize("make", [row[0] for row in TABLE], ids=IDS)
def test_every_topic_is_one_that_every_broker_takes(make: Callable[[Drafts], Draft]) -> None:
    levels = make(DRAFTS).topic.split("/")

    assert all(LEVEL.match(level) for level in levels)
    assert len(levels) <= 8


@pytest.mark.parametrize("make", [row[0] for row in TABLE if not row[1].startswith("snapshot/")])
def test_the_envelope_is_a_cloudevent_with_our_extensions(make: Callable[[Drafts], Draft]) -> None:
    draft = make(DRAFTS)
    envelope = sealed(draft)

    assert envelope.pop("data")["historical"] is False
    assert envelope == {
        "specversion": "1.0",
        "id": "id-1",
        "source": "/edge/gp/park-station/kiosk-1",
        "type": draft.type,
        "subject": draft.subject,
        "time": "2026-01-02T03:04:05.006Z",
        "dataschema": f"urn:edge-agent:schema:{draft.type}",
        "datacontenttype": "application/json",
        "bootid": "boot",
        "seq": 7,
        "monoms": 1,
        "timeq": "holdover",
    }


def test_what_is_not_known_is_left_out_of_the_data() -> None:
    data = sealed(DRAFTS.alarm("raised", ALARM))["data"]

    assert data["camera"] == {"name": "front"}
    assert "location" not in data
    assert (data["stage"], data["press_count"]) == ("raised", 1)


@pytest.mark.parametrize("change", ["raised", "updated", "closed"])
def test_the_steps_of_an_alarm_share_its_subject_and_topic(change: Any) -> None:
    draft = DRAFTS.alarm(change, ALARM)

    assert (draft.type, draft.subject, draft.alarm_id) == (f"edge.alarm.{change}.v1", "alarm/a1", "a1")


def test_a_late_message_is_the_same_but_for_its_mark() -> None:
    draft = DRAFTS.alarm("raised", ALARM)
    payload = json.dumps(sealed(draft)).encode()
    late = json.loads(mark_historical(payload))

    assert late["data"].pop("historical") is True
    on_time = json.loads(payload)
    assert on_time["data"].pop("historical") is False
    assert late == on_time


def test_nothing_of_a_late_message_is_remembered() -> None:
    payloads = [json.dumps({"id": f"message {n} of thousands", "data": {}}).encode() for n in range(3_000)]
    mark_historical(payloads[0])
    before = sys.getallocatedblocks()
    for payload in payloads:
        mark_historical(payload)

    assert sys.getallocatedblocks() - before < 500


def test_a_picture_is_sent_as_it_is() -> None:
    jpeg = b"\xff\xd8\xff\xe0"
    draft = DRAFTS.snapshot("p1", jpeg)

    assert seal(draft, "source", "boot", STAMP) == mark_historical(jpeg)


_RESULTS = IDENTITY.up("result")


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        (None, "c1"),
        (f"{_RESULTS}/r-42", "r-42"),
        (f"{_RESULTS}/", "c1"),
        (f"{_RESULTS}/a/b", "c1"),
        (f"{_RESULTS}/#", "c1"),
        (f"{_RESULTS}/Upper", "c1"),
        (f"{_RESULTS}/a\n", "c1"),
        (f"{_RESULTS}x/a", "c1"),
        (IDENTITY.up("state"), "c1"),
        (IDENTITY.down("command", "ping"), "c1"),
        ("edge/v1/gp/park-station/kiosk-2/up/result/a", "c1"),
        ("", "c1"),
    ],
)
def test_a_response_topic_outside_our_own_results_is_ignored(asked: str | None, used: str) -> None:
    draft = DRAFTS.result(RESULT, asked, b"\x01")

    assert draft.topic == f"{_RESULTS}/{used}"
    assert draft.correlation_data == b"\x01"
