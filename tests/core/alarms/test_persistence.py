from dataclasses import replace

import pytest

from agent.contract.messages import AlarmCamera, Answer
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook, Beginning, InputKind
from agent.core.alarms.persistence import decode_alarm, encode_alarm

CAMERA = AlarmCamera(name="front", persons=2, snapshot="a1")
ALARM = (
    AlarmBook([InputKind("police", "panic", False)], "boot-1", {"lat": 1.0, "lon": 2.0, "text": 'a "quoted" place'})
    .press("police", 5, lambda: Beginning("a1", "2026-01-01T00:00:00.000Z", CAMERA))
    .alarm
)


@pytest.mark.parametrize("edge_ns", [5, None])
def test_a_kept_alarm_comes_back_as_it_was(edge_ns: int | None) -> None:
    alarm = replace(ALARM, edge_ns=edge_ns, since_ns=77)
    assert decode_alarm(encode_alarm(alarm)) == alarm


def test_an_alarm_that_an_earlier_version_kept_counts_from_its_edge() -> None:
    text = encode_alarm(ALARM)
    assert text.endswith(',"since_ns":5}')
    earlier = text.removesuffix(',"since_ns":5}').replace('"repeats":0,"reraised":0,', "") + "}"
    assert "repeats" not in earlier

    assert decode_alarm(earlier) == ALARM


def test_an_alarm_that_a_version_without_holders_kept_is_nobodys() -> None:
    text = (
        '{"data":{"historical":false,"alarm_id":"a1","input":"police","kind":"panic","status":"actual","silent":false,'
        '"press_count":2,"stage":"registered","repeats":0,"reraised":0,"raised_at":"2026-01-01T00:00:00.000Z",'
        '"codes":{"contact_id":"120","sia":"PA"},"latency_ms":{"sent":12,"registered":3000}},"boot_id":"boot-1",'
        '"edge_ns":5,"since_ns":77}'
    )
    alarm = decode_alarm(text)

    assert alarm.data.stage == "registered"
    assert (alarm.data.held_by, alarm.data.answered_by, alarm.taken_by) == (None, {}, ())


def test_a_kept_alarm_comes_back_with_its_holder_and_all_answers() -> None:
    answer = Answer(issuer="jhb", by='Thandi "T" Łódź', at="2026-01-01T00:00:00.000Z", unit="car 7")
    held = {"held_by": answer, "answered_by": dict.fromkeys(AckAction, answer)}
    alarm = replace(ALARM, data=ALARM.data.model_copy(update=held), taken_by=("jhb/c1", "jhb/c2"))

    assert decode_alarm(encode_alarm(alarm)) == alarm


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "1",
        '{"data": {}, "boot_id": "b", "edge_ns": 1}',
        '{"data": {}, "boot_id": "b", "edge_ns": null}',
        encode_alarm(ALARM).replace('"raised"', '"of-a-later-version"'),
    ],
)
def test_what_is_no_kept_alarm_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(ValueError):
        decode_alarm(text)


def test_a_refusal_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="not an alarm: "):
        decode_alarm("[]")
