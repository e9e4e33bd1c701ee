"""What a centre's program answers by itself: self-test alarms, and alarms whose close was lost in a power cut."""

import json
from collections import OrderedDict
from typing import Any, Protocol

from agent.adapters.jose_keys import PrivateKey
from agent.adapters.paho_centre import Heard
from agent.cli.centre import signed
from agent.contract.vocabulary import AckAction
from agent.core.alarms.self_test import INPUT

_ANSWERS = (AckAction.REGISTERED, AckAction.CLOSED)
_REMEMBERED = 10_000


class Sends(Protocol):
    """The way to the broker."""

    def publish(self, topic: str, payload: bytes, expiry_s: int | None = None) -> None:
        """Publish with QoS 1 and wait for the broker's acknowledgement. Raises BrokerError."""
        ...


class SelfTestAnswerer:
    """Answers the alarms of self-tests. It must hear everything that the devices say, in order. One thread."""

    def __init__(self, centre: Sends, key: PrivateKey) -> None:
        self._centre = centre
        self._key = key
        self._closed: OrderedDict[str, tuple[Any, int, int]] = OrderedDict()
        """By alarm: epoch and number of the message that reported the close, and the presses that it counted."""

    def hear(self, heard: Heard) -> None:
        """Answer a self-test's alarm that was just raised, and an alarm that is open again after somebody closed it.

        Never answers anything else: neither a test that a person makes with a button nor a real alarm. Raises
        BrokerError when the broker does not accept the answer.
        """
        tree, separator, rest = heard.topic.partition("/up/alarm/")
        if not separator:
            return
        try:
            envelope = json.loads(heard.payload)
            data = envelope["data"]
            if rest != INPUT:
                self._close_again(tree, envelope, data)
            elif data["status"] == "test" and data["stage"] == "raised":
                for action in _ANSWERS:
                    self._send(tree, envelope, alarm_id=str(data["alarm_id"]), action=action.value)
        except (ValueError, KeyError, TypeError, AttributeError):
            return

    def _close_again(self, tree: str, envelope: dict[str, Any], data: dict[str, Any]) -> None:
        """Close an alarm again: a device that lost its power before the close was on its disk has forgotten it."""
        epoch, seq = envelope.get("epoch"), int(envelope["seq"])
        alarm_id, presses = str(data["alarm_id"]), int(data["press_count"])
        if data["stage"] == "closed":
            self._closed[alarm_id] = (epoch, seq, presses)
            while len(self._closed) > _REMEMBERED:
                self._closed.popitem(last=False)
        elif (closed := self._closed.get(alarm_id)) is not None and (epoch != closed[0] or seq > closed[1]):
            if presses > closed[2]:
                del self._closed[alarm_id]  # somebody needs help again: that is for people
            else:
                self._send(tree, envelope, alarm_id=alarm_id, action=AckAction.CLOSED.value, press_count=closed[2])

    def _send(self, tree: str, envelope: dict[str, Any], **arguments: Any) -> None:
        order = signed(
            name="ack",
            arguments=arguments,
            audience="/".join(("/edge", *tree.split("/")[-3:])),
            key=self._key,
            boot_nonce=envelope.get("nonce"),
        )
        self._centre.publish(f"{tree}/down/ack/{arguments['alarm_id']}", order.token, expiry_s=order.expiry_s)
