"""The other end of the line, through paho-mqtt: what a tool of the command centre needs of a broker."""

import contextlib
import queue
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.adapters.paho_bounded import BoundedClient
from agent.adapters.paho_broker import endpoint_of
from agent.adapters.tls_context import TlsFiles, tls_context
from agent.core.centres import write_state
from agent.core.errors import BrokerError


@dataclass(frozen=True, slots=True)
class Heard:
    """One message from the broker."""

    topic: str
    payload: bytes
    retain: bool


class Centre:
    """A connection that subscribes, publishes and waits. Reconnects by itself after a first success."""

    def __init__(
        self,
        url: str,
        tls: TlsFiles | None = None,
        on_message: Callable[[Heard], None] | None = None,
        on_link: Callable[[bool, str], None] | None = None,
        state_topic: str | None = None,
    ) -> None:
        """Without `on_message` what comes is kept for `wait_for`. `on_link` hears of every change of the
        connection. Both run on the client library's thread. On `state_topic` it says that it watches as long as it
        is connected, and the broker says that it does not when the connection is lost."""
        self._endpoint = endpoint_of(url)
        self._heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._passed_over: list[Heard] = []
        self._on_message = on_message or self._heard.put
        self._on_link = on_link
        self._filters: list[str] = []
        self._subscribed = threading.Event()
        self._failure = ""
        self._client = BoundedClient(
            CallbackAPIVersion.VERSION2, client_id=f"centre-{secrets.token_hex(6)}", protocol=mqtt.MQTTv5
        )
        if self._endpoint.tls:
            self._client.tls_set_context(tls_context(tls or TlsFiles()))
        self._state_topic = state_topic
        if state_topic is not None:
            self._client.will_set(state_topic, self._state(online=False), qos=1, retain=True)
        self._client.reconnect_delay_set(1, 5)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._suback
        self._client.on_message = self._message

    def open(self, filters: list[str], timeout_s: float = 10.0) -> None:
        """Connect and subscribe. Raises BrokerError with what went wrong."""
        self._filters = filters
        try:
            self._client.connect(self._endpoint.host, self._endpoint.port, keepalive=30)
        except (OSError, ValueError) as error:
            raise BrokerError(f"no connection to {self._endpoint}: {error}; is the broker running?") from error
        self._client.loop_start()
        if not self._subscribed.wait(timeout_s) or self._failure:
            self.close()
            raise BrokerError(f"no connection to {self._endpoint}: {self._failure or 'the broker does not answer'}")

    def publish(self, topic: str, payload: bytes, expiry_s: int | None = None, timeout_s: float = 10.0) -> None:
        """Publish with QoS 1 and wait for the broker's acknowledgement. Raises BrokerError."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        sent = self._client.publish(topic, payload, qos=1, properties=properties)
        try:
            sent.wait_for_publish(timeout_s)
        except (RuntimeError, ValueError) as error:
            raise BrokerError(f"{topic} was not sent: {error}") from error
        if not sent.is_published():
            raise BrokerError(f"the broker did not acknowledge {topic}")

    def wait_for(self, matches: Callable[[Heard], bool], timeout_s: float) -> Heard | None:
        """The first message that matches and was not returned before, or None when none comes in time.

        Others are kept for a later call: a picture may come before the result that tells of it.
        """
        for index, heard in enumerate(self._passed_over):
            if matches(heard):
                return self._passed_over.pop(index)
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                heard = self._heard.get(timeout=left_s)
            except queue.Empty:
                break
            if matches(heard):
                return heard
            self._passed_over.append(heard)
        return None

    def close(self) -> None:
        """End the connection, of which `on_link` is not told."""
        self._on_link = None
        if self._state_topic is not None and self._client.is_connected():
            farewell = self._client.publish(self._state_topic, self._state(online=False), qos=1, retain=True)
            with contextlib.suppress(RuntimeError, ValueError):
                farewell.wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if not reason.is_failure and self._state_topic is not None:
            client.publish(self._state_topic, self._state(online=True), qos=1, retain=True)
        if reason.is_failure:
            self._failure = f"the broker refused: {reason}"
            self._subscribed.set()
        elif self._filters:
            client.subscribe([(name, SubscribeOptions(qos=1)) for name in self._filters])
        else:
            self._subscribed.set()
        if self._on_link is not None:
            self._on_link(not reason.is_failure, str(reason))

    def _suback(self, client: mqtt.Client, data: Any, mid: int, reasons: list[Any], properties: Any) -> None:
        refused = [name for name, reason in zip(self._filters, reasons, strict=False) if reason.is_failure]
        if refused:
            self._failure = f"the broker does not let us read {', '.join(refused)}"
        self._subscribed.set()

    def _disconnected(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        overrun, self._client.overrun = self._client.overrun, ""
        if self._on_link is not None:
            self._on_link(False, f"the broker {overrun}" if overrun else str(reason))

    @staticmethod
    def _state(*, online: bool) -> bytes:
        return write_state(online=online, time=datetime.now(UTC))

    def _message(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        self._on_message(Heard(message.topic, bytes(message.payload), message.retain))
