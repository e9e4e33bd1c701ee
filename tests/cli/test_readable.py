import json
from typing import Any

import pytest

from edge_centre.cli.readable import readable


def line(topic: str, **data: Any) -> str:
    envelope = {"time": "2026-11-24T16:03:24.263Z", "seq": 6, "monoms": 5_000, "data": {"historical": False, **data}}
    return readable(f"edge/v1/gp/site/kiosk-1/up/{topic}", json.dumps(envelope).encode())


ALARM = {"kind": "panic", "stage": "delayed", "press_count": 2, "status": "actual", "latency_ms": {}, "alarm_id": "a1"}
CODES = {"contact_id": "301", "sia": "AT"}


@pytest.mark.parametrize(
    ("topic", "data", "says"),
    [
        (
            "event/input-fault",
            {"input": "police", "fault": "open", "active": True, "detail": "cut"},
            "police: open, cut",
        ),
        (
            "event/input-fault",
            {"input": "police", "fault": "open", "active": False, "detail": "cut"},
            "police: open is over, cut",
        ),
        (
            "event/power",
            {"input": "relay", "kind": "mains", "active": True, "codes": CODES},
            "mains FAILED (relay, 301 AT)",
        ),
        (
            "event/tamper",
            {"input": "door", "kind": "tamper", "active": False, "codes": {"contact_id": "137", "sia": "TR"}},
            "tamper well (door, 137 TR)",
        ),
        (
            "event/siren-stopped",
            {"input": "police", "reason": "answered", "sounded_ms": 61_400, "driven": False, "alarm_id": "a1"},
            "police: answered, BUT ITS PIN DID NOT FOLLOW, 61 s so far, id a1",
        ),
        (
            "event/siren-sounded",
            {"input": "police", "reason": "unanswered", "sounded_ms": 0, "driven": True, "alarm_id": "a1"},
            "police: unanswered, 0 s so far, id a1",
        ),
        (
            "commissioning",
            {
                "report": {
                    "id": "r1",
                    "verdict": "passed",
                    "by": {"issuer": "sipho"},
                    "steps": [{"verdict": "passed"}, {"verdict": "left-out"}, {"verdict": "passed"}],
                }
            },
            "commissioning PASSED by sipho (2 passed, 1 left-out), report r1",
        ),
        (
            "event/person-entered",
            {"camera": "front", "zone": "gate", "track": "0a1b2c3d-4", "persons": 2, "score": 0.876},
            "camera front, gate: 0a1b2c3d-4 is here, 2 in all, score 0.88",
        ),
        (
            "event/person-left",
            {"camera": "front", "track": "0a1b2c3d-4", "persons": 0, "duration_ms": 8_040},
            "camera front: 0a1b2c3d-4 has left after 8.0 s, 0 in all",
        ),
        (
            "event/loitering",
            {"camera": "front", "zone": "gate", "track": "0a1b2c3d-4", "phase": "began", "duration_ms": 60_000},
            "camera front, gate: 0a1b2c3d-4 loitering began, 60.0 s",
        ),
        (
            "event/person-down",
            {"camera": "front", "zone": "gate", "track": "0a1b2c3d-4", "phase": "began", "duration_ms": 10_000},
            "camera front, gate: 0a1b2c3d-4 down, it seems, began, 10.0 s: look and judge",
        ),
        (
            "event/running",
            {"camera": "front", "zone": "gate", "track": "0a1b2c3d-4", "phase": "ended", "duration_ms": 2_000},
            "camera front, gate: 0a1b2c3d-4 running, it seems, ended, 2.0 s: look and judge",
        ),
        (
            "event/line-crossed",
            {"camera": "front", "line": "kerb", "track": "0a1b2c3d-4", "direction": "left-to-right"},
            "camera front: 0a1b2c3d-4 has crossed kerb, left-to-right",
        ),
        (
            "event/crowd",
            {"camera": "front", "zone": "gate", "phase": "ongoing", "persons": 12, "duration_ms": 5_000},
            "camera front, gate: crowd ongoing, 12 people, 5.0 s",
        ),
        (
            "event/after-hours",
            {
                "camera": "front",
                "zone": "gate",
                "phase": "began",
                "persons": 1,
                "duration_ms": 100,
                "closed_by": "unknown-clock",
            },
            "camera front, gate: presence after hours began, 1 people, 0.1 s (the clock is not set: it may be open)",
        ),
        (
            "event/after-hours",
            {"camera": "front", "zone": "gate", "phase": "ended", "persons": 0, "duration_ms": 100},
            "camera front, gate: presence after hours ended, 0 people, 0.1 s",
        ),
        (
            "event/crowd",
            {"camera": "front", "phase": "ended", "persons": 0, "duration_ms": 4_000, "unseen": True},
            "camera front: crowd ended, 0 people, 4.0 s (nobody saw the end: the camera process has ended)",
        ),
    ],
)
def test_an_event_is_a_line_for_a_person(topic: str, data: dict[str, Any], says: str) -> None:
    assert line(topic, **data) == f"16:03:24.263 {topic:26} #6 {says}"


