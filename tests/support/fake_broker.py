"""A few MQTT packets over TCP, for what no real broker can be made to do on demand."""

import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Self

MQTT5 = 5
_CONNECT, _PUBLISH, _SUBSCRIBE, _PINGREQ, _DISCONNECT = 1, 3, 8, 12, 14


@dataclass
class Behaviour:
    """How the broker answers. The defaults are those of a friendly one."""

    silent: bool = False
    """Take the connection and never say a word."""
    close_on_connect: Callable[[int], bool] = lambda level: False
    """Whether to close the connection at a CONNECT of this protocol level, without an answer."""
    connack: Callable[[int], bytes] = lambda level: b"\0\0\0" if level == MQTT5 else b"\0\0"
    """What follows the CONNACK's header, for a CONNECT of this protocol level."""
    suback: int | None = 1
    """The code for every filter; None is no answer at all."""
    puback: int | None = 0
    """The code for every PUBLISH of QoS 1; None is no answer at all."""
    puback_of_alarms: int | None = 0
    """The same for alarms, where it is not 0."""
    before_suback: bytes = b""
    """Sent as it is before the first SUBACK."""
    after_suback: bytes = b""
    """Sent as it is after the SUBACK."""
    flood: Iterable[bytes] = ()
    """Sent after that, piece by piece, as long as anybody listens."""


class FakeBroker(AbstractContextManager["FakeBroker"]):
    """Serves one connection at a time on `port`; `levels` are the protocol levels of the CONNECTs it got."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.levels: list[int] = []
        self.packets: list[tuple[int, bytes]] = []
        """Every packet after CONNECT: its type and what follows the header."""
        self.publish_flags: list[int] = []
        """The low bits of each PUBLISH's header: retain is the last."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._peer: socket.socket | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="fake-broker")

    @property
    def url(self) -> str:
        """Its address."""
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def cut(self) -> None:
        """End the connection that stands."""
        peer = self._peer
        if peer is not None:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        while not self._ending:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                self._peer = peer
                with suppress(OSError, EOFError):
                    self._serve(peer)
                self._peer = None

    def _serve(self, peer: socket.socket) -> None:
        level = 0
        while True:
            kind, flags, body = _read_packet(peer)
            if self.behaviour.silent:
                continue
            if kind == _CONNECT:
                level = body[6]
                self.levels.append(level)
                if self.behaviour.close_on_connect(level):
                    return
                answer = self.behaviour.connack(level)
                peer.sendall(bytes([0x20, len(answer)]) + answer)
                continue
            self.packets.append((kind, body))
            if kind == _PUBLISH:
                self.publish_flags.append(flags)
            if kind == _SUBSCRIBE:
                self._confirm(peer, body, level)
            elif kind == _PUBLISH and flags & 0x06:
                self._acknowledge(peer, body, level)
            elif kind == _PINGREQ:
                peer.sendall(b"\xd0\0")
            elif kind == _DISCONNECT:
                return

    def _confirm(self, peer: socket.socket, body: bytes, level: int) -> None:
        peer.sendall(self.behaviour.before_suback)
        if self.behaviour.suback is None:
            return
        codes = bytes([self.behaviour.suback]) * _count_filters(body, level)
        answer = body[:2] + (b"\0" if level == MQTT5 else b"") + codes
        peer.sendall(bytes([0x90, len(answer)]) + answer + self.behaviour.after_suback)
        for piece in self.behaviour.flood:
            peer.sendall(piece)

    def _acknowledge(self, peer: socket.socket, body: bytes, level: int) -> None:
        (length,) = struct.unpack_from("!H", body)
        code = self.behaviour.puback
        if b"/up/alarm/" in body[2 : 2 + length] and self.behaviour.puback_of_alarms != 0:
            code = self.behaviour.puback_of_alarms
        if code is None:
            return
        mid = body[2 + length : 4 + length]
        answer = mid + (bytes([code, 0]) if level == MQTT5 else b"")
        peer.sendall(bytes([0x40, len(answer)]) + answer)


def publish_header(topic: str, payload_bytes: int, qos: int = 0) -> bytes:
    """What precedes the payload of a PUBLISH in MQTT 3.1.1; in MQTT 5 too, when the payload begins with a zero."""
    body = struct.pack("!H", len(topic)) + topic.encode() + (b"\0\1" if qos else b"")
    length, octets = len(body) + payload_bytes, bytearray()
    while True:  # seven bits an octet, the lowest first
        length, low = divmod(length, 128)
        octets.append(low | (0x80 if length else 0))
        if not length:
            return bytes([0x30 | qos << 1]) + octets + body


def _count_filters(body: bytes, level: int) -> int:
    at = 3 + body[2] if level == MQTT5 else 2
    count = 0
    while at < len(body):
        (length,) = struct.unpack_from("!H", body, at)
        at += 2 + length + 1
        count += 1
    return count


def _read_packet(peer: socket.socket) -> tuple[int, int, bytes]:
    header = _read(peer, 1)[0]
    length = shift = 0
    while True:
        byte = _read(peer, 1)[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return header >> 4, header & 0x0F, _read(peer, length)


def _read(peer: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = peer.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
