"""What a played device says: messages as the contract has them, or with what a scenario wants to be wrong."""

import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from agent.contract.envelope import MessageFactory, rfc3339
from agent.contract.events import PartData
from agent.contract.identity import Identity
from agent.contract.messages import AlarmData, AlarmsData, Answer, Draft, Rank, ResultData, StateData
from agent.contract.stages import Stage
from agent.contract.uuid7 import Uuid7Source
from agent.contract.vocabulary import TimeQuality

_RECORD = {Rank.ALARM, Rank.SECURITY, Rank.EVENT}
_IDS = Uuid7Source()


def new_id() -> str:
    """Return a new identifier."""
    return _IDS.next(time.time_ns() // 10**6)


def now() -> str:
    """Return the time as a device writes it."""
    return rfc3339(datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Made:
    """A message that is ready to be sent, once or again."""

    topic: str
    payload: bytes
    retain: bool = False


class Voice:
    """Makes the messages of one device, and counts them. Pure but for the time; one thread."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.source = identity.source
        self.factory = MessageFactory(identity)
        self.clock = TimeQuality.SYNCED
        self.begin_epoch()
        self.boot = new_id()
        self._nonces = count(1)
        self.nonce = self.new_nonce()

    def begin_epoch(self) -> None:
        """Lose the memory: every count begins again."""
        self.epoch = secrets.token_hex(4)
        self.start = secrets.token_hex(8)
        self.seq = 0
        self.record = 0
        """The last number that was given."""

    def new_nonce(self) -> str:
        """From now on its messages carry another nonce, which is returned."""
        self.nonce = f"{next(self._nonces)}-{secrets.token_hex(8)}"
        return self.nonce

    def make(self, draft: Draft, **fields: Any) -> Made:
        """Make a message with the next numbers; `fields` are of the envelope, and take the place of the right ones; one
        that is None is left out."""
        of_record = draft.rank in _RECORD
        self.seq = fields.pop("seq", self.seq + 1)
        self.record = fields.pop("record", self.record + of_record)
        head = {
            "specversion": "1.0",
            "id": new_id(),
            "source": self.source,
            "type": draft.type,
            "subject": draft.subject,
            "time": now(),
            "dataschema": f"urn:edge-agent:schema:{draft.type}",
            "datacontenttype": "application/json",
            "bootid": self.boot,
            "epoch": self.epoch,
            "seq": self.seq,
            **({"record": self.record} if of_record else {}),
            "recordtop": self.record,
            "recorddone": max(0, self.record - of_record),
            "monoms": time.monotonic_ns() // 10**6,
            "timeq": self.clock.value,
            "nonce": self.nonce,
            "data": {} if draft.data is None else draft.data.model_dump(mode="json", exclude_none=True),
        }
        said = {name: value for name, value in (head | fields).items() if value is not None}
        return Made(draft.topic, json.dumps(said).encode(), draft.retain)

    def state(self, state: str, bdseq: int, **fields: Any) -> Made:
        """Make a birth, an end, or the will of the connection with that `bdseq`."""
        if state == "lost":  # a will repeats the number before its connection, and has no nonce
            fields = {"seq": self.seq, "nonce": None, **fields}
        data = {
            "state": state,
            "bdseq": bdseq,
            "epoch": fields.get("epoch", self.epoch),
            "boot_nonce": self.start,
            "agent_version": "conform",
            "config_revision": "1",
        }
        return self.make(self.factory.state(StateData.model_validate(data)), **fields)

    def open_list(self, *alarms: AlarmData, **fields: Any) -> Made:
        """Make the list of open alarms."""
        return self.make(self.factory.alarms(AlarmsData(open=alarms)), **fields)

    def event(self, **fields: Any) -> Made:
        """Make an event: a part is degraded."""
        return self.make(self.factory.part("part-degraded", PartData(part="uplink", detail="")), **fields)

    def alarm(self, data: AlarmData, /, **fields: Any) -> Made:
        """Make the message about an alarm that goes with its stage."""
        match data.stage:
            case Stage.RAISED if data.press_count <= 1 and not data.reraised:
                draft = self.factory.alarm("raised", data)
            case Stage.CLOSED:
                draft = self.factory.alarm("closed", data)
            case _:
                draft = self.factory.alarm("updated", data)
        return self.make(draft, **fields)

    def result(self, command_id: str, name: str, status: str, code: str, output: dict[str, Any]) -> Made:
        """Make a result."""
        data = {"command_id": command_id, "name": name, "status": status, "code": code, "text": code}
        return self.make(self.factory.result(ResultData.model_validate({**data, "output": output})))


def press(**fields: Any) -> AlarmData:
    """Return a new alarm of a button."""
    data = {
        "alarm_id": new_id(),
        "input": "police",
        "kind": "panic",
        "status": "actual",
        "silent": False,
        "press_count": 1,
        "stage": Stage.RAISED,
        "raised_at": now(),
        "codes": {"contact_id": "120", "sia": "PA"},
        "latency_ms": {},
    }
    return AlarmData.model_validate(data | fields)


def held(data: AlarmData, by: str, stage: Stage = Stage.REGISTERED, **fields: object) -> AlarmData:
    """Return an alarm that somebody has."""
    return data.model_copy(update={"stage": stage, "held_by": Answer(issuer="centre", by=by, at=now()), **fields})


def closed(data: AlarmData) -> AlarmData:
    """Return an alarm that is closed."""
    return data.model_copy(update={"stage": Stage.CLOSED})
