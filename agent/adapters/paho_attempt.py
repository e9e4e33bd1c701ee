"""One try to connect with one protocol version, and the events that paho reports about it."""

import fcntl
import logging
import socket
import ssl
import sys
import termios
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.adapters.paho_client import Login, make_client, packet_bytes, publish_properties
from agent.contract.kinds import asks_for_retained
from agent.core.errors import BrokerError, MessageRefused
from agent.ports import MAX_RECEIVED_BYTES, BrokerEvent, Connected, Line, OutgoingMessage, Published, Received
from agent.trust import broker_failures
from agent.trust.broker_failures import Endpoint
from agent.trust.disconnected import Disconnected
from agent.trust.tls_context import explain_alert

_log = logging.getLogger(__name__)

FILTERS_PER_SUBSCRIBE = 8
_MOST_BESIDE_PAYLOAD = 4096
"""A packet has no more than this besides its payload, so only larger ones need measuring."""
_MOST_EARLY = 100
"""Messages that a broker may send before it has confirmed our subscriptions. They wait in memory."""
_MIN_RTT_AT = 148
"""Where `struct tcp_info` of Linux has `tcpi_min_rtt`, in microseconds."""
_VERSION_NAMES = {MQTTProtocolVersion.MQTTv5: "5", MQTTProtocolVersion.MQTTv311: "3.1.1"}


