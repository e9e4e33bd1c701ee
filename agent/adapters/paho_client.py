"""A paho client that is set up as the contract says, and that can abort a connection attempt."""

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass, field
from functools import lru_cache

from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.ports import OutgoingMessage
from agent.trust.broker_failures import InterfaceError
from agent.trust.paho_bounded import MAXIMUM_PACKET_BYTES, BoundedClient

_ALERT_TIMEOUT_S = 0.5
RECEIVE_MAXIMUM = 20


@dataclass(frozen=True, slots=True)
class Login:
    """Who connects, and how long to wait."""

    client_id: str
    password: str | None = field(repr=False)
    keepalive_s: int
    connect_timeout_s: float
    user: str | None = None
    """The name that goes with the password; None stands for the client id."""


class AbortableClient(BoundedClient):
    """paho's client, with a connection that we open ourselves."""

    tls: ssl.SSLContext | None = None
    wary = False
    interface: str | None = None
    _handle: socket.socket | None = None
    _aborted = False

    def _create_socket(self) -> socket.socket:
        """Connect to the first address that answers, with TLS if set, all within `connect_timeout`.

        Overridden because paho's own keeps the socket to itself until the TLS handshake is over, so a hanging connect
        can't be ended; leaves it open when the handshake fails; and leaves Nagle's algorithm on.
        """
        deadline = time.monotonic() + self.connect_timeout
        sock = self._connect_tcp(deadline)
        if self.tls is None:
            return sock
        try:
            # From here on the plain socket is empty: the new one has its descriptor.
            encrypted = self.tls.wrap_socket(sock, server_hostname=self.host, do_handshake_on_connect=False)
        except (OSError, ValueError):
            sock.close()
            raise
        try:
            encrypted.settimeout(max(0.001, deadline - time.monotonic()))
            encrypted.do_handshake()
            if self.wary:
                _hear_alert(encrypted)
        except OSError:
            encrypted.close()
            raise
        return encrypted

    def _connect_tcp(self, deadline: float) -> socket.socket:
        failure: OSError = TimeoutError("timed out")
        addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        for tried, (family, kind, number, _name, address) in enumerate(addresses):
            remaining_s = deadline - time.monotonic()
            if self._aborted or remaining_s <= 0:
                break
            sock = socket.socket(family, kind, number)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._bind_to_interface(sock)
                # Each address gets its share: one that swallows everything, as broken IPv6 does, leaves the rest time.
                sock.settimeout(remaining_s / (len(addresses) - tried))
                self._keep_handle(sock)
                if self._aborted:
                    raise ConnectionAbortedError("aborted")
                sock.connect(address)
            except OSError as error:
                failure = error
                sock.close()
            else:
                return sock
        raise failure

    def _bind_to_interface(self, sock: socket.socket) -> None:
        if self.interface is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.interface.encode() + b"\0")
            except OSError as error:
                raise InterfaceError(error.errno, error.strerror) from error

    def _keep_handle(self, sock: socket.socket) -> None:
        # A duplicate, because wrapping the socket in TLS takes the descriptor away from `sock`.
        previous, self._handle = self._handle, sock.dup()
        if previous is not None:
            previous.close()

    def open(self, host: str, port: int, keepalive_s: int) -> None:
        """Resolve, connect, shake hands and send CONNECT. Blocks. Raises OSError or ssl.SSLError."""
        if self.protocol != MQTTProtocolVersion.MQTTv5:
            self.connect(host, port, keepalive_s)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAXIMUM_PACKET_BYTES
        self.connect(host, port, keepalive_s, clean_start=True, properties=properties)

    def abort(self) -> None:
        """Make everything that waits on the connection fail now. Any thread."""
        self._aborted = True
        handle = self._handle
        if handle is not None:
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        """End the connection so that the broker publishes the will: by a DISCONNECT in MQTT 5, else by closing it."""
        if self.protocol == MQTTProtocolVersion.MQTTv5:
            self.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
        else:
            self.abort()

    def discard(self) -> None:
        """Close what is still open, without telling the broker."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()
        sock = self.socket()
        if sock is not None:
            sock.close()


def _hear_alert(encrypted: ssl.SSLSocket) -> None:
    """Wait for the alert with which the peer refuses our certificate, and raise it.

    With TLS 1.3 it comes after the handshake, and is usually lost when the peer resets the connection because it has
    not read our CONNECT. So the second try delays the CONNECT. No server sends anything before it.
    """
    encrypted.settimeout(_ALERT_TIMEOUT_S)
    try:
        spoke = encrypted.recv(1)
    except TimeoutError:
        return
    raise ConnectionResetError("it sent something that is not MQTT" if spoke else "it closed the connection")


def make_client(
    login: Login,
    tls: ssl.SSLContext | None,
    version: MQTTProtocolVersion,
    will: OutgoingMessage,
    wary: bool,
    interface: str | None,
) -> AbortableClient:
    """Return a client for one connection. Without a session: in a cluster a session lives on one node, and a CONNECT
    that asks for it gets no answer while that node is dead.

    With `wary`, the client first waits half a second to hear whether the broker refuses its certificate.
    """
    is_5 = version == MQTTProtocolVersion.MQTTv5
    client = AbortableClient(
        CallbackAPIVersion.VERSION2,
        # NATS, which knows 3.1.1 only, takes no dots; no level of a name has a "_", so no other client has this id.
        client_id=login.client_id if is_5 else login.client_id.replace(".", "_"),
        clean_session=None if is_5 else True,
        protocol=version,
        reconnect_on_failure=False,
    )
    client.connect_timeout = login.connect_timeout_s
    # The publisher has the window; a second one here would hide messages from it.
    client.max_inflight_messages_set(0)
    if login.password is not None:
        client.username_pw_set(login.user or login.client_id, login.password)
    client.tls = tls
    client.wary = wary
    client.interface = interface
    client.will_set(
        will.topic,
        will.payload,
        will.qos,
        will.retain,
        _new_properties(PacketTypes.WILLMESSAGE, will) if is_5 else None,
    )
    return client


def publish_properties(message: OutgoingMessage) -> Properties:
    """Return the MQTT 5 properties of a message. Don't change them: messages of one kind share them."""
    if message.correlation_data is not None:
        return _new_properties(PacketTypes.PUBLISH, message)
    return _shared_properties(message.content_type, message.expiry_s)


