"""A device that exists only in its messages, and a consumer that hears them."""

import json
from typing import Any

from agent.contract.messages import AlarmData
from edge_centre.library import Consumer, Duplicate, NewMessage, Notice
from tests.support.drafts import HEALTH, alarm_data

TREE = "edge/v1/gp/park-station/kiosk-1"
HEALTH_JSON: dict[str, Any] = HEALTH.model_dump(mode="json", exclude_none=True)
SOURCE = "/edge/gp/park-station/kiosk-1"


def envelope(kind: str, data: dict[str, Any], number: int, /, **fields: Any) -> bytes:
    """A message of the type `edge.KIND`; its identifier goes with epoch and number, unless the fields say otherwise."""
    epoch = fields.get("epoch", "e1")
    head = {
        "specversion": "1.0",
        "id": f"{epoch}-{number}",
        "source": SOURCE,
        "type": f"edge.{kind}",
        "subject": kind,
        "time": "2026-01-01T00:00:00.000Z",
        "dataschema": f"urn:edge-agent:schema:edge.{kind}",
        "datacontenttype": "application/json",
        "bootid": "boot-1",
        "epoch": epoch,
        "seq": number,
        "monoms": number * 1000,
        "timeq": "synced",
        "nonce": f"{epoch}-n{number}",
    }
    return json.dumps({**head, **fields, "data": data}).encode()


def alarm_json(alarm_id: str = "a1", **fields: Any) -> dict[str, Any]:
    """The `data` of an alarm, as it goes over the wire."""
    data: dict[str, Any] = alarm_data(alarm_id, **fields).model_dump(mode="json", exclude_none=True)
    return data


def open_list(*alarms: AlarmData) -> dict[str, Any]:
    """The `data` of a list of open alarms."""
    return {"historical": False, "open": [alarm.model_dump(mode="json", exclude_none=True) for alarm in alarms]}


class World:
    """A consumer whose clock the test moves. Each method returns what the consumer finds, without new messages."""

    def __init__(self, **options: Any) -> None:
        self.consumer = Consumer(**options)
        self.now_s = 0.0
        self.consumer.connection("a", up=True, now_s=0.0)
        self.all: list[Notice] = []

    def hear(self, level: str, payload: bytes, **how: Any) -> list[Notice]:
        """Something comes on `TREE/up/LEVEL`."""
        return self.bring(f"{TREE}/up/{level}", payload, **how)

    def bring(
        self, topic: str, payload: bytes, *, broker: str = "a", retain: bool = False, ahead: bool = False
    ) -> list[Notice]:
        """Something comes on any topic."""
        found = self.consumer.hear(broker, topic, payload, retain, self.now_s, ahead=ahead)
        self.all += found
        return [each for each in found if not isinstance(each, NewMessage)]

    def wait(self, seconds: float) -> list[Notice]:
        """Time passes, in steps of half a second."""
        found: list[Notice] = []
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(end_s, self.now_s + 0.5)
            found += self.consumer.tick(self.now_s)
        return found

    def alarm(self, seq: int, alarm_id: str = "a1", *, broker: str = "a", **fields: Any) -> list[Notice]:
        """A message of an alarm; what is no field of the envelope goes into the data."""
        head = {name: fields.pop(name) for name in ("id", "epoch", "record", "recordtop", "recorddone") & fields.keys()}
        how = {"broker": broker, "ahead": fields.pop("ahead", False)}
        data = alarm_json(alarm_id, **fields)
        change = data["stage"] if data["stage"] in {"raised", "closed"} else "updated"
        payload = envelope(f"alarm.{change}.v1", data, seq, **head)
        return self.hear(f"alarm/{data['input']}", payload, **how)

    def open(self, seq: int, *alarms: AlarmData, broker: str = "a", retain: bool = False, **head: Any) -> list[Notice]:
        """A list of the open alarms."""
        payload = envelope("alarms.v1", open_list(*alarms), seq, **head)
        return self.hear("alarms", payload, broker=broker, retain=retain)

    def state(
        self,
        state: str,
        bdseq: int,
        seq: int,
        *,
        broker: str = "a",
        retain: bool = False,
        start: str = "s1",
        **head: Any,
    ) -> list[Notice]:
        """A birth, an end or a will."""
        data = {
            "historical": False,
            "state": state,
            "bdseq": bdseq,
            "epoch": head.get("epoch", "e1"),
            "boot_nonce": start,
            "agent_version": "1",
            "config_revision": "1",
        }
        return self.hear("state", envelope("state.v1", data, seq, **head), broker=broker, retain=retain)

    def health(self, seq: int, **head: Any) -> list[Notice]:
        """A health report."""
        return self.hear("health", envelope("health.v1", HEALTH_JSON, seq, **head))

    def event(self, seq: int, record: int | None, done: int, **head: Any) -> list[Notice]:
        """An event of the record, or with None something that is not of it."""
        if record is None:
            return self.health(seq, recorddone=done, recordtop=max(done, head.pop("top", done)), **head)
        data = {"historical": head.pop("historical", False), "part": "uplink", "detail": ""}
        fields = {"record": record, "recordtop": max(record, done), "recorddone": done, **head}
        return self.hear("event/part-degraded", envelope("event.part-degraded.v1", data, seq, **fields))

    @property
    def open_stages(self) -> dict[str, str]:
        """The stages of the open alarms, by their identifiers."""
        return {alarm.alarm_id: alarm.data.stage.value for alarm in self.consumer.open_alarms()}


def is_duplicate(found: list[Notice]) -> bool:
    """Whether nothing but a duplicate was found."""
    return [type(each) for each in found] == [Duplicate]
