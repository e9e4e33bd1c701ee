"""An MQTT client for tests: it collects what it hears, waits for what is expected, and can publish."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.support.certificates import CertificateFiles
from tests.support.wait import PATIENCE_S

T = TypeVar("T")

SESSION_EXPIRY_S = 3600


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it came; `arrived_ns` is CLOCK_BOOTTIME."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: Properties | None
    arrived_ns: int


class RefusedError(Exception):
    """The broker did not take the connection."""


class Subscriber(AbstractContextManager["Subscriber"]):
    """Connects, subscribes and returns only when the broker has granted it; then collects messages.

    It never connects again by itself: a test that restarts the broker enters a new one, and with the same
    `client_id` and `persistent` nothing is lost between the two, since the broker keeps session and queue.
    With `web` it speaks over WebSockets. `granted` holds the reason codes of the SUBACK.
    """

    def __init__(
        self,
        port: int,
        filters: Sequence[str] = (),
        *,
        qos: int = 1,
        host: str = "127.0.0.1",
        files: CertificateFiles | None = None,
        context: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        web: bool = False,
        client_id: str = "",
        persistent: bool = False,
        will: tuple[str, bytes] | None = None,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        timeout_s: float = PATIENCE_S,
    ) -> None:
        self.granted: list[ReasonCode] = []
        self._filters = [(name, qos) for name in filters]
        self._address = (host, port)
        self._timeout_s = timeout_s
        self._v5 = protocol == MQTTProtocolVersion.MQTTv5
        self._persistent = persistent
        self._changed = threading.Condition()
        self._heard: list[Heard] = []
        self._connected: ReasonCode | None = None
        self._disconnected: ReasonCode | None = None
        self._subscribed: dict[int, list[ReasonCode]] = {}
        self._published: dict[int, ReasonCode] = {}
        # Version 5 says at connect whether a session is kept; before, the constructor does.
        sessions: dict[str, Any] = {} if self._v5 else {"clean_session": not persistent}
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=protocol,
            reconnect_on_failure=False,
            transport="websockets" if web else "tcp",
            **sessions,
        )
        if login is not None:
            client.username_pw_set(*login)
        if files is not None:
            client.tls_set(str(files.ca), str(files.cert), str(files.key))
        elif context is not None:
            client.tls_set_context(context)
        if will is not None:
            client.will_set(*will, qos=1)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        self._client = client

    def __enter__(self) -> "Subscriber":
        """Connect and subscribe. Raises RefusedError, or OSError (ssl.SSLError among them)."""
        try:
            self._connect()
        except BaseException:
            self._end()
            raise
        return self

    def _connect(self) -> None:
        options: dict[str, Any] = {}
        if self._v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S if self._persistent else 0
            options = {"clean_start": not self._persistent, "properties": properties}
        self._client.connect(*self._address, **options)
        self._client.loop_start()
        self._wait(lambda: self._connected or self._disconnected, "answer to CONNECT")
        if self._connected is None or self._connected.is_failure:
            raise RefusedError(str(self._connected or self._disconnected))
        if self._filters:
            self.granted = self._subscribe(self._filters)

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def heard(self) -> list[Heard]:
        """All messages so far, in order of arrival."""
        with self._changed:
            return list(self._heard)

    @property
    def connected(self) -> bool:
        """Whether the connection stands."""
        return self._client.is_connected()

    def wait_for(self, predicate: Callable[[Heard], bool] = lambda _: True, timeout_s: float | None = None) -> Heard:
        """The first message, heard already or to come, for which `predicate` is true."""
        return self.wait_for_count(1, predicate, timeout_s)[0]

    def wait_for_count(
        self,
        count: int,
        predicate: Callable[[Heard], bool] = lambda _: True,
        timeout_s: float | None = None,
    ) -> list[Heard]:
        """All messages for which `predicate` is true, as soon as there are `count` of them."""

        found: list[Heard] = []
        looked_at = 0

        def enough() -> list[Heard] | None:
            nonlocal looked_at
            found.extend(message for message in self._heard[looked_at:] if predicate(message))
            looked_at = len(self._heard)
            return found if len(found) >= count else None

        return self._wait(enough, f"{count} expected messages", timeout_s)

    def wait_for_disconnect(self, timeout_s: float | None = None) -> ReasonCode:
        """Why the connection has ended, once it has."""
        return self._wait(lambda: self._disconnected, "end of the connection", timeout_s)

    def publish(
        self,
        topic: str,
        payload: bytes | str,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry_s: int | None = None,
        alias: int | None = None,
        timeout_s: float | None = None,
    ) -> ReasonCode:
        """Publish and return the broker's reason code; before MQTT 5 that says success whatever happens. `alias` is a
        number for the topic; from the second time on the topic itself may be empty."""
        properties = Properties(PacketTypes.PUBLISH) if self._v5 else None  # type: ignore[no-untyped-call]
        if properties is not None and expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        if properties is not None and alias is not None:
            properties.TopicAlias = alias
        sent = self._client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        assert sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS, f"publish: {mqtt.error_string(sent.rc)}"
        return self._wait(lambda: self._published.pop(sent.mid, None), "acknowledgement of PUBLISH", timeout_s)

    def lose_connection(self) -> None:
        """End the connection without a goodbye, so that the broker sends the will."""
        connection = self._client.socket()
        assert isinstance(connection, socket.socket), "not connected"
        connection.shutdown(socket.SHUT_RDWR)
        self.wait_for_disconnect()

    def sync(self) -> None:
        """Return when all that the broker had sent before this call has been heard: it answers in order.

        That holds for as many messages as may be in flight (20), and not for what waits in a queue.
        """
        self._subscribe([("edge-agent-tests/sync", 0)])

    def _subscribe(self, filters: list[tuple[str, int]]) -> list[ReasonCode]:
        _, mid = self._client.subscribe(filters)
        assert mid is not None, "subscribe: not connected"
        return self._wait(lambda: self._subscribed.pop(mid, None), "answer to SUBSCRIBE")

    def _end(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes its wake-up sockets only when it is collected.
        self._client._reset_sockets()

    def _wait(self, value: Callable[[], T | None], what: str, timeout_s: float | None = None) -> T:
        limit = self._timeout_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + limit
        with self._changed:
            while True:
                found = value()
                if found is not None:
                    return found
                left = deadline - time.monotonic()
                if left <= 0:
                    topics = [message.topic for message in self._heard]
                    raise AssertionError(f"no {what} within {limit:g} s; heard {len(topics)}: {topics[-20:]}")
                self._changed.wait(left)

    # --- on paho's thread

    def _on_connect(self, client: mqtt.Client, data: Any, flags: Any, reason: ReasonCode, _: Any) -> None:
        with self._changed:
            self._connected = reason
            self._changed.notify_all()

    def _on_disconnect(self, client: mqtt.Client, data: Any, flags: Any, reason: ReasonCode, _: Any) -> None:
        with self._changed:
            self._disconnected = reason
            self._changed.notify_all()

    def _on_subscribe(self, client: mqtt.Client, data: Any, mid: int, codes: list[ReasonCode], _: Any) -> None:
        with self._changed:
            self._subscribed[mid] = codes
            self._changed.notify_all()

    def _on_message(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        with self._changed:
            self._heard.append(
                Heard(message.topic, bytes(message.payload), message.qos, message.retain, message.properties, now_ns)
            )
            self._changed.notify_all()

    def _on_publish(self, client: mqtt.Client, data: Any, mid: int, reason: ReasonCode, _: Any) -> None:
        with self._changed:
            self._published[mid] = reason
            self._changed.notify_all()


def assert_refused(port: int, **options: Any) -> None:
    """No such `Subscriber` is let in."""
    with pytest.raises((OSError, RefusedError)), Subscriber(port, **options):
        pass
