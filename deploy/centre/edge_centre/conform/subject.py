"""A device that is graded: what it says, as the rules of a subscriber find it, and a way to order it about."""

import json
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from agent.contract.errors import BrokerError
from agent.contract.identity import Identity
from agent.trust.jose_keys import MAX_TOKEN_BYTES, PrivateKey, sign
from agent.trust.tls_context import TlsFiles
from edge_centre.adapters.paho_centre import CentreConnection, Heard
from edge_centre.conform.oversize import publish_largest
from edge_centre.conform.verdict import Wrong
from edge_centre.library.consumer import Consumer
from edge_centre.library.notices import Notice

PATIENCE_S = 10.0
"""How long a device may take to answer."""
BY_HAND_S = 60.0
"""How long a person may take to do what they are asked."""
BIRTH = ("state", "meta", "alarms")
"""What is retained."""
_LONGEST_COMMAND_S = 120.0
_FINAL = {"succeeded", "failed", "timed-out", "rejected"}


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the device, pictures left out."""

    level: str
    """Its topic below `up/`."""
    retain: bool
    qos: int
    at_s: float
    envelope: Mapping[str, Any]
    """Empty for what is no JSON object."""

    @property
    def data(self) -> dict[str, Any]:
        """The data; empty if there is none."""
        data = self.envelope.get("data")
        return data if isinstance(data, dict) else {}

    @property
    def is_will(self) -> bool:
        """Whether the broker speaks for the device."""
        return self.level == "state" and self.data.get("state") == "lost"


class Subject:
    """Use it as a context manager; entering connects and subscribes. One thread, but for what is heard."""

    def __init__(
        self,
        broker: str,
        tls: TlsFiles,
        identity: Identity,
        key: PrivateKey,
        press: str | None = None,
        cut: str | None = None,
        health_s: float = 75.0,
        ask: Callable[[str], None] = print,
    ) -> None:
        """`press` and `cut` are commands that press a button, and that cut the device off from its broker until it
        comes back by itself. Without `press` a person is told by `ask`. `health_s` is how often it reports its health.
        Raises BrokerError."""
        self.identity = identity
        self.key = key
        self.cut_command = cut
        self.health_s = health_s
        self.broker = broker
        self.alarm_id = ""
        """The alarm that the checks are about, once there is one."""
        self.notices: list[Notice] = []
        """What the rules of a subscriber find in it."""
        self._press_command = press
        self._ask = ask
        self._tls = tls
        self._said: list[Said] = []
        self._consumer = Consumer(identity.root)
        self._changed = threading.Condition()
        self._connection = CentreConnection(broker, tls, self._hear)

    def __enter__(self) -> Self:
        self._consumer.connection(self.broker, up=True, now_s=time.monotonic())
        # One by one, too: some brokers bring what is retained to a subscription without wildcards only.
        self._connection.open([*map(self.identity.up, BIRTH), self.identity.up("#")])
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _hear(self, heard: Heard) -> None:
        now_s = time.monotonic()
        with self._changed:
            self.notices += self._consumer.hear(self.broker, heard.topic, heard.payload, heard.retain, now_s)
            level = heard.topic.removeprefix(self.identity.up(""))
            if not level.startswith(("snapshot/", "live/")):
                self._said.append(Said(level, heard.retain, heard.qos, now_s, _envelope(heard.payload)))
            self._changed.notify_all()

    # --- what it says

    def said(self, level: str = "") -> list[Said]:
        """Return all that it has said under `up/LEVEL` so far."""
        with self._changed:
            return [each for each in self._said if each.level.startswith(level)]

    def now(self) -> int:
        """Return a mark: how many messages it has said."""
        with self._changed:
            return len(self._said)

    def find(
        self, level: str, where: Callable[[Said], bool] = lambda _: True, since: int = 0, within_s: float | None = None
    ) -> Said | None:
        """Wait for a message after the mark `since`; None if it does not come in time."""

        def found() -> Said | None:
            return next((each for each in self._said[since:] if each.level.startswith(level) and where(each)), None)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None, PATIENCE_S if within_s is None else within_s)
            return found()

    def await_(self, fault: str, level: str, where: Callable[[Said], bool] = lambda _: True, since: int = 0) -> Said:
        """Wait for a message. Raises Wrong if it does not come in time."""
        said = self.find(level, where, since)
        if said is None:
            raise Wrong(fault)
        return said

    def tick(self) -> None:
        """Let the rules find what is true by waiting."""
        with self._changed:
            self.notices += self._consumer.tick(time.monotonic())

    @property
    def nonce(self) -> str | None:
        """The newest one."""
        with self._changed:
            device = self._consumer.devices.get(self.identity.source)
            return None if device is None else device.nonce

    @property
    def is_clock_set(self) -> bool:
        """Whether it calls its clock set."""
        return next((each.envelope.get("timeq") for each in reversed(self.said())), None) != "unsynced"

    def retained(self) -> list[Said]:
        """Return what the broker has retained of it, heard by another connection."""
        kept: dict[str, Heard] = {}
        changed = threading.Condition()
        births = [*map(self.identity.up, BIRTH)]

        def hear(heard: Heard) -> None:
            with changed:
                if heard.retain:
                    kept[heard.topic] = heard
                changed.notify_all()

        connection = CentreConnection(self.broker, self._tls, hear)
        connection.open([*births, self.identity.up("#")])
        with changed:
            changed.wait_for(lambda: kept.keys() >= set(births), PATIENCE_S)
        threading.Event().wait(0.5)  # what else there may be
        connection.close()
        return [
            Said(topic.removeprefix(self.identity.up("")), True, heard.qos, 0.0, _envelope(heard.payload))
            for topic, heard in kept.items()
        ]

    # --- what it is told

    def claims(self, name: str, args: Mapping[str, Any], /, **changes: Any) -> dict[str, Any]:
        """Return claims that it must take, unless `changes` spoil them; None takes a claim away."""
        now = int(time.time())
        right = {
            "cmd_id": f"conform-{secrets.token_hex(8)}",
            "name": name,
            "args": dict(args),
            "aud": self.identity.source,
            "iss": self.key.issuer,
            "iat": now,
            "exp": now + 120,
            "ctr": time.time_ns() // 1000,
            "boot_nonce": self.nonce,
        }
        return {claim: value for claim, value in (right | changes).items() if value is not None}

    def send(self, level: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish under `down/`. Raises BrokerError."""
        self._connection.publish(self.identity.down(level), payload, retain=retain)

    def send_largest(self, level: str) -> None:
        """Publish messages under `down/LEVEL` as large as the broker takes. Raises BrokerError."""
        publish_largest(self._connection, self.identity.down(level))

    def order(self, name: str, args: Mapping[str, Any], **changes: Any) -> str:
        """Sign and send an ack or a command; return its identifier."""
        claims = self.claims(name, args, **changes)
        level = f"ack/{args['alarm_id']}" if name == "ack" else f"command/{name}"
        self.send(level, sign(claims, self.key))
        return str(claims["cmd_id"])

    def result(
        self, cmd_id: str, payload: bytes = b"", since: int = 0, within_s: float | None = None
    ) -> dict[str, Any] | None:
        """Wait for the final result of an order, or of a payload that can't be read; None if it does not come."""
        # A device reads no more of what is too large.
        digest = sha256(payload[:MAX_TOKEN_BYTES]).hexdigest()

        def is_it(said: Said) -> bool:
            output = said.data.get("output")
            known = said.data.get("command_id") == cmd_id
            unknown = isinstance(output, dict) and output.get("sha256") == digest
            return said.data.get("status") in _FINAL and (known or unknown)

        said = self.find("result/", is_it, since, within_s)
        return None if said is None else said.data

    def executed(self, name: str, args: Mapping[str, Any], codes: Sequence[str] = ("ok",), **changes: Any) -> Any:
        """Order it, and return the result, which has one of the codes. Raises Wrong."""
        since = self.now()
        cmd_id = self.order(name, args, **changes)
        what = f"{name} {args.get('action', '')}".strip()
        result = self.result(cmd_id, since=since)
        if result is None:
            raise Wrong(f"does not answer {what}")
        if result.get("code") not in codes:
            raise Wrong(f"answers {what} with {result.get('status')}/{result.get('code')}, not {' or '.join(codes)}")
        return result

    def ack(self, action: str, codes: Sequence[str] = ("ok",), **args: Any) -> Any:
        """Ack the alarm, and return the result, which has one of the codes. Raises Wrong."""
        return self.executed("ack", {"alarm_id": self.alarm_id, "action": action, **args}, codes)

    def press(self) -> None:
        """Have a button pressed, and wait until it was. Raises BrokerError if the command fails."""
        if self._press_command is None:
            self._ask("Press the button now, and let it go.")
        else:
            run(self._press_command)

    @property
    def press_within_s(self) -> float:
        """How long to wait for what a press brings."""
        return PATIENCE_S if self._press_command is not None else BY_HAND_S


def _envelope(payload: bytes) -> dict[str, Any]:
    """Return the JSON object in a payload; empty if there is none."""
    try:
        envelope = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return envelope if isinstance(envelope, dict) else {}


def run(command: str) -> None:
    """Run a command of the person who grades. Raises BrokerError when it fails."""
    shell = ["/bin/sh", "-c", command]
    try:
        done = subprocess.run(
            shell, capture_output=True, text=True, errors="replace", check=False, timeout=_LONGEST_COMMAND_S
        )
    except subprocess.TimeoutExpired as error:
        raise BrokerError(f"`{command}` has not ended within {_LONGEST_COMMAND_S:g} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BrokerError(f"`{command}` has failed: {said[-1] if said else done.returncode}")
