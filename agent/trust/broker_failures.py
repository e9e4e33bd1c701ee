"""Where a broker listens; and why a connection to it ended: the kind, and words for a person."""

import errno
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent.contract.errors import BrokerError
from agent.trust.disconnected import TAKEN_OVER, Disconnected
from agent.trust.tls_context import explain_tls

UNSUPPORTED_VERSION = 0x84
NOT_AUTHORIZED = 0x87
RETAIN_NOT_SUPPORTED = 0x9A
IMPLEMENTATION_SPECIFIC = 0x83
"""RabbitMQ's answer for a message that it could not hand to one of its queues: that of a dead node, for example."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker listens. It prints as `host:port`."""

    host: str
    port: int
    tls: bool
    interface: str | None = None

    def __str__(self) -> str:
        place = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        return f"{place} by {self.interface}" if self.interface else place


def endpoint_of(url: str) -> Endpoint:
    """Parse `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`. Raises BrokerError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BrokerError("a broker's address has an invalid port; write mqtts://HOST:PORT") from error
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise BrokerError("a broker's address is not of the form mqtts://HOST[:PORT] or mqtt://HOST[:PORT]")
    if parts.username or parts.password:
        raise BrokerError("a broker's address holds a user or password; leave both out")
    tls = parts.scheme == "mqtts"
    return Endpoint(parts.hostname, port or (8883 if tls else 1883), tls)


class InterfaceError(OSError):
    """A connection can't be bound to the network interface that the settings name."""


def of_connecting(error: Exception, endpoint: Endpoint) -> Disconnected:
    """The name, the TCP connection or the TLS handshake failed."""
    if isinstance(error, ssl.SSLError):
        return Disconnected("tls", explain_tls(error, endpoint.host))
    if isinstance(error, socket.gaierror):
        text = f"the name {endpoint.host} can't be resolved: check the name and this device's DNS"
    elif isinstance(error, InterfaceError):
        text = _of_interface(error, endpoint.interface)
    elif isinstance(error, TimeoutError):
        text = f"{endpoint} does not answer: check the network and the firewall"
    elif isinstance(error, ConnectionRefusedError):
        text = f"nothing listens on {endpoint}: check the port, and that the broker is running"
    elif isinstance(error, OSError):
        reason = (error.strerror or str(error)).lower()
        text = f"{endpoint} can't be reached: {reason}: check the network cable, the router and the firewall"
    elif isinstance(error, UnicodeError):
        text = f"{endpoint.host} is not a host name: check [mqtt] brokers"
    else:
        raise error
    return Disconnected("unreachable", text)


def _of_interface(error: InterfaceError, interface: str | None) -> str:
    if error.errno == errno.ENODEV:
        return f"there is no network interface {interface}: check [mqtt] interfaces, and `ip link`"
    if error.errno == errno.EPERM:
        return f"this agent may not choose the interface {interface}: that needs Linux 5.7, or CAP_NET_RAW in its unit"
    return f"the interface {interface} can't be used: {(error.strerror or str(error)).lower()}: see `ip link`"


def of_connack(code: int, name: str, endpoint: Endpoint) -> Disconnected:
    """The broker refused the connection with an MQTT 5 reason code."""
    kind = "unreachable" if code in _LATER else "protocol" if code in _PROTOCOL else "refused"
    advice = _CONNECT_ADVICE.get(code) or _ADVICE.get(code, "see the broker's log")
    return Disconnected(kind, f"{endpoint} refused the connection ({name.lower()}): {advice}")


def of_broker_disconnect(code: int, name: str, endpoint: Endpoint) -> Disconnected:
    """The broker announced the end of the connection, and why."""
    kind = "refused" if code in _NOT_ALLOWED else "protocol" if code in _PROTOCOL else "lost"
    kind = TAKEN_OVER if code == _TAKEN_OVER_CODE else kind
    advice = _ADVICE.get(code, "see the broker's log")
    return Disconnected(kind, f"{endpoint} ended the connection ({name.lower()}): {advice}")


def of_silent_close(endpoint: Endpoint) -> Disconnected:
    """The broker closed the connection before any answer."""
    hint = ", and whether it accepts this device's certificate" if endpoint.tls else ""
    return Disconnected(
        "unreachable",
        f"{endpoint} closed the connection without an answer: see the broker's log for why{hint}",
    )


def of_no_answer(endpoint: Endpoint, timeout_s: float) -> Disconnected:
    """The broker accepted the TCP connection and then said nothing in time."""
    return Disconnected("unreachable", f"{endpoint} accepted the connection, then sent nothing for {timeout_s:g} s")


def of_nonsense(endpoint: Endpoint) -> Disconnected:
    """What came back is not MQTT."""
    return Disconnected("protocol", f"{endpoint} sent something that is not MQTT: check the port, and the broker's log")


def of_overrun(what: str, endpoint: Endpoint) -> Disconnected:
    """The broker sent more than a small device can hold."""
    return Disconnected("overrun", f"{endpoint} {what}: closed the connection; check what is published there")


def of_own_fault(error: Exception) -> Disconnected:
    """We failed, not the broker. The traceback is in the log."""
    return Disconnected("lost", f"a fault inside the agent ended the connection: {type(error).__name__}")


def of_quality_0(endpoint: Endpoint) -> Disconnected:
    """The broker confirms nothing, so no alarm could be known to have arrived."""
    return Disconnected("protocol", f"{endpoint} allows QoS 0 only: it must allow QoS 1")


_TAKEN_OVER_CODE = 0x8E
_NOT_ALLOWED = {0x86, 0x87, 0x8A, 0x8C}
_LATER = {0x88, 0x89, 0x97, 0x9C, 0x9D, 0x9F}
_PROTOCOL = {0x81, 0x82, 0x84, 0x93, 0x94, 0x95, 0x99, 0x9A, 0x9B, 0x9E}
# Mosquitto says "not authorized" (0x87) for a wrong password too.
_CONNECT_ADVICE = {0x87: "check [mqtt] password, and the user and the access list in the broker"}
_ADVICE = {
    0x84: "it speaks neither MQTT 5 nor 3.1.1",
    0x85: "the device id must be allowed as client id there",
    0x86: "check [mqtt] password, and the user in the broker",
    0x87: "check the broker's access list for this device",
    0x88: "it will be tried again",
    0x89: "it will be tried again",
    0x8A: "this device is banned there",
    0x8B: "it will be tried again",
    0x8E: "another client uses this device's id; give each device its own (or this one has gone to another node)",
    0x9A: "the broker must allow retained messages",
}
