"""Makes a worse device of a good one: stands between a device with a root of its own and everybody else."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.trust.jose_keys import PrivateKey, sign
from tests.support.agent_process import SOURCE

INNER, OUTER = "inner/v1", "edge/v1"
Up = Callable[[str, dict[str, Any]], dict[str, Any] | None]
"""From the level below `up/` and an envelope to the envelope that goes on; None: none does."""
Down = Callable[[bytes], bytes]


class RewritingRelay:
    """Use it as a context manager, before the device starts."""

    def __init__(self, port: int, up: Up = lambda _, envelope: envelope, down: Down = lambda payload: payload) -> None:
        self._up, self._down = up, down
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.on_message = self._heard
        client.connect("127.0.0.1", port)
        as_published = SubscribeOptions(qos=1, retainAsPublished=True)
        client.subscribe([(f"{INNER}/+/+/+/up/#", as_published), (f"{OUTER}/+/+/+/down/#", as_published)])
        client.loop_start()
        self._client = client

    def __enter__(self) -> "RewritingRelay":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client._reset_sockets()

    def _heard(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        here, there = (INNER, OUTER) if message.topic.startswith(INNER) else (OUTER, INNER)
        if here == OUTER:
            # What is as large as the broker takes is larger on a longer topic.
            payload = self._down(payload)[: -len(INNER)] if len(payload) > 100_000 else self._down(payload)
        else:
            envelope = self._up(message.topic.partition("/up/")[2], json.loads(payload))
            if envelope is None:
                return
            payload = json.dumps(envelope).encode()
        client.publish(there + message.topic.removeprefix(here), payload, message.qos, message.retain)


def signed_anew(key: PrivateKey) -> Down:
    """What a device obeys that does not look at signatures, times, counters and the rest."""

    def down(token: bytes) -> bytes:
        try:
            part = token.split(b".")[1]
            claims = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
        except (ValueError, IndexError):
            return token
        now = int(time.time())
        right = {"aud": SOURCE, "iss": key.issuer, "iat": now, "exp": now + 60, "ctr": time.time_ns() // 1000}
        return sign({**claims, **right}, key)

    return down
