"""Messages and an outbox for tests of the runtime."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.contract.camera_events import PersonLeftData
from agent.contract.device import HealthData
from agent.contract.envelope import MessageFactory
from agent.contract.identity import Identity
from agent.contract.messages import AlarmData, Draft, SecurityData
from agent.contract.stages import Stage
from agent.outbox.outbox import Outbox
from agent.outbox.store import MessageStore
from agent.ports import OutgoingMessage
from tests.support.sim_clock import SimClock

IDENTITY = Identity("gp", "park-station", "kiosk-1")
FACTORY = MessageFactory(IDENTITY)


HEALTH = HealthData(
    status="ok",
    parts={},
    uptime_s=1,
    outbox={},
    dropped={},
    cpu_percent=0.0,
    memory_bytes=1,
    disk_free_bytes=1,
    disk={},
    temperature_c=None,
    cameras={},
    inputs={},
)


def alarm_data(alarm_id: str = "a1", **fields: Any) -> AlarmData:
    """An actual panic alarm with one press, unless the fields say otherwise."""
    data = {
        "alarm_id": alarm_id,
        "input": "police",
        "kind": "panic",
        "status": "actual",
        "silent": False,
        "press_count": 1,
        "stage": Stage.RAISED,
        "raised_at": "2026-01-01T00:00:00.000Z",
        "codes": {"contact_id": "120", "sia": "PA"},
        "latency_ms": {},
    }
    return AlarmData.model_validate(data | fields)


def alarm(alarm_id: str = "a1", **fields: Any) -> Draft:
    return FACTORY.alarm("raised", alarm_data(alarm_id, **fields))


def event(event_id: str = "e1") -> Draft:
    return FACTORY.camera_event(
        "person-left",
        PersonLeftData(event_id=event_id, camera="front", frame_monoms=1, persons=0, duration_ms=1, track="0a1b2c3d-1"),
    )


def security(text: str = "boot") -> Draft:
    return FACTORY.security(SecurityData(kind="boot", severity="info", text=text))


def picture(picture_id: str = "p1", jpeg: bytes = b"\xff\xd8jpeg") -> Draft:
    return FACTORY.snapshot(picture_id, jpeg)


def health() -> Draft:
    return FACTORY.health(HEALTH)


def open_outbox(
    directory: Path,
    clock: SimClock,
    store: MessageStore | None = None,
    telemetry_max_bytes: int = 1 << 20,
    identity: Identity = IDENTITY,
    serials: Sequence[str] = (),
) -> Outbox:
    box = directory / "black-box"
    outbox = Outbox(directory, clock, identity, telemetry_max_bytes, box, store=store, serials=lambda: serials)
    outbox.open()
    outbox.writer.run_once(0)
    outbox.await_disk(0)
    return outbox


def write(outbox: Outbox) -> None:
    """What the thread `store` would do with all that has come in."""
    outbox.writer.run_once(0)


def body(message: OutgoingMessage) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(message.payload)
    return parsed


def seqs(messages: list[OutgoingMessage]) -> list[int]:
    return [body(message)["seq"] for message in messages]


def taken(outbox: Outbox) -> list[OutgoingMessage]:
    """Everything that may be taken, confirmed at once."""
    messages = []
    while (found := outbox.take()) is not None:
        messages.append(found[1])
        outbox.confirm(found[0])
    return messages


def drained(outbox: Outbox) -> list[OutgoingMessage]:
    """Everything that it sends, more than memory holds too."""
    messages = []
    while got := taken(outbox):
        messages += got
        write(outbox)
    return messages


def killed(directory: Path, to: Path | None = None) -> Path:
    """The files as they lie there at this moment: what a killed process leaves."""
    return shutil.copytree(directory, to or directory.parent / "copy")


def reopened(directory: Path, clock: SimClock) -> list[OutgoingMessage]:
    """What a new run would send of what an earlier one has left."""
    outbox = open_outbox(directory, clock)
    try:
        return taken(outbox)
    finally:
        outbox.close()
