"""Reads what a broker brings: an envelope, a picture, or neither."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from agent.contract.identity import LEVEL
from agent.contract.kinds import KINDS
from agent.contract.live import LIVE
from agent.contract.messages import AlarmData, AlarmsData, Envelope, Payload, SecurityData, StateData
from agent.contract.mistakes import mistake
from agent.contract.words import printable
from edge_centre.library.notices import LivePicture, Message, NewPicture, Unreadable

MAX_PAYLOAD_BYTES = 132 * 1024
_LONGEST_NAME = 128
_LARGEST = 2**53
"""Not every language can count further."""
_LONGEST_REASON = 200
_JPEG = b"\xff\xd8\xff"
_SECURITY = "edge.security."
_NO_NUMBERS = (b"NaN", b"Infinity")
"""What the parser takes for a number, and JSON does not."""

_Model = TypeVar("_Model", bound=BaseModel)
_KINDS = {kind.type: kind for kind in KINDS.values()}


class _NotOurs(Exception):  # noqa: N818 - a verdict
    """What came is no message of the contract."""


def read(
    broker: str, topic: str, payload: bytes, retain: bool, now_s: float, root: str
) -> Message | NewPicture | LivePicture | Unreadable:
    """Read one publication. Never raises."""
    try:
        return _read(broker, topic, payload, retain, now_s, root)
    except _NotOurs as error:
        return refused(broker, topic, str(error))


def _read(
    broker: str, topic: str, payload: bytes, retain: bool, now_s: float, root: str
) -> Message | NewPicture | LivePicture:
    levels = topic.removeprefix(f"{root}/").split("/")
    if not topic.startswith(f"{root}/") or len(levels) < 5 or levels[3] != "up":
        raise _NotOurs("no device speaks on such a topic")
    if not all(LEVEL.match(level) for level in levels):
        raise _NotOurs("the topic has a level that is none of the contract")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise _NotOurs(f"{len(payload)} bytes are more than any message has")
    if not payload:
        raise _NotOurs("empty: somebody has cleared what was retained there")
    source = "/".join(("/edge", *levels[:3]))
    if levels[4] == "snapshot":
        return NewPicture(source, *_picture(levels[5:], payload))
    if levels[4] == LIVE:
        if retain:
            raise _NotOurs("live view shows nothing that a broker has kept")
        return LivePicture(source, *_picture(levels[5:], payload))
    return _message(broker, topic, payload, retain, now_s, source, levels[4:])


def refused(broker: str, topic: str, reason: str) -> Unreadable:
    """Return the notice about what was not taken."""
    return Unreadable(broker, printable(topic[:_LONGEST_REASON]), printable(reason[:_LONGEST_REASON]))


def _picture(about: Sequence[str], payload: bytes) -> tuple[str, bytes]:
    if len(about) != 1:
        raise _NotOurs("a picture has one level for what it is of")
    if not payload.startswith(_JPEG):
        raise _NotOurs("no JPEG")
    return about[0], payload


def _message(
    broker: str, topic: str, payload: bytes, retain: bool, now_s: float, source: str, levels: Sequence[str]
) -> Message:
    if payload.startswith(_JPEG):
        raise _NotOurs("a picture where a message is due")
    if any(word in payload for word in _NO_NUMBERS):
        try:
            from_json(payload, allow_inf_nan=False)
        except ValueError as error:
            raise _NotOurs(f"it is not JSON: {error}") from error
    envelope = _parsed(Envelope, payload, "")
    if envelope.source != source:
        raise _NotOurs("it names another device as its source")
    if max(map(len, (envelope.id, envelope.type, envelope.epoch, envelope.bootid))) > _LONGEST_NAME or not envelope.id:
        raise _NotOurs("an identifier is empty or too long")
    _check_range(envelope.seq, envelope.monoms, envelope.record or 0, envelope.recordtop, envelope.recorddone)
    kind = _KINDS.get(envelope.type)
    is_security = envelope.type.startswith(_SECURITY)
    model = SecurityData if is_security else None if kind is None else kind.data
    data = None if model is None else _data(model, envelope)
    level = "security" if is_security else "" if kind is None else kind.level
    if level and not _is_at_home(level, levels, data):
        raise _NotOurs(f"{envelope.type} does not belong on this topic")
    return Message(broker, topic, retain, now_s, envelope, data)


def _check_range(*numbers: int) -> None:
    if not all(0 <= number < _LARGEST for number in numbers):
        raise _NotOurs("a number is out of range")


def _data(model: type[Payload], envelope: Envelope) -> Payload:
    # By way of JSON, as only there "strict" takes an array for a tuple and a text for an enumeration.
    data = _parsed(model, to_json(envelope.data), "data.")
    alarms = data.open if isinstance(data, AlarmsData) else (data,) if isinstance(data, AlarmData) else ()
    if not all(LEVEL.match(alarm.alarm_id) for alarm in alarms):
        raise _NotOurs("an alarm_id that is no level of a topic")
    for alarm in alarms:
        _check_range(alarm.press_count, alarm.repeats, alarm.reraised, alarm.raises_again_monoms or 0)
    if isinstance(data, StateData):
        _check_range(data.bdseq)
    return data


def _parsed(model: type[_Model], payload: bytes, where: str) -> _Model:
    try:
        return model.model_validate_json(payload, strict=True)
    except ValidationError as error:
        first = error
    try:
        return model.model_validate_json(to_json(_meant(from_json(payload), first)), strict=True)
    except ValueError:
        raise _NotOurs(mistake(first, where)) from first


def _meant(value: Any, error: ValidationError) -> Any:
    """Take a null for a field left out, and 1.0 for 1, where the model has found fault with it."""
    for each in error.errors(include_url=False, include_context=False):
        *way, name = each["loc"] or ("",)
        within, wrong = value, each["input"]
        with suppress(LookupError, TypeError):
            for level in way:
                within = within[level]
            if wrong is None and isinstance(name, str) and not (way and isinstance(way[-1], str)):
                del within[name]  # of the message, or of an entry in a list; a table's is no field
            elif isinstance(wrong, float) and wrong.is_integer():
                within[name] = int(wrong)
    return value


def _is_at_home(level: str, levels: Sequence[str], data: Payload | None) -> bool:
    """Return whether a message is on the topic of its type: who may write one topic must not speak for the others."""
    if isinstance(data, AlarmData):
        return [*levels] == [level, data.input]
    if isinstance(data, SecurityData):
        return [*levels] == [level, data.kind]
    if level == "result":  # a command may ask for another last level than its own identifier
        return levels[0] == level and len(levels) == 2
    return "/".join(levels) == level
