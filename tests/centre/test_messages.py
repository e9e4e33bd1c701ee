"""What is a message of the contract, and why what is none is refused; `tests/vectors/` has what else is refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.envelope import MessageFactory, Stamp, seal
from edge_centre.library import Consumer, NewMessage, NewPicture, Unreadable
from edge_centre.library.consumer import MOST_DEVICES
from tests.support.made_up import SOURCE, TREE, World, alarm_json, envelope
from tests.support.message_table import IDENTITY, IDS, TABLE, Row


@pytest.mark.parametrize("row", TABLE, ids=IDS)
def test_every_message_that_a_device_makes_is_read(row: Row) -> None:
    draft = row[0](MessageFactory(IDENTITY))
    payload = seal(draft, IDENTITY.source, "boot", Stamp("id-1", 1, "2026-01-01T00:00:00.000Z", 0, "synced"), "e1")
    payload = b"\xff\xd8\xff" if draft.picture is not None else payload

    found = Consumer().hear("a", draft.topic, payload, draft.retain, 0.0)

    assert type(found[0]) is (NewPicture if draft.picture is not None else NewMessage)
    assert not any(isinstance(each, Unreadable) for each in found)


def test_a_clock_of_1970_changes_nothing_but_the_trust_in_its_time() -> None:
    world = World()
    world.alarm(1)
    world.now_s = 1.0
    world.health(2, time="1970-01-01T00:00:09.000Z", timeq="unsynced")
    heard = [(each.message.heard_s, each.message.trusted_time) for each in world.all if isinstance(each, NewMessage)]
    assert heard == [(0.0, "2026-01-01T00:00:00.000Z"), (1.0, None)]


@pytest.mark.parametrize(
    ("level", "payload", "reason"),
    [
        ("alarm/police", b"garbage", "JSON"),
        ("alarm/police", b"{}", "specversion is missing"),
        ("alarm/police", envelope("alarm.raised.v1", {}, 1), "data.alarm_id is missing"),
        ("alarm/police", envelope("alarm.raised.v1", alarm_json(), 1, source=f"{SOURCE}1"), "names another device"),
        ("alarm/self-test", envelope("alarm.raised.v1", alarm_json(), 1), "does not belong on this topic"),
    ],
)
def test_what_is_no_message_is_reported_with_the_reason(level: str, payload: bytes, reason: str) -> None:
    [found] = World().hear(level, payload)
    assert isinstance(found, Unreadable)
    assert reason in found.reason
    assert (found.broker, found.topic) == ("a", f"{TREE}/up/{level}")


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