class PahoAttempt:
    """Turns the callbacks of one paho client into the port's events.

    Made on the connection's thread. Its owner holds one lock around every call of a method, except `open`, and around
    every call into `client`.
    """

    def __init__(
        self,
        login: Login,
        endpoint: Endpoint,
        tls: ssl.SSLContext | None,
        version: MQTTProtocolVersion,
        will: OutgoingMessage,
        filters: Sequence[str],
        emit: Callable[[BrokerEvent], None],
        earlier: "PahoAttempt | None" = None,
    ) -> None:
        """`earlier` is the try that led to this one, with a newer version or the same."""
        self.version = version
        self.connected = False
        self.outcome: Disconnected | None = None
        self.why_older = ""
        """What the broker did that makes an older version worth a try, for a person; empty if it did no such thing."""
        self.closed_silently = False
        self.refuses_retained = False
        """Whether the broker keeps nothing, and so refuses a will that it should keep."""
        self._login = login
        self._endpoint = endpoint
        self._filters = filters
        self._emit = emit
        self._thread = threading.get_ident()
        self._answered = False
        self._alert = ""
        self._unacknowledged: dict[int, Sequence[str]] = {}
        is_older = earlier is not None and earlier.version != version
        self._accepted = Connected(
            "",
            0,
            why_older=earlier.why_older if earlier is not None and is_older else "",
            may_speak_5=earlier is not None and is_older and earlier.closed_silently,
        )
        self._early: list[BrokerEvent] = []
        self._written: list[BrokerEvent] = []
        self._largest: int | None = None
        self._may_retain = True
        wary = earlier is not None and earlier.closed_silently
        self.client = make_client(login, tls, version, will, wary, endpoint.interface)
        self.client.on_connect = self._guard(self._handle_connect)
        self.client.on_subscribe = self._guard(self._handle_subscribe)
        self.client.on_publish = self._guard(self._handle_publish)
        self.client.on_message = self._guard(self._handle_message)
        self.client.on_disconnect = self._guard(self._handle_disconnect)
        self.client.on_log = self._handle_log

    def open(self) -> None:
        """Resolve, connect, shake hands and send CONNECT. Blocks. Leaves a failure in `outcome`."""
        try:
            self.client.open(self._endpoint.host, self._endpoint.port, self._login.keepalive_s)
        except (OSError, UnicodeError) as error:
            self.end(broker_failures.of_connecting(error, self._endpoint))

    def publish(self, message: OutgoingMessage) -> int:
        """Give one message to paho, which writes it at once if the socket takes it.

        Raises BrokerError, and MessageRefused when the message is larger than the broker takes or can't be sent at all.
        """
        is_5 = self.version == MQTTProtocolVersion.MQTTv5
        properties = publish_properties(message) if is_5 else None
        largest = self._largest
        if largest is not None and len(message.payload) + _MOST_BESIDE_PAYLOAD > largest:
            size = packet_bytes(message, properties)
            if size > largest:
                raise MessageRefused(f"{size} bytes are more than the {largest} that {self._endpoint} accepts")
        retain = message.retain and self._may_retain
        try:
            info = self.client.publish(message.topic, message.payload, message.qos, retain, properties)
        except ValueError as error:
            raise MessageRefused(f"it can't be sent: {error}") from error
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError(f"the connection to {self._endpoint} was lost while sending")
        return info.mid

    @property
    def wants_thread(self) -> bool:
        """Whether something is left for `work` to do."""
        return bool(self._written) or self.client.want_write()

    def line(self) -> Line | None:
        """Return how the line is; None if the socket is gone."""
        sock: Any = self.client.socket()
        try:
            if sock is None:
                return None
            unconfirmed = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT_AT + 4)
        except (OSError, ValueError):
            return None
        rtt_us = int.from_bytes(info[_MIN_RTT_AT:], sys.byteorder)
        return Line(not any(unconfirmed) and not self.client.want_write(), rtt_us / 1e6)

    def work(self, readable: bool) -> None:
        """Read, write and keep the connection alive; on the connection's thread."""
        written, self._written = self._written, []
        for event in written:
            self._guard(self._emit)(event)
        lost = self.client.loop_read() if readable else MQTTErrorCode.MQTT_ERR_SUCCESS
        if not lost and self.client.want_write():
            lost = self.client.loop_write()
        if not lost:
            self.client.loop_misc()

    def end(self, outcome: Disconnected) -> None:
        """Note why the connection ended. The first reason is the true one: others follow from it."""
        if self.outcome is None:
            self.outcome = outcome

    def _handle_connect(self, _: Any, __: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self._answered = True
        if reason.is_failure:
            if reason.value == broker_failures.UNSUPPORTED_VERSION:
                self.why_older = f"it refuses MQTT {_VERSION_NAMES[self.version]}"
            self.refuses_retained = reason.value == broker_failures.RETAIN_NOT_SUPPORTED
            self.end(broker_failures.of_connack(reason.value, str(reason), self._endpoint))
            return
        if getattr(properties, "MaximumQoS", 1) == 0:
            self.end(broker_failures.of_quality_0(self._endpoint))
            return
        self._largest = getattr(properties, "MaximumPacketSize", None)
        self._may_retain = bool(getattr(properties, "RetainAvailable", True))
        self._accepted = replace(
            self._accepted,
            protocol=_VERSION_NAMES[self.version],
            receive_maximum=getattr(properties, "ReceiveMaximum", 65535),
        )
        for start in range(0, len(self._filters), FILTERS_PER_SUBSCRIBE):
            filters = self._filters[start : start + FILTERS_PER_SUBSCRIBE]
            _rc, mid = self.client.subscribe([(each, self._options(each)) for each in filters])
            self._unacknowledged[mid or 0] = filters
        if not self._filters:
            self._ready()

    def _options(self, topic_filter: str) -> Any:
        """Return the QoS; in MQTT 5 also whether to send what is retained, which an older version always does."""
        if self.version != MQTTProtocolVersion.MQTTv5 or asks_for_retained(topic_filter):
            return 1
        return SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)

    def _handle_subscribe(self, _: Any, __: Any, mid: int, codes: list[ReasonCode], ___: Any) -> None:
        filters = self._unacknowledged.pop(mid, ())
        if len(filters) != len(codes):
            self.connected = False
            self.end(broker_failures.of_nonsense(self._endpoint))
            return
        # A device that may not subscribe to anything can still call for help.
        refused = tuple(name for name, code in zip(filters, codes, strict=True) if code.is_failure)
        self._accepted = replace(self._accepted, refused=self._accepted.refused + refused)
        if not self._unacknowledged:
            self._ready()

    def _ready(self) -> None:
        self.client.on_log = None
        self.connected = True
        self._emit(self._accepted)
        early, self._early = self._early, []
        for event in early:
            self._emit(event)

    def _handle_publish(self, _: Any, __: Any, mid: int, reason: ReasonCode, ___: Any) -> None:
        detail = str(reason) if reason.is_failure else ""
        event = Published(
            mid,
            not reason.is_failure,
            detail,
            forbidden=reason.value == broker_failures.NOT_AUTHORIZED,
            in_part=reason.value == broker_failures.IMPLEMENTATION_SPECIFIC,
        )
        if threading.get_ident() == self._thread:
            self._emit(event)
        else:
            self._written.append(event)  # QoS 0, inside `publish`: its caller does not know the mid yet

    def _handle_message(self, _: Any, __: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # not ours to end the connection: anybody may have sent it to a lenient broker
            _log.warning("%s sent a message whose topic is not UTF-8: dropped", self._endpoint)
            return
        event = Received(
            topic=topic,
            payload=bytes(message.payload[:MAX_RECEIVED_BYTES]),
            size=len(message.payload) + self.client.dropped,
            retain=message.retain,
            response_topic=getattr(message.properties, "ResponseTopic", None),
            correlation_data=getattr(message.properties, "CorrelationData", None),
            qos=message.qos,
        )
        if self.connected:
            self._emit(event)
        elif len(self._early) < _MOST_EARLY:
            self._early.append(event)  # retained, or sent between two SUBACKs
        else:
            self.end(broker_failures.of_overrun("keeps sending without confirming a subscription", self._endpoint))

    def _handle_disconnect(self, _: Any, __: Any, flags: Any, reason: ReasonCode, ___: Any) -> None:
        self.connected = False
        if self.client.overrun:
            self.end(broker_failures.of_overrun(self.client.overrun, self._endpoint))
        elif flags.is_disconnect_packet_from_server:
            self.end(broker_failures.of_broker_disconnect(reason.value, str(reason), self._endpoint))
        elif self._alert:
            self.end(Disconnected("tls", explain_alert(self._alert)))
        elif str(reason) == "Protocol error":
            self.end(broker_failures.of_nonsense(self._endpoint))
        elif not self._answered:
            if self.outcome is None:
                self.closed_silently = True
                self.why_older = f"it closed the connection on MQTT {_VERSION_NAMES[self.version]} and gave no reason"
            self.end(broker_failures.of_silent_close(self._endpoint))
        elif str(reason) == "Keep alive timeout":
            self.end(Disconnected("lost", f"{self._endpoint} no longer answers"))
        else:
            self.end(Disconnected("lost", f"the connection to {self._endpoint} was cut"))

    def _handle_log(self, _: Any, __: Any, ___: Any, text: str) -> None:
        """Catch a TLS alert: with TLS 1.3 a refused client certificate shows only now, and only in paho's log."""
        if "[SSL: " in text and "ALERT" in text:
            self._alert = text.partition("[SSL: ")[2].partition("]")[0]

    def _guard(self, handle: Callable[..., None]) -> Callable[..., None]:
        """Wrap a callback: an exception that left it would end the thread and leave paho's state half changed."""

        def guarded(*arguments: Any) -> None:
            try:
                handle(*arguments)
            except Exception as error:  # noqa: BLE001
                _log.exception("a broker event could not be handled")
                self.connected = False
                self.end(broker_failures.of_own_fault(error))

        return guarded
