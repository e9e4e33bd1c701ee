import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.contract.envelope import MessageFactory, Stamp, mark_historical, rfc3339, seal
from agent.contract.identity import LEVEL
from agent.contract.messages import Draft, Rank
from tests.support.message_table import ALARM, IDENTITY, IDS, RESULT, TABLE

STAMP = Stamp("id-1", 7, rfc3339(datetime(2026, 1, 2, 3, 4, 5, 6_999, UTC)), 1, "holdover", "of-then")
FACTORY = MessageFactory(IDENTITY)


def sealed(draft: Draft, **changes: Any) -> dict[str, Any]:
    stamp = STAMP._replace(**changes)
    parsed: dict[str, Any] = json.loads(seal(draft, IDENTITY.source, "boot", stamp))
    return parsed


@pytest.mark.parametrize(("make", "topic", "type_", "subject", "rank", "qos", "retain", "expiry_s"), TABLE, ids=IDS)
def test_every_message_goes_where_the_contract_says(
    make: Callable[[MessageFactory], Draft],
    topic: str,
    type_: str,
    subject: str,
    rank: Rank,
    qos: int,
    retain: bool,
    expiry_s: int | None,
) -> None:
    draft = make(MessageFactory(IDENTITY))

    assert draft.topic == f"edge/v1/gp/park-station/kiosk-1/up/{topic}"
    assert (draft.type, draft.subject) == (type_, subject)
    assert (draft.rank, draft.qos, draft.retain, draft.expiry_s) == (rank, qos, retain, expiry_s)


@pytest.mark.parametrize("make", [row[0] for row in TABLE], ids=IDS)
def test_every_topic_is_one_that_every_broker_takes(make: Callable[[MessageFactory], Draft]) -> None:
    levels = make(FACTORY).topic.split("/")

    assert all(LEVEL.match(level) for level in levels)
    assert len(levels) <= 8


@pytest.mark.parametrize("make", [row[0] for row in TABLE if not row[1].startswith("snapshot/")])
def test_the_envelope_is_a_cloudevent_with_our_extensions(make: Callable[[MessageFactory], Draft]) -> None:
    draft = make(FACTORY)
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
        "recordtop": 0,
        "recorddone": 0,
        "monoms": 1,
        "timeq": "holdover",
        "nonce": "of-then",
    }


def test_what_is_not_known_is_left_out_of_the_data() -> None:
    data = sealed(FACTORY.alarm("raised", ALARM))["data"]

    assert data["camera"] == {"name": "front"}
    assert "location" not in data
    assert (data["stage"], data["press_count"]) == ("raised", 1)


@pytest.mark.parametrize("change", ["raised", "updated", "closed"])
def test_the_steps_of_an_alarm_share_its_subject_and_topic(change: Any) -> None:
    draft = FACTORY.alarm(change, ALARM)

    assert (draft.type, draft.subject, draft.alarm_id) == (f"edge.alarm.{change}.v1", "alarm/a1", "a1")


def test_a_late_message_is_the_same_but_for_its_mark() -> None:
    draft = FACTORY.alarm("raised", ALARM)
    payload = json.dumps(sealed(draft)).encode()
    late = json.loads(mark_historical(payload, "newest"))

    assert late["data"].pop("historical") is True
    on_time = json.loads(payload)
    assert (late.pop("nonce"), on_time.pop("nonce")) == ("newest", "of-then")
    assert on_time["data"].pop("historical") is False
    assert late == on_time


def test_nothing_of_a_late_message_is_remembered() -> None:
    payloads = [json.dumps({"id": f"message {n} of thousands", "data": {}}).encode() for n in range(3_000)]
    mark_historical(payloads[0], "n")
    before = sys.getallocatedblocks()
    for payload in payloads:
        mark_historical(payload, "n")

    assert sys.getallocatedblocks() - before < 500


def test_a_picture_is_sent_as_it_is() -> None:
    jpeg = b"\xff\xd8\xff\xe0"
    draft = FACTORY.snapshot("p1", jpeg)

    assert seal(draft, "source", "boot", STAMP) == mark_historical(jpeg, "n")


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
    draft = FACTORY.result(RESULT, asked, b"\x01")

    assert draft.topic == f"{_RESULTS}/{used}"
    assert draft.correlation_data == b"\x01"
