"""Tries the way to a broker step by step: name, TCP, TLS, but no MQTT."""

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent.core.errors import BrokerError
from agent.trust import broker_failures
from agent.trust.broker_failures import Endpoint, InterfaceError
from agent.trust.tls_context import TlsFiles, tls_context


@dataclass(frozen=True, slots=True)
class Reached:
    """How long each step took, and what was found. Without TLS the last three are None."""

    address: str
    dns_ms: float
    tcp_ms: float
    tls_ms: float | None
    tls_version: str | None
    certificate_ends: datetime | None
    """When the broker's certificate expires; it is valid now."""


def reach(endpoint: Endpoint, files: TlsFiles, timeout_s: float, note: Callable[[str], None]) -> Reached:
    """Resolve, connect and shake hands, then leave without sending any MQTT. Calls `note` before each step.

    Raises BrokerError that says which step failed, and what to do. Only the name server may take longer than
    `timeout_s`.
    """
    step = "DNS"
    try:
        note(f"resolving {endpoint.host}")
        began_s = time.perf_counter()
        addresses = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        dns_ms = _since_ms(began_s)
        step = "TCP"
        note(f"connecting to {endpoint}")
        began_s = time.perf_counter()
        with _connect(addresses, endpoint.interface, timeout_s) as plain:
            tcp_ms = _since_ms(began_s)
            address = str(plain.getpeername()[0])
            if not endpoint.tls:
                return Reached(address, dns_ms, tcp_ms, None, None, None)
            step = "TLS"
            note(f"shaking hands with {endpoint}")
            context = tls_context(files)
            began_s = time.perf_counter()
            with context.wrap_socket(plain, server_hostname=endpoint.host) as secured:
                return Reached(
                    address, dns_ms, tcp_ms, _since_ms(began_s), secured.version(), _end_of(secured.getpeercert())
                )
    except (OSError, UnicodeError) as error:
        raise BrokerError(f"{step}: {broker_failures.of_connecting(error, endpoint).detail}") from error


def _connect(addresses: Sequence[tuple[Any, ...]], interface: str | None, timeout_s: float) -> socket.socket:
    failure: OSError = TimeoutError("timed out")
    for family, kind, number, _name, address in addresses:
        sock = socket.socket(family, kind, number)
        try:
            sock.settimeout(timeout_s / len(addresses))
            if interface is not None:
                _bind(sock, interface)
            sock.connect(address)
            sock.settimeout(timeout_s)
        except OSError as error:
            failure = error
            sock.close()
        else:
            return sock
    raise failure


def _bind(sock: socket.socket, interface: str) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
    except OSError as error:
        raise InterfaceError(error.errno, error.strerror) from error


def _end_of(certificate: object) -> datetime | None:
    if not isinstance(certificate, dict) or "notAfter" not in certificate:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


def _since_ms(began_s: float) -> float:
    return (time.perf_counter() - began_s) * 1000
