"""Messages that are worked out before there is anything to say, as those of a press are."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from agent.contract.template import Stencil
from agent.outbox.outbox import Outbox
from agent.sim.clock import SimClock
from tests.support.drafts import alarm, body, event, open_outbox, seqs, taken, write

BLANK = "a time like no other"
RAISED_AT = "2026-01-01T00:00:05.000Z"


def test_a_prepared_message_says_what_one_says_that_is_put_at_once(outbox: Outbox, clock: SimClock) -> None:
    prepared = outbox.prepare(alarm(raised_at=BLANK), {"raised_at": BLANK}, {})
    clock.advance(timedelta(seconds=5))
    outbox.put(event())
    prepared_id = outbox.accept_prepared(prepared, {"raised_at": RAISED_AT})
    put_id = outbox.put(alarm(raised_at=RAISED_AT))
    prepared_message, put_message, _ = taken(outbox)

    assert prepared_message._replace(payload=b"") == put_message._replace(payload=b"")
    said = body(put_message)
    assert said["id"] == put_id
    assert body(prepared_message) == said | {"id": prepared_id, "seq": said["seq"] - 1}


def test_a_prepared_message_is_numbered_when_it_is_accepted(outbox: Outbox) -> None:
    prepared = [outbox.prepare(alarm(name, raised_at=BLANK), {"raised_at": BLANK}, {}) for name in ("a1", "a2")]
    for each in reversed(prepared):
        outbox.accept_prepared(each, {"raised_at": RAISED_AT})
    messages = taken(outbox)

    assert seqs(messages) == [1, 2]
    assert [body(message)["data"]["alarm_id"] for message in messages] == ["a2", "a1"]


def test_state_is_kept_with_a_prepared_message_and_filled_in_alike(tmp_path: Path, clock: SimClock) -> None:
    outbox = open_outbox(tmp_path / "store", clock)
    since = Stencil(json.dumps({"since": BLANK, "pressed": "NS"}), {"raised_at": BLANK, "ns": "NS"})
    prepared = outbox.prepare(alarm(raised_at=BLANK), {"raised_at": BLANK}, {"alarm/a1": since})
    assert outbox.kept("alarm/") == {}

    outbox.accept_prepared(prepared, {"raised_at": RAISED_AT, "ns": 7})
    assert outbox.kept("alarm/") == {"alarm/a1": f'{{"since": "{RAISED_AT}", "pressed": "7"}}'}
    write(outbox)
    outbox.close()
    again = open_outbox(tmp_path / "store", clock)
    assert again.kept("alarm/") == {"alarm/a1": f'{{"since": "{RAISED_AT}", "pressed": "7"}}'}
    assert len(taken(again)) == 1
    again.close()


@pytest.mark.parametrize("piece", ["nowhere in it", "alarm"])
def test_what_can_not_be_filled_in_for_certain_is_not_prepared(outbox: Outbox, piece: str) -> None:
    with pytest.raises(ValueError, match="times in the example"):
        outbox.prepare(alarm(), {"raised_at": piece}, {})
