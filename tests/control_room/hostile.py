"""What somebody sends who means ill, or whose program is broken, with a device's certificate."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.contract.envelope import rfc3339
from agent.contract.messages import Answer, SecurityData
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from edge_centre.conform.voice import Made, held, new_id, now, press
from tests.control_room.fleet import Kiosk

SCRIPT = '<img src=x onerror="window.__pwned=1"><script>window.__pwned=1</script><b>"\'`${window.__pwned=1}'
HIDDEN = "\u202e\u2066\u200b\x00\x07\x1b[31m"
"""What turns the direction of a text, or is not seen at all."""
TEXT = f"{SCRIPT}{HIDDEN}javascript:window.__pwned=1"
LEVELS = ("state", "alarms", "alarm/police", "event/power", "security/boot", "result/cmd-1", "health", "meta")
_SIGNED = {"specversion", "datacontenttype", "timeq"}
"""Fields of the envelope that a reader of the contract has to check."""


def everything(kiosk: Kiosk) -> list[Made]:
    """One message of every kind, with every field that is for a person."""
    voice = kiosk.voice
    data = press(
        location={**kiosk.place},
        camera={"name": "front", "persons": 2, "tracks": ["0a1b2c3d-1"], "snapshot": new_id()},
    )
    who = Answer(issuer="thandi", by="Thandi", at=data.raised_at, unit="car 7", reason="other", note="a note")
    data = held(
        data,
        "Thandi",
        Stage.DISPATCHED,
        answered_by={AckAction.REGISTERED: who, AckAction.DISPATCHED: who},
        durable=True,
    )
    return [
        kiosk.told(data),
        voice.open_list(*kiosk.open.values()),
        voice.event(),
        kiosk.left("event-1"),
        voice.make(voice.factory.security(SecurityData(kind="boot", severity="info", text="it has begun"))),
        voice.result("cmd-1", "ping", "succeeded", "pong", {"text": "it answers"}),
        kiosk.healthy(parts={"uplink": {"state": "degraded", "detail": "slow"}}),
        kiosk.described(),
    ]


def poisoned(kiosk: Kiosk, made: Made, value: Any) -> Iterator[Made]:
    """The message with each one of its texts replaced, as a new message."""
    whole = json.loads(made.payload)
    for path in _texts(whole):
        if path[0] in _SIGNED:
            continue
        copy = json.loads(made.payload)
        kiosk.voice.seq += 1
        copy |= {"id": new_id(), "seq": kiosk.voice.seq}
        at = copy
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        yield Made(made.topic, json.dumps(copy).encode(), made.retain)


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        if isinstance(each, str):
            yield (*path, key)
        else:
            yield from _texts(each, (*path, key))


def flooding(kiosk: Kiosk, button: str = "police") -> Iterator[tuple[str, bytes, bool]]:
    """Presses of one button without end, each an alarm of its own, and by what it says the oldest of all."""
    made = kiosk.voice.alarm(press(input=button, location=kiosk.place))
    like = json.loads(made.payload)
    while True:
        kiosk.voice.seq += 1
        alarm_id = new_id()
        data = {**like["data"], "alarm_id": alarm_id, "raised_at": rfc3339(datetime.now(UTC) - timedelta(hours=1))}
        like |= {"id": alarm_id, "seq": kiosk.voice.seq, "time": now(), "data": data}
        yield made.topic, json.dumps(like).encode(), False


def garbage(kiosk: Kiosk, seed: int = 1) -> Iterator[tuple[str, bytes, bool]]:
    """What is no message at all, on every topic."""
    chance = random.Random(seed)
    right = json.loads(kiosk.healthy().payload)
    polluting = '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}'
    things = [
        b"",
        b"\xff\xfe\x00",
        chance.randbytes(2000),
        bytes(100 * 1024),
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"[" * 60_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        polluting.encode(),
        *(json.dumps({**right, "id": new_id(), **change}).encode() for change in _changes()),
        json.dumps({**right, "id": new_id()}).replace('"uptime_s": 1', '"uptime_s": 1e999').encode(),
        json.dumps({**right, "id": new_id()}).replace('"parts": {}', f'"parts": {polluting}').encode(),
    ]
    for level in (*LEVELS, "snapshot/a", "snapshot/a/b", "nothing", "alarm/" + "x" * 64, "event/__proto__"):
        for thing in things:
            yield f"{kiosk.tree}/up/{level}", thing, False


def _changes() -> Iterator[dict[str, Any]]:
    numbers: list[Any] = [-1, 1.5, 2**53, 1e308, -1e308, None, "1", True, [], {}]
    for number in numbers:
        yield {"seq": number}
        yield {"monoms": number}
        yield {"record": number, "recordtop": number, "recorddone": number}
    for name in ("__proto__", "constructor", "toString", "x" * 64, "x" * 5000):
        yield {"epoch": name, "nonce": name, "bootid": name}
        yield {"data": {name: {name: name}}}
    yield {"time": "+275760-09-13T00:00:00.001Z"}
    yield {"time": "1970-01-01T00:00:00.000Z"}
