"""The other end of the line: what a tool of the command centre needs from a broker, through paho-mqtt."""

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.contract.errors import BrokerError
from agent.contract.host_state import REPEAT_S, CentreStateError, read_state, write_state
from agent.contract.kinds import asks_for_retained
from agent.trust.broker_failures import (
    RETAIN_NOT_SUPPORTED,
    UNSUPPORTED_VERSION,
    endpoint_of,
    of_connecting,
    of_silent_close,
)
from agent.trust.paho_bounded import BoundedClient
from agent.trust.tls_context import TlsFiles, tls_context
from edge_centre.adapters.main_thread import ctrl_c_kept

_log = logging.getLogger(__name__)

_MOST_FILTERS = 8
_CLOSED_AGAIN_S = 1.0
_SESSION_S = 14 * 24 * 3600
_OPTIONS = {"ca_file": "--ca", "cert_file": "--cert", "key_file": "--cert-key", "brokers": "--broker"}
_WORDS = {
    "this device's certificate": "the certificate of --cert",
    "this device's": "this computer's",
    " (`sudo edge-agent renew --now`)": "",
}


def _as_options(reason: str) -> str:
    """Turn advice to a device's technician into advice about the options of a tool."""
    for setting, option in _OPTIONS.items():
        reason = reason.replace(f"[mqtt] {setting}", option).replace(f" and {setting}", f" and {option}")
    for word, ours in _WORDS.items():
        reason = reason.replace(word, ours)
    return reason


@dataclass(frozen=True, slots=True)
class Heard:
    """One message from the broker."""

    topic: str
    payload: bytes
    retain: bool
    qos: int = 1