def packet_bytes(message: OutgoingMessage, properties: Properties | None) -> int:
    """Return the size of the PUBLISH packet, as the broker counts it."""
    body = 2 + len(message.topic.encode()) + (2 if message.qos else 0) + len(message.payload)
    if properties is not None:
        body += len(properties.pack())  # type: ignore[no-untyped-call]
    length_bytes = next(count for count in (1, 2, 3, 4) if count == 4 or body < 128**count)
    return 1 + length_bytes + body


class _PackedProperties(Properties):
    """Properties that no longer change, packed once."""

    def __init__(self, properties: Properties) -> None:
        # Past paho's own `__setattr__`, which accepts only the names of properties.
        object.__setattr__(self, "_packed", properties.pack())  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        """Return the bytes on the wire."""
        packed: bytes = object.__getattribute__(self, "_packed")
        return packed


@lru_cache(maxsize=64)
def _shared_properties(content_type: str, expiry_s: int | None) -> Properties:
    # Cached, because for each object paho builds tables of every property there is and walks through all of them to
    # pack it, which takes longer than packing the message.
    message = OutgoingMessage("", b"", content_type=content_type, expiry_s=expiry_s)
    return _PackedProperties(_new_properties(PacketTypes.PUBLISH, message))


def _new_properties(packet: int, message: OutgoingMessage) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    if message.content_type:
        properties.ContentType = message.content_type
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    if message.correlation_data is not None:
        properties.CorrelationData = message.correlation_data
    return properties
