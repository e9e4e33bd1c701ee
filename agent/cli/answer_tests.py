"""Answers the alarms of self-tests, as a command centre's program does: registered, and closed."""

import json
from typing import Protocol

from agent.adapters.jose_keys import PrivateKey
from agent.adapters.paho_centre import Heard
from agent.cli.centre import signed
from agent.core.events import AckAction
from agent.core.self_test import INPUT

_ANSWERS = (AckAction.REGISTERED, AckAction.CLOSED)


class Sends(Protocol):
    """The way to the broker."""

    def publish(self, topic: str, payload: bytes, expiry_s: int | None = None) -> None:
        """Publish with QoS 1 and wait for the broker's acknowledgement. Raises BrokerError."""
        ...


class SelfTestAnswerer:
    """Needs all that the devices say, in order. One thread."""

    def __init__(self, centre: Sends, key: PrivateKey) -> None:
        self._centre = centre
        self._key = key
        self._nonces: dict[str, str] = {}

    def hear(self, heard: Heard) -> None:
        """Answer if this is a test alarm that was just raised. Raises BrokerError when the broker does not take it.

        Never answers anything else: neither a test that a person has made with a button nor an alarm in earnest.
        """
        tree, separator, rest = heard.topic.partition("/up/")
        if not separator or rest not in {"state", f"alarm/{INPUT}"}:
            return
        try:
            data = json.loads(heard.payload)["data"]
            if rest == "state":
                self._nonces[tree] = str(data["boot_nonce"])
                return
            alarm_id, is_new = str(data["alarm_id"]), data["status"] == "test" and data["stage"] == "raised"
        except (ValueError, KeyError, TypeError):
            return
        if not is_new:
            return
        for action in _ANSWERS:
            order = signed(
                name="ack",
                arguments={"alarm_id": alarm_id, "action": action.value},
                audience="/".join(("/edge", *tree.split("/")[-3:])),
                key=self._key,
                boot_nonce=self._nonces.get(tree),
            )
            self._centre.publish(f"{tree}/down/ack/{alarm_id}", order.token, expiry_s=order.expiry_s)
