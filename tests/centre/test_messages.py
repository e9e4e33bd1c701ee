"""What is a message of the contract, what came already, and what is neither."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.envelope import MessageFactory, Stamp, seal
from edge_centre.library import Consumer, Duplicate, LivePicture, NewMessage, NewPicture, Unreadable
from edge_centre.library.consumer import MOST_DEVICES
from edge_centre.library.order import REMEMBERED
from tests.support.made_up import SOURCE, TREE, World, alarm_json, envelope, is_duplicate
from tests.support.message_table import IDENTITY, IDS, TABLE, Row


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_every_message_that_a_device_makes_is_read(row: Row) -> None:
    draft = row[0](MessageFactory(IDENTITY))
    payload = seal(draft, IDENTITY.source, "boot", Stamp("id-1", 1, "2026-01-01T00:00:00.000Z", 0, "synced"), "e1")
    payload = b"\xff\xd8\xff" if draft.picture is not None else payload

    found = Consumer().hear("a", draft.topic, payload, draft.retain, 0.0)

    assert type(found[0]) is (NewPicture if draft.picture is not None else NewMessage)
    assert not any(isinstance(each, Unreadable) for each in found)


def test_what_comes_twice_counts_once_whichever_broker_brings_it() -> None:
    world = World()
    assert len(world.alarm(5)) == 1
    assert is_duplicate(world.alarm(5))
    assert is_duplicate(world.alarm(5, broker="b"))
    assert world.hear("snapshot/p1", b"\xff\xd8\xff") == [NewPicture(SOURCE, "p1", b"\xff\xd8\xff")]
    assert world.hear("snapshot/p1", b"\xff\xd8\xff", broker="b") == [Duplicate(SOURCE, "p1", "b")]


def test_a_picture_of_live_view_is_told_each_time_and_one_that_a_broker_has_kept_never() -> None:
    world = World()
    picture = LivePicture(SOURCE, "front", b"\xff\xd8\xff")
    for _ in range(2):
        assert world.hear("live/front", b"\xff\xd8\xff") == [picture]
    assert Consumer().hear("a", f"{TREE}/up/live/front", b"\xff\xd8\xff", True, 0.0) != [picture]
    for level, payload in (("live/front", b"{}"), ("live", b"\xff\xd8\xff"), ("live/front/x", b"\xff\xd8\xff")):
        [refused] = world.hear(level, payload)
        assert isinstance(refused, Unreadable)


def test_one_identifier_of_two_devices_is_two_messages() -> None:
    world = World()
    world.alarm(5)
    other = envelope("alarm.raised.v1", alarm_json("a2"), 5, source="/edge/gp/park-station/kiosk-2")
    world.bring(f"{TREE[:-1]}2/up/alarm/police", other)
    assert set(world.open_stages) == {"a1", "a2"}


def test_the_identifiers_that_are_remembered_have_a_limit_and_one_that_comes_again_stays_known() -> None:
    world = World()
    world.health(1)
    for seq in range(2, REMEMBERED + 1):
        world.health(seq)
    assert is_duplicate(world.health(1))
    world.health(REMEMBERED + 1)
    assert is_duplicate(world.health(1))
    assert world.health(2) == [], "the oldest is forgotten"
    [device] = world.consumer.devices.values()
    assert len(device._numbers._ids) == REMEMBERED


def test_unknown_fields_types_and_versions_are_passed_on() -> None:
    world = World()
    assert len(world.hear("alarm/police", envelope("alarm.raised.v1", {**alarm_json(), "new": [1]}, 1, extra={}))) == 1
    assert world.hear("alarm/police", envelope("alarm.raised.v2", {"what": "ever"}, 2)) == []
    assert world.hear("event/ufo/far-away", envelope("event.ufo.v1", {"legs": 3}, 3)) == []
    last = world.all[-1]
    assert isinstance(last, NewMessage)
    assert (last.message.data, last.message.envelope.data) == (None, {"legs": 3})


@pytest.mark.parametrize(
    ("level", "payload", "reason"),
    [
        ("alarm/police", b"", "empty"),
        ("alarm/police", b"garbage", "JSON"),
        ("alarm/police", b"[" * 100_000, "recursion"),
        ("alarm/police", b"[]", "object"),
        ("alarm/police", b"{}", "id is missing"),
        ("alarm/police", b"\xff\xd8\xff\xe0", "a picture where a message is due"),
        ("alarm/police", bytes(140_000), "140000 bytes"),
        ("alarm/police", envelope("alarm.raised.v1", {}, 1), "data.alarm_id is missing"),
        ("alarm/police", envelope("alarm.raised.v1", {**alarm_json(), "press_count": "1"}, 1), "data.press_count"),
        ("alarm/police", envelope("alarm.raised.v1", {**alarm_json(), "stage": "upset"}, 1), "data.stage"),
        ("alarm/police", envelope("alarm.raised.v1", {**alarm_json(), "alarm_id": "a/../+"}, 1), "alarm_id"),
        ("alarm/police", envelope("alarm.raised.v1", alarm_json(), -1), "out of range"),
        ("alarm/police", envelope("alarm.raised.v1", alarm_json(), 2**63), "out of range"),
        ("alarm/police", envelope("alarm.raised.v1", alarm_json(), 1, recorddone=2**70), "out of range"),
        ("alarm/police", envelope("alarm.raised.v1", alarm_json(), 1, id="x" * 200), "too long"),
        ("alarm/police", envelope("alarm.raised.v1", alarm_json(), 1, id=""), "empty"),
        ("alarm/police", envelope("alarm.raised.v1", alarm_json(), 1, source=f"{SOURCE}1"), "names another device"),
        ("alarm/self-test", envelope("alarm.raised.v1", alarm_json(), 1), "does not belong on this topic"),
        ("event/power", envelope("alarm.raised.v1", alarm_json(), 1), "does not belong on this topic"),
        ("alarm/police", envelope("state.v1", {}, 1), "data.state"),
        ("snapshot/p1", b"no picture", "no JPEG"),
        ("snapshot/p1/more", b"\xff\xd8\xff", "one level"),
        ("Alarm/police", b"{}", "a level that is none of the contract"),
    ],
)
def test_what_is_no_message_is_reported_with_the_reason_and_changes_nothing(
    level: str, payload: bytes, reason: str
) -> None:
    world = World()
    world.alarm(7, stage="sent")
    [found] = world.hear(level, payload)

    assert isinstance(found, Unreadable)
    assert reason in found.reason
    assert (found.broker, found.topic) == ("a", f"{TREE}/up/{level}")
    assert world.open_stages == {"a1": "sent"}


@pytest.mark.parametrize("topic", ["", "edge/v1", f"{TREE}/down/ack/a1", "edge/v1/host/jhb/state", "other/a/b/c/up/x"])
def test_a_topic_on_which_no_device_speaks_is_reported(topic: str) -> None:
    [found] = World().bring(topic, envelope("alarm.raised.v1", alarm_json(), 1))
    assert isinstance(found, Unreadable)


def test_a_reason_controls_no_terminal() -> None:
    world = World()
    [found] = world.bring("edge/v1/\x1b[2J/\u202e/x/up/state", b"{}")
    assert isinstance(found, Unreadable)
    assert found.topic.isprintable()


def test_more_devices_than_a_country_has_are_not_remembered() -> None:
    world = World()
    for number in range(MOST_DEVICES):
        source = f"/edge/gp/s/k{number}"
        world.consumer._devices[source] = None  # type: ignore[assignment]  # only their number matters
    [found] = world.alarm(1)
    assert isinstance(found, Unreadable)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "id",
    "source",
    "type",
    "epoch",
    "seq",
    "record",
    "recordtop",
    "recorddone",
    "nonce",
    "monoms",
    "timeq",
]
KINDS = ["alarm.raised.v1", "alarm.closed.v1", "alarms.v1", "state.v1", "result.v1", "security.record-skipped.v1"]
LEVELS = st.sampled_from(["alarm/police", "alarms", "state", "result/c1", "security/record-skipped", "snapshot/x"])


@st.composite
def almost_messages(draw: st.DrawFn) -> bytes:
    data: Any = draw(
        st.sampled_from(
            [alarm_json(), {"open": [alarm_json()]}, {"kind": "record-skipped", "severity": "info", "text": ""}, {}]
        )
    )
    if isinstance(data, dict) and draw(st.booleans()):
        name = draw(st.sampled_from(["alarm_id", "open", "stage", "press_count", "kind", "detail", "bdseq", "codes"]))
        data = {**data, name: draw(JSON)}
    changes = draw(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=2))
    return envelope(draw(st.sampled_from(KINDS)), data, draw(st.integers(0, 9)), **changes)


HEARD = st.tuples(LEVELS, st.binary(max_size=64) | almost_messages(), st.booleans(), st.floats(0, 9))


@given(st.lists(HEARD, max_size=25))
@settings(deadline=None, max_examples=200)
def test_nothing_that_comes_makes_it_raise(heard: list[tuple[str, bytes, bool, float]]) -> None:
    world = World()
    for level, payload, retain, pause_s in heard:
        for notice in world.hear(level, payload, retain=retain):
            assert repr(notice)
        world.wait(pause_s)
        json.dumps(world.consumer.marks())
        list(world.consumer.replays(world.now_s))


@given(st.text(max_size=40), st.binary(max_size=40))
def test_no_topic_makes_it_raise(topic: str, payload: bytes) -> None:
    World().bring(topic, payload)
