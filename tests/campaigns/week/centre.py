"""The command centre of the week: hears every step of every alarm, and answers it, signed, after a human's time."""

import json
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.contract.host_state import REPEAT_S
from agent.contract.identity import Identity
from agent.contract.vocabulary import SELF_TEST
from agent.ports import OutgoingMessage, Received
from agent.trust.jose_keys import PrivateKey, sign
from tests.campaigns.week.network import Site

_ANSWER_AGAIN_S = 20.0
"""An ack that changed nothing, as far as can be seen from here, is signed anew after so long."""
_NEAR_S = 0.001
"""The clock of the kiosk counts in whole microseconds."""
_REMEMBERED = 500


@dataclass(slots=True)
class _Case:
    """An alarm that is not closed: what the newest message says of it, and when somebody does something about it."""

    input: str
    seq: int
    stage: str
    press_count: int
    due_s: float


class Centre:
    """Behind both brokers at once. Its clock is right."""

    def __init__(self, key: PrivateKey, identity: Identity, sites: Sequence[Site], seed: int) -> None:
        self._key = key
        self._identity = identity
        self._sites = sites
        self._random = random.Random(seed)
        self._cases: dict[str, _Case] = {}
        self._closed: deque[str] = deque(maxlen=_REMEMBERED)
        """An older message about one of these may still come, or come again."""
        self._nonce = ""
        self._ctr = 0
        self.is_there = False
        self._repeat_s = 0.0

    def watch(self, *, begins: bool) -> None:
        """Somebody sits down, or goes."""
        self.is_there = begins
        self._say(online=begins)

    def _say(self, *, online: bool) -> None:
        topic = f"{self._identity.root}/host/centre-1/state"
        payload = json.dumps({"online": online, "time": "2026-11-23T00:00:00Z"}).encode()
        for site in self._sites:
            site.say(Received(topic, payload, len(payload), retain=True))

    def hear(self, message: OutgoingMessage, now_s: float) -> None:
        """A message of the device."""
        if message.topic.endswith(("/up/state", "/up/health")) or "/up/alarm/" in message.topic:
            envelope = json.loads(message.payload)
            self._nonce = envelope.get("nonce", self._nonce)
            if "/up/alarm/" in message.topic:
                self._note(envelope["data"], envelope["seq"], now_s)

    def next_due_s(self) -> float:
        """When it wants to do something next."""
        return min([self._repeat_s, *(case.due_s for case in self._cases.values())]) if self.is_there else 1e18

    def act(self, now_s: float, wall: datetime) -> None:
        """Answer what has waited long enough."""
        if not self.is_there:
            return
        if self._repeat_s <= now_s + _NEAR_S:
            self._repeat_s = now_s + REPEAT_S
            self._say(online=True)
        for alarm_id, case in self._cases.items():
            if case.due_s <= now_s + _NEAR_S:
                case.due_s = now_s + _ANSWER_AGAIN_S
                self._answer(alarm_id, case, int(wall.timestamp()))

    def _note(self, data: dict[str, Any], seq: int, now_s: float) -> None:
        alarm_id, stage = data["alarm_id"], data["stage"]
        case = self._cases.get(alarm_id)
        if alarm_id in self._closed or (case is not None and seq <= case.seq):
            return
        if stage == "closed":
            self._cases.pop(alarm_id, None)
            self._closed.append(alarm_id)
        elif case is None or _answered(stage) != _answered(case.stage):
            due_s = now_s + self._delay_s(data["input"], stage)
            self._cases[alarm_id] = _Case(data["input"], seq, stage, data["press_count"], due_s)
        else:
            case.seq, case.stage, case.press_count = seq, stage, data["press_count"]

    def _delay_s(self, input_name: str, stage: str) -> float:
        if input_name == SELF_TEST:
            return self._random.uniform(1, 4)
        if stage == "registered":
            return self._random.uniform(20, 120)
        if stage == "dispatched":
            return self._random.uniform(60, 600)  # often longer than the alarm waits: it raises itself again
        return self._random.choice(
            (self._random.uniform(2, 9), self._random.uniform(2, 9), self._random.uniform(9, 60))
        )

    def _answer(self, alarm_id: str, case: _Case, unix: int) -> None:
        action = {"registered": "dispatched", "dispatched": "closed"}.get(case.stage, "registered")
        args: dict[str, Any] = {"alarm_id": alarm_id, "action": action}
        if action == "closed":
            args["press_count"] = case.press_count
        self._ctr += 1
        claims = {
            "cmd_id": f"ack-{self._ctr}",
            "name": "ack",
            "args": args,
            "aud": self._identity.source,
            "iss": self._key.issuer,
            "iat": unix,
            "exp": unix + 120,
            "ctr": self._ctr,
            "boot_nonce": self._nonce,
        }
        payload = sign(claims, self._key)
        for site in self._sites:
            site.down(Received(self._identity.down("ack", alarm_id), payload, len(payload), retain=False))


def _answered(stage: str) -> str:
    """What somebody here has done about it so far."""
    return stage if stage in {"registered", "dispatched"} else "nothing"
