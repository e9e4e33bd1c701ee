"""A bare baseline: what the broker does for clients that do nothing but MQTT, written by hand; no part of the agent."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent.trust.tls_context import TlsFiles, tls_context
from tests.campaigns.fleet.targets import Meter
from tests.support.certificates import CertificateFiles

CLIENTS = 8
_WINDOW = 20
_PAYLOAD = b"x" * 700
"""About as long as an alarm."""
_CONNACK, _PUBACK = 4, 4
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """What there was of each a second, and what one of them cost the broker in milliseconds of the processor."""

    handshakes_a_second: float
    handshake_ms: float
    publishes_a_second: float
    publish_ms: float


def measure(url: str, users: Sequence[tuple[str, CertificateFiles]], meter: Meter, seconds: float) -> Baseline:
    """Measure both, `seconds` each, with a thread for each of `users`: its name, and its certificate."""
    clients = [_Client(url, user, files) for user, files in users]
    shook, shake_cpu_s = _run([client.shake for client in clients], seconds, meter)
    published, publish_cpu_s = _run([client.publish for client in clients], seconds, meter)
    return Baseline(
        handshakes_a_second=shook / seconds,
        handshake_ms=1000 * shake_cpu_s / max(1, shook),
        publishes_a_second=published / seconds,
        publish_ms=1000 * publish_cpu_s / max(1, published),
    )


def _run(works: Sequence[Callable[[float], int]], seconds: float, meter: Meter) -> tuple[int, float]:
    """Run these side by side for `seconds`; returns how much they did in all, and what it cost the broker."""
    done: list[int] = []
    before_s, until_s = meter.cpu_s(), time.monotonic() + seconds
    threads = [threading.Thread(target=lambda work=work: done.append(work(until_s))) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done), meter.cpu_s() - before_s


class _Client:
    def __init__(self, url: str, user: str, files: CertificateFiles) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._tls: ssl.SSLContext = tls_context(TlsFiles(files.ca, files.cert, files.key))
        name = user.replace("/", ".").encode()
        body = struct.pack("!H4sBBH", 4, b"MQTT", 4, 2, 60) + struct.pack("!H", len(name)) + name
        self._hello = b"\x10" + bytes([len(body)]) + body
        topic = f"edge/v1/{user}/up/event/bare".encode()
        length = 2 + len(topic) + 2 + len(_PAYLOAD)
        self._head = b"\x32" + bytes([length % 128 + 128, length // 128]) + struct.pack("!H", len(topic)) + topic

    def shake(self, until_s: float) -> int:
        """Connect, shake hands, be let in, and go, again and again."""
        count = 0
        while time.monotonic() < until_s:
            self._connected().close()
            count += 1
        return count

    def publish(self, until_s: float) -> int:
        """Keep a window of messages with QoS 1 under way."""
        sent = acknowledged = 0
        with closing(self._connected()) as connection:
            while time.monotonic() < until_s:
                packets = [self._head + struct.pack("!H", 1 + (sent + n) % 65535) + _PAYLOAD for n in range(_WINDOW)]
                connection.sendall(b"".join(packets))
                sent += _WINDOW
                _receive(connection, _WINDOW * _PUBACK)
                acknowledged += _WINDOW
        return acknowledged

    def _connected(self) -> ssl.SSLSocket:
        raw = socket.create_connection(self._address, _PATIENCE_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self._tls.wrap_socket(raw, server_hostname=self._address[0])
        connection.sendall(self._hello)
        if _receive(connection, _CONNACK)[3]:
            raise ConnectionRefusedError("the broker does not let a bare client in")
        return connection


def _receive(connection: ssl.SSLSocket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        if not (more := connection.recv(count - len(got))):
            raise ConnectionResetError("the broker has ended the connection of a bare client")
        got += more
    return got