class CentreConnection:
    """A connection that subscribes and publishes. Reconnects by itself after a first success."""

    def __init__(
        self,
        url: str,
        tls: TlsFiles | None = None,
        on_message: Callable[[Heard], None] | None = None,
        on_link: Callable[[bool, str], None] | None = None,
        state_topic: str | None = None,
        client_id: str | None = None,
        longest_pause_s: int = 5,
        only_new: Collection[str] = (),
    ) -> None:
        """`on_link` hears of every change of the connection; it and `on_message` run on the client library's thread.

        With `client_id`, which no other client of that broker may have, the broker keeps our session for two weeks:
        what comes while we are away is delivered when we are back. If it says that it won't keep it for so long,
        `on_link` hears that as the reason, and the log has it. Without a `client_id` nothing is kept.

        With `state_topic`, the centre says there that it watches while it is connected, again every minute, and the
        broker says that it does not when the connection is lost. A connection that was lost is tried again after 1 s at
        first, and at last after `longest_pause_s`. Of the filters in `only_new` a broker is asked for nothing that it
        has retained; one of MQTT 3.1.1 brings it all the same.
        """
        self._only_new = only_new
        self._longest_pause_s = longest_pause_s
        self._endpoint = endpoint_of(url)
        self._on_message = on_message
        self._on_link = on_link
        self._filters: list[str] = []
        self._subscribed = threading.Event()
        self._closing = threading.Event()
        self._failure = ""
        self._knows_no_5 = self._is_closed_on_5 = False
        """Whether the broker has refused MQTT 5; whether it has once closed a connection of it and gave no reason."""
        self._may_retain = True
        """Whether the broker keeps what we say of ourselves; where it does not, only whoever is connected hears it."""
        self._refused_to_retain: mqtt.Client | None = None
        self._left: mqtt.Client | None = None
        self.largest: int | None = None
        """The largest packet that the broker says that it takes; None if it says nothing."""
        try:
            self._tls = tls_context(tls or TlsFiles()) if self._endpoint.tls else None
        except BrokerError as error:
            raise BrokerError(_as_options(str(error))) from error
        self._state_topic = state_topic
        self._client_id = client_id
        self._awaited: dict[int, Sequence[str]] = {}
        """The subscriptions that `open` waits for, by the number of their packet."""
        self._owed: mqtt.MQTTMessageInfo | None = None
        """The last message to be retained that the broker has not acknowledged in time."""
        self._refused: dict[int, str] = {}
        """By number of a message that the broker did not take: why."""
        self._client = self._make_client(mqtt.MQTTv5)

    def _make_client(self, protocol: MQTTProtocolVersion) -> BoundedClient:
        name = self._client_id or f"centre-{secrets.token_hex(6)}"
        # MQTT 5 says at the connection whether a session is kept, 3.1.1 with the name.
        clean = None if protocol == mqtt.MQTTv5 else self._client_id is None
        client = BoundedClient(CallbackAPIVersion.VERSION2, name, clean_session=clean, protocol=protocol)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if self._state_topic is not None:
            client.will_set(self._state_topic, self._state(online=False), qos=1, retain=self._may_retain)
        client.reconnect_delay_set(1, self._longest_pause_s)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._suback
        client.on_message = self._message
        client.on_publish = self._puback
        return client

    def open(self, filters: list[str], timeout_s: float = 10.0) -> None:
        """Connect and subscribe, with MQTT 3.1.1 if the broker refuses 5 or drops the connection, and retaining nothing
        if it refuses that. Raises BrokerError that says what went wrong."""
        self._filters = filters
        self._begin(timeout_s)
        for _ in range(2):
            if not self._is_left(self._client):
                break
            self._client.disconnect()
            self._client.loop_stop()
            if not self._knows_no_5 and self._is_closed_on_5:
                self._closing.wait(_CLOSED_AGAIN_S)
            self._client = self._make_client(mqtt.MQTTv311 if self._knows_no_5 else mqtt.MQTTv5)
            self._refused_to_retain = None
            self._left = None
            self._subscribed.clear()
            self._failure = ""
            self._begin(timeout_s)
        if not self._subscribed.is_set() or self._failure:
            self.close()
            raise BrokerError(
                f"no connection to {self._endpoint}: {_as_options(self._failure) or 'the broker does not answer'}"
            )
        if self._state_topic is not None:
            with ctrl_c_kept():
                threading.Thread(target=self._repeat, name="centre-state", daemon=True).start()

    def _begin(self, timeout_s: float) -> None:
        session: dict[str, Any] = {}
        if self._client_id is not None and self._client.protocol == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = _SESSION_S
            session = {"clean_start": False, "properties": properties}
        try:
            self._client.connect(self._endpoint.host, self._endpoint.port, keepalive=30, **session)
        except (OSError, ValueError) as error:
            plain = not isinstance(error, OSError | UnicodeError)
            reason = str(error) if plain else of_connecting(error, self._endpoint).detail
            raise BrokerError(f"no connection to {self._endpoint}: {_as_options(reason)}") from error
        with ctrl_c_kept():
            self._client.loop_start()
        self._subscribed.wait(timeout_s)

    @property
    def is_up(self) -> bool:
        """Whether the broker has let us in and we are connected. Any thread."""
        return self._subscribed.is_set() and self._client.is_connected()

    def send(
        self, topic: str, payload: bytes, expiry_s: int | None = None, *, retain: bool = False
    ) -> mqtt.MQTTMessageInfo:
        """Publish with QoS 1 without waiting; return a handle to wait for the broker's acknowledgement. A message that
        is sent while the connection is lost goes out when it is back."""
        properties = None
        if expiry_s is not None and self._client.protocol == mqtt.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry_s
        sent = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        if sent.rc == mqtt.MQTT_ERR_NO_CONN:  # paho keeps it and sends it, and would still call it failed
            sent.rc = mqtt.MQTT_ERR_SUCCESS
        return sent

    def publish(
        self, topic: str, payload: bytes, expiry_s: int | None = None, timeout_s: float = 10.0, *, retain: bool = False
    ) -> None:
        """Publish with QoS 1 and wait for the broker's acknowledgement. Raises BrokerError.

        While the broker owes one of a message to be retained, no other is sent: a fleet's would take hours.
        """
        if retain and not self._may_retain:  # it would drop the connection
            raise BrokerError(f"the broker allows nothing retained, so it can't keep {topic}")
        if retain and self._owed is not None and not self._owed.is_published():
            raise BrokerError("the broker still has not acknowledged what was sent before")
        sent = self.send(topic, payload, expiry_s, retain=retain)
        try:
            sent.wait_for_publish(timeout_s)
        except (RuntimeError, ValueError) as error:
            raise BrokerError(f"{topic} was not sent: {error}") from error
        if not sent.is_published():
            self._owed = sent if retain else None
            raise BrokerError(f"the broker did not acknowledge {topic}")
        if (refused := self._refused.pop(sent.mid, None)) is not None:
            raise BrokerError(f"the broker refused {topic}: {refused}")

    def close(self) -> None:
        """End the connection, without a call of `on_link`."""
        self._on_link = None
        self._closing.set()
        if self._state_topic is not None and self._client.is_connected():
            farewell = self._client.publish(
                self._state_topic, self._state(online=False), qos=1, retain=self._may_retain
            )
            with contextlib.suppress(RuntimeError, ValueError):
                farewell.wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes the sockets that wake it only when it is freed: without these circles that is at once.
        self._client.on_connect = self._client.on_disconnect = None
        self._client.on_subscribe = self._client.on_message = self._client.on_publish = None
        self._on_message = None

    def _connected(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        why = str(reason)
        if reason.is_failure:
            self._knows_no_5 = reason.value == UNSUPPORTED_VERSION and not self._subscribed.is_set()
            if reason.value == RETAIN_NOT_SUPPORTED and not self._subscribed.is_set():
                self._may_retain, self._refused_to_retain = False, client
            self._failure = f"the broker refused: {why}"
            self._subscribed.set()
        else:
            self.largest = getattr(properties, "MaximumPacketSize", None)
            granted_s = getattr(properties, "SessionExpiryInterval", _SESSION_S)
            if self._client_id is not None and granted_s < _SESSION_S:
                why = f"it keeps our session for {granted_s} s, not for {_SESSION_S}"
                _log.warning("connected to %s, but %s", self._endpoint, why)
            self._may_retain = self._may_retain and bool(getattr(properties, "RetainAvailable", True))
            self._say_online()
            if self._state_topic is not None:
                client.subscribe(self._state_topic, qos=1)
            self._awaited.clear()
            # In packets of their own: some brokers take no more than eight filters in one.
            for first in range(0, len(self._filters), _MOST_FILTERS):
                names = self._filters[first : first + _MOST_FILTERS]
                _, number = client.subscribe([(name, self._how(client, name)) for name in names])
                if number is not None:
                    self._awaited[number] = names
            if not self._filters:
                self._subscribed.set()
        if self._on_link is not None and not self._is_left(client):
            self._on_link(not reason.is_failure, why)

    def _how(self, client: mqtt.Client, name: str) -> Any:
        """How to subscribe: the QoS, or in MQTT 5 more than that."""
        if client.protocol != mqtt.MQTTv5 or (name not in self._only_new and asks_for_retained(name)):
            return 1
        return SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)

    def _is_left(self, client: mqtt.Client) -> bool:
        """Whether this client is given up for one of an older version, or with a will that is not retained. Its end is
        not the end of the connection."""
        is_left = client is self._left or client is self._refused_to_retain
        return is_left or (self._knows_no_5 and client.protocol == mqtt.MQTTv5)

    def _say_online(self) -> None:
        if self._state_topic is not None and not self._closing.is_set():
            self._client.publish(self._state_topic, self._state(online=True), qos=1, retain=self._may_retain)

    def _repeat(self) -> None:
        """Say again that we watch: a device may be on a node of a cluster that did not keep what we said."""
        while not self._closing.wait(REPEAT_S):
            if self._client.is_connected():
                self._say_online()

    def _suback(self, client: mqtt.Client, data: Any, mid: int, reasons: list[Any], properties: Any) -> None:
        names = self._awaited.pop(mid, None)
        if names is None:
            return
        refused = [name for name, reason in zip(names, reasons, strict=False) if reason.is_failure]
        if refused:
            self._failure = f"the broker does not let us subscribe to {', '.join(refused)}"
        if not self._awaited or refused:
            self._subscribed.set()

    def _puback(self, client: mqtt.Client, data: Any, mid: int, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refused[mid] = str(reason)

    def _disconnected(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        overrun, self._client.overrun = self._client.overrun, ""
        if self._is_left(client):
            return
        if not self._subscribed.is_set():
            if not overrun and client.protocol == mqtt.MQTTv5:  # a stalled broker does so too, so once is no refusal
                self._knows_no_5, self._is_closed_on_5 = self._is_closed_on_5, True
                self._left = client
            self._failure = f"the broker {overrun}" if overrun else of_silent_close(self._endpoint).detail
            self._subscribed.set()
        elif self._on_link is not None:
            self._on_link(False, f"the broker {overrun}" if overrun else str(reason))

    @staticmethod
    def _is_false(payload: bytes) -> bool:
        with contextlib.suppress(CentreStateError):
            return read_state(payload, len(payload)) is False
        return False

    @staticmethod
    def _state(*, online: bool) -> bytes:
        return write_state(online=online, time=datetime.now(UTC))

    def _message(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            _log.warning("%s sent a message whose topic is not UTF-8: dropped", self._endpoint)
            return
        if topic == self._state_topic and self._is_false(bytes(message.payload)):
            self._say_online()  # another connection of this centre is gone; this one still watches
        if self._on_message is not None and any(mqtt.topic_matches_sub(name, topic) for name in self._filters):
            self._on_message(Heard(topic, bytes(message.payload), message.retain, message.qos))
