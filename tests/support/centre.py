"""The command centre of the tests: hears what a device says, and answers it with signed messages."""

import itertools
import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from agent.trust.jose_keys import PrivateKey, sign
from tests.support.agent_process import SOURCE, TREE
from tests.support.subscriber import Heard, Subscriber
from tests.support.wait import PATIENCE_S

_counters = itertools.count(time.time_ns() // 1000)


@dataclass(frozen=True, slots=True)
class Message:
    """One envelope, and how it came."""

    topic: str
    retain: bool
    id: str
    seq: int
    type: str
    timeq: str
    monoms: int
    nonce: str
    """What a command may echo; empty in a will."""
    data: dict[str, Any]
    arrived_ns: int
    """CLOCK_BOOTTIME of the centre."""

    @property
    def is_will(self) -> bool:
        """Whether the broker spoke for the device; a will repeats a number by design."""
        return self.type == "edge.state.v1" and self.data["state"] == "lost"


class Centre(AbstractContextManager["Centre"]):
    """Hears the whole tree, and `more_filters`, through one subscriber; `options` are the subscriber's."""

    def __init__(self, port: int, *, more_filters: Sequence[str] = (), **options: Any) -> None:
        self.subscriber = Subscriber(port, [f"{TREE}/up/#", *more_filters], **options)

    def __enter__(self) -> "Centre":
        self.subscriber.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.subscriber.__exit__(*error)

    def messages(self, under: str = "") -> list[Message]:
        """Every envelope so far whose topic begins with `up/UNDER`, each once, in order of arrival."""
        found = [message for heard in self.subscriber.heard if (message := read(heard, under)) is not None]
        return list({(message.id, message.retain): message for message in found}.values())

    def wait_for(
        self, under: str, where: Callable[[Message], bool] = lambda _: True, timeout_s: float = PATIENCE_S
    ) -> Message:
        """The first envelope under `up/UNDER` that fits, heard already or to come."""

        def fits(heard: Heard) -> bool:
            message = read(heard, under)
            return message is not None and where(message)

        message = read(self.subscriber.wait_for(fits, timeout_s), under)
        assert message is not None
        return message

    def wait_for_alarm(self, change: str = "raised", timeout_s: float = PATIENCE_S, **data: Any) -> Message:
        """The first `edge.alarm.CHANGE.v1` with this data."""
        wanted = f"edge.alarm.{change}.v1"
        return self.wait_for(
            "alarm/", lambda m: m.type == wanted and data.items() <= m.data.items(), timeout_s=timeout_s
        )

    def wait_for_picture(self, picture_id: str, timeout_s: float = PATIENCE_S) -> bytes:
        """The JPEG under `up/snapshot/PICTURE-ID`."""
        topic = f"{TREE}/up/snapshot/{picture_id}"
        return self.subscriber.wait_for(lambda heard: heard.topic == topic, timeout_s).payload

    def nonce(self) -> str:
        """The newest one that the device has said."""
        self.wait_for("", lambda m: bool(m.nonce))
        return max((m for m in self.messages() if m.nonce), key=lambda m: m.seq).nonce

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish under `down/TOPIC`."""
        self.subscriber.publish(f"{TREE}/down/{topic}", payload, retain=retain)

    def acknowledge(
        self, alarm_id: str, key: PrivateKey, action: str = "registered", press_count: int | None = None, **changes: Any
    ) -> str:
        """Send an ack as a centre should, or with claims changed; returns its `cmd_id`."""
        claims = self.ack_claims(alarm_id, key, action, **changes)
        if press_count is not None:
            claims["args"]["press_count"] = press_count
        self.send(f"ack/{alarm_id}", sign(claims, key))
        return str(claims["cmd_id"])

    def ack_claims(self, alarm_id: str, key: PrivateKey, action: str = "registered", **changes: Any) -> dict[str, Any]:
        """The claims of an ack that the device must take, unless `changes` spoil them."""
        now = int(time.time())
        return {
            "cmd_id": f"cmd-{secrets.token_hex(8)}",
            "name": "ack",
            "args": {"alarm_id": alarm_id, "action": action},
            "aud": SOURCE,
            "iss": key.issuer,
            "iat": now,
            "exp": now + 120,
            "ctr": next(_counters),
            "boot_nonce": changes.get("boot_nonce") or self.nonce(),
            **changes,
        }

    def result(self, command_id: str, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """The final result of a command."""
        where: Callable[[Message], bool] = lambda m: m.data["status"] not in {"accepted", "in-progress"}  # noqa: E731
        return self.wait_for(f"result/{command_id}", where, timeout_s=timeout_s).data


def read(heard: Heard, under: str = "") -> Message | None:
    """The envelope in a message under `up/UNDER`; None for any other, and for a picture."""
    pictures = (f"{TREE}/up/snapshot/", f"{TREE}/up/live/")
    if not heard.topic.startswith(f"{TREE}/up/{under}") or heard.topic.startswith(pictures):
        return None
    envelope = json.loads(heard.payload)
    return Message(
        topic=heard.topic,
        retain=heard.retain,
        id=envelope["id"],
        seq=envelope["seq"],
        type=envelope["type"],
        timeq=envelope["timeq"],
        monoms=envelope["monoms"],
        nonce=envelope.get("nonce", ""),
        data=envelope["data"],
        arrived_ns=heard.arrived_ns,
    )


def numbers(messages: Iterable[Message]) -> list[int]:
    """The sequence numbers in order, without those of wills, and each message once."""
    return sorted({message.id: message.seq for message in messages if not message.is_will}.values())