@pytest.mark.parametrize(
    ("change", "data", "says"),
    [
        (
            "begun",
            {"clip": "c1", "alarm_id": "a1", "before_s": 15.515, "reason": ""},
            "recording BEGUN, 15.5 s before it was wanted, for alarm a1, clip c1",
        ),
        (
            "ended",
            {"clip": "c1", "bytes": 3_666_898, "reason": "complete"},
            "recording ENDED: complete, 3.7 MB, clip c1",
        ),
        ("deleted", {"clip": "c1", "reason": "age"}, "recording DELETED: age, clip c1"),
        ("head", {"chain": {"seq": 17, "head": "3f"}, "reason": ""}, "the chain has 17 entries"),
    ],
)
def test_what_becomes_of_a_recording_is_a_line_for_a_person(change: str, data: dict[str, Any], says: str) -> None:
    envelope = {
        "time": "2026-11-24T16:03:24.263Z",
        "seq": 6,
        "type": f"edge.evidence.{change}.v1",
        "data": {"camera": "front", **data},
    }
    said = readable("edge/v1/gp/site/kiosk/up/evidence", json.dumps(envelope).encode())
    assert said == f"16:03:24.263 {'evidence':26} #6 camera front: {says}"


def test_a_message_of_another_form_is_shown_as_it_is() -> None:
    assert '"fault": "open"' in line("event/input-fault", fault="open")


@pytest.mark.parametrize(
    "data", ["[]", "null", "7", '"x"', '{"state": 5}', '{"state": "a", "agent_version": [], "bdseq": {}}']
)
@pytest.mark.parametrize("topic", ["state", "health", "alarm/police", "event/person-entered", "result/c1", "event/x"])
def test_a_message_that_no_device_would_send_is_a_line_all_the_same(topic: str, data: str) -> None:
    payload = f'{{"time": "2026-11-24T16:03:24.263Z", "seq": 6, "data": {data}}}'
    assert readable(f"edge/v1/gp/site/kiosk/up/{topic}", payload.encode()).count("\n") == 0


@pytest.mark.parametrize(
    ("topic", "envelope"),
    [
        ("evidence", {"type": "x", "data": {"camera": "front"}}),
        ("event/siren-stopped", {"data": {"input": "x", "reason": "x", "driven": True, "sounded_ms": 10**400}}),
    ],
)
def test_a_type_or_a_figure_that_no_device_would_send_does_not_end_watch(topic: str, envelope: dict[str, Any]) -> None:
    payload = json.dumps({"time": "2026-11-24T16:03:24.263Z", "seq": 6, **envelope})
    assert f"#6 {json.dumps(envelope['data'])[:200]}" in readable(f"edge/v1/gp/site/kiosk/up/{topic}", payload.encode())


def test_a_figure_that_is_none_is_shown_as_it_is() -> None:
    data = {"camera": "front", "track": "a-1", "persons": 1, "score": "much"}
    assert '"score": "much"' in line("event/person-entered", **data)


def test_a_payload_that_no_parser_takes_is_told_by_its_size() -> None:
    payload = b"[" * 100_000
    assert readable("edge/v1/gp/site/kiosk/up/state", payload).endswith("message of 100000 bytes for state")


def test_an_actual_alarm_is_shown_plainly() -> None:
    text = line("alarm/police", **{**ALARM, "repeats": 0, "reraised": 0})
    assert text.endswith("#6 panic DELAYED, presses 2, id a1")


def test_open_alarms_are_shown_with_what_an_ack_of_them_needs() -> None:
    other = {**ALARM, "stage": "sent", "alarm_id": "a2"}
    alarms = [{**each, "input": name} for each, name in ((ALARM, "police"), (other, "fire"))]
    assert line("alarms", open=alarms).endswith("#6 2 open: police delayed, id a1, fire sent, id a2")
    assert line("alarms", open=[]).endswith("#6 0 open")


@pytest.mark.parametrize("stage", ["raised", "registered", "dispatched"])
def test_whoever_is_threatened_in_silence_is_not_telephoned_by_somebody_who_reads_a_line_of_watch(stage: str) -> None:
    duress = {**ALARM, "kind": "duress", "silent": True, "stage": stage}
    says = "Silent duress. Do not phone or alert the site."
    assert f"#6 {says} duress {stage.upper()}" in line("alarm/desk", **duress)
    assert f"#6 1 open: {says} desk {stage}" in line("alarms", open=[{**duress, "input": "desk"}])
    assert "#6 Silent alarm. Do not phone or alert the site. panic" in line("alarm/desk", **{**duress, "kind": "panic"})
    for other in ({"stage": "closed"}, {"status": "test"}, {"silent": False}):
        assert "Do not" not in line("alarm/desk", **{**duress, **other})


def test_an_alarm_that_was_told_or_raised_again_says_how_often() -> None:
    text = line("alarm/police", **{**ALARM, "repeats": 3, "reraised": 1})
    assert text.endswith("presses 2, repeats 3, reraised 1, id a1")


THANDI = {"issuer": "jhb", "by": "Thandi", "at": "2026-11-24T16:03:24.263Z"}
PRETORIA = {"issuer": "pta", "at": "2026-11-24T16:03:24.263Z"}


def test_an_alarm_says_who_has_it_and_who_was_sent() -> None:
    sent = {**ALARM, "held_by": PRETORIA, "answered_by": {"dispatched": {**THANDI, "unit": "car 7"}}}
    assert line("alarm/police", **sent).endswith("presses 2, pta has it, car 7 sent by Thandi (jhb), id a1")
    assert line("alarms", open=[{**sent, "input": "police"}]).endswith(
        "1 open: police delayed, pta has it, car 7 sent by Thandi (jhb), id a1"
    )


def test_an_answered_alarm_says_when_it_raises_itself_again_and_who_was_sent_before() -> None:
    sent = {**ALARM, "stage": "registered", "sent_before": {**THANDI, "unit": "car 7"}, "raises_again_monoms": 182_500}
    says = ", car 7 SENT BEFORE by Thandi (jhb) at 16:03:24, raises itself again in 178 s, id a1"
    assert line("alarm/police", **sent).endswith(f"panic REGISTERED, presses 2{says}")
    assert line("alarms", open=[{**sent, "input": "police"}]).endswith(f"1 open: police registered{says}")
    assert ", somebody SENT BEFORE by pta at" in line("alarm/police", **{**ALARM, "sent_before": PRETORIA})


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ({}, "Thandi (jhb)"),
        ({"reason": "helped"}, "Thandi (jhb): helped"),
        ({"reason": "other", "note": "a child"}, "Thandi (jhb): other, a child"),
    ],
)
def test_a_closed_alarm_says_who_had_it_who_closed_it_and_why(why: dict[str, str], says: str) -> None:
    closed = {**ALARM, "stage": "closed", "held_by": PRETORIA, "answered_by": {"closed": THANDI | why}}
    assert line("alarm/police", **closed).endswith(f"CLOSED, presses 2, pta had it, closed by {says}, id a1")


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\nb", "a\u202eb", "a\x9bb", "a\u2028b", "a\ud800b"])
@pytest.mark.parametrize("where", ["held_by", "kind", "input"])
def test_nothing_that_anybody_publishes_can_act_on_a_terminal(where: str, text: str) -> None:
    data = {**ALARM, where: {"issuer": "jhb", "by": text} if where == "held_by" else text}
    shown = line(f"alarm/{text}", **data)
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize("status", ["test", "exercise"])
def test_what_is_not_in_earnest_says_so_before_all_else(status: str) -> None:
    assert f"#6 {status.upper()}, not a real alarm: panic" in line("alarm/police", **{**ALARM, "status": status})


def test_a_kiosk_says_whether_it_is_in_service() -> None:
    assert line("event/out-of-service", reasons=["no-centre", "no-uplink"]).endswith(
        "OUT OF SERVICE: no-centre, no-uplink"
    )
    assert line("event/in-service", reasons=[]).endswith("in service again")


def test_a_camera_that_is_tampered_with_and_its_end() -> None:
    data = {"camera": "front", "kind": "signal-lost", "active": True, "detail": "there are no pictures"}
    assert line("event/camera-tamper", **data).endswith("camera front: SIGNAL-LOST, there are no pictures")
    data |= {"active": False, "duration_ms": 61_200, "detail": "there are pictures again"}
    assert line("event/camera-tamper", **data).endswith("SIGNAL-LOST is over after 61 s, there are pictures again")


def test_the_health_names_the_tampers_of_each_camera_also_of_one_that_does_not_run() -> None:
    tampers = [{"kind": "signal-lost"}]
    cameras = {"front": {"frames_per_second": 9.9, "tampers": []}, "back": {"tampers": tampers}}
    text = line("health", parts={}, status="ok", memory_bytes=1e6, cameras=cameras)
    assert text.endswith("front 9.9 frames/s, back 0.0 frames/s SIGNAL-LOST")


def test_a_close_that_a_power_cut_would_take_back_says_so() -> None:
    closed = {
        "status": "actual",
        "kind": "panic",
        "stage": "closed",
        "press_count": 1,
        "latency_ms": {},
        "alarm_id": "a",
    }
    envelope = {"time": "2026-01-01T00:00:00.000Z", "seq": 1, "data": {**closed, "durable": False}}

    assert "CLOSED, presses 1, not on its disk yet" in readable("t/up/alarm/police", json.dumps(envelope).encode())
