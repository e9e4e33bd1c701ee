"""The network between device and broker, and its faults: a proxy that knows MQTT.

What a proxy can't do is to lose bytes. TCP hides every loss from the programs at its ends, and shows it as waiting.
So a lost segment is modelled by what TCP makes of it: everything behind it waits until the sender has sent it again,
200 ms later (or one and a half round trips), twice that when it is lost as well, and so on; after six losses in a row
the connection is reset. A connection is made by a round trip.
"""

import heapq
import itertools
import random
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from tests.campaigns.chaos import packets
from tests.campaigns.chaos.packets import CONNACK, CONNECT, MQTT5, PUBACK, PUBLISH, Packet

_CHUNK = 65536
_FIRST_RESEND_S = 0.2
_LOSSES_BEFORE_RESET = 6
_SEND_TIMEOUT_S = 5.0
_BROKER_WINDOW = 65535


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the network and the broker behave now. The defaults are those of a good day."""

    refuses: bool = False
    """Every connection is reset, standing or new: a cut cable that the kernel notices."""
    swallows: bool = False
    """Connections stand and nothing passes: a cut that nobody notices."""
    delay_s: float = 0.0
    loss: float = 0.0
    """Probability that a packet must be sent again."""
    connack: int | None = None
    """The code with which every connection is refused."""
    refuses_5: bool = False
    """The broker knows MQTT 3.1.1 only."""
    puback: int | None = None
    """The code with which every alarm is refused; the broker behind does not get it."""
    loses: tuple[str, ...] = ()
    """The broker takes messages whose topic has one of these, and passes them on to nobody (MQTT 5)."""
    keeps_pubacks: bool = False
    """The broker takes everything and acknowledges nothing."""
    receive_maximum: int | None = None


GOOD = Conditions()
SWALLOWS = Conditions(swallows=True)


@dataclass(slots=True)
class _Way:
    """One direction of one connection."""

    source: socket.socket
    sink: socket.socket
    is_up: bool = True
    rest: bytes = b""
    free_s: float = 0.0
    """When the last packet under way will have arrived: none overtakes another."""


@dataclass(slots=True)
class _Connection:
    up: _Way
    down: _Way
    level: int = MQTT5
    window: int = _BROKER_WINDOW
    unanswered: set[int] = field(default_factory=set)
    closed: bool = False


class Network(AbstractContextManager["Network"]):
    """Forwards `port` to `target_port`; one thread. Give `conditions` a new value at any time."""

    def __init__(self, target_port: int, rng: random.Random | None = None, host: str = "127.0.0.1") -> None:
        self._target = ("127.0.0.1", target_port)
        self._rng = rng or random.Random(1)
        self._host = host
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._wake_read, self._wake_write = socket.socketpair()
        self._conditions = GOOD
        self._connections: dict[socket.socket, _Connection] = {}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._ending = self._must_cut = False
        self.accepted_ns = 0
        """When (CLOCK_BOOTTIME) a connection was taken last."""
        self.overruns = 0
        """Messages sent beyond the Receive Maximum of the broker; must stay 0."""
        self.lost: list[str] = []
        """Topics of the messages that were taken and not passed on."""
        self._thread = threading.Thread(target=self._run, name="network")

    def __enter__(self) -> "Network":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._wake()
        self._thread.join()
        for connection in list(self._connections.values()):
            self._close(connection)
        for each in (self._listener, self._wake_read, self._wake_write):
            each.close()

    @property
    def url(self) -> str:
        """The address for a device's settings."""
        return f"mqtt://{self._host}:{self.port}"

    @property
    def conditions(self) -> Conditions:
        """How it behaves now."""
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        assert self._thread.is_alive(), "the network has broken down by a fault of its own"
        self._conditions = conditions
        self._wake()

    def cut(self) -> None:
        """Reset every connection that stands, once."""
        self._must_cut = True
        self._wake()

    def _wake(self) -> None:
        self._wake_write.send(b"!")

    # --- on its own thread

    def _run(self) -> None:
        while not self._ending:
            if self._conditions.refuses or self._must_cut:
                self._must_cut = False
                for connection in list(self._connections.values()):
                    self._close(connection)
            for source in self._readable():
                if source is self._wake_read:
                    source.recv(_CHUNK)
                elif source is self._listener:
                    self._accept()
                elif source in self._connections:
                    self._read(self._connections[source], source)
            while self._agenda and not self._conditions.swallows and self._agenda[0][0] <= time.monotonic():
                heapq.heappop(self._agenda)[2]()

    def _readable(self) -> list[socket.socket]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            selector.register(self._listener, selectors.EVENT_READ)
            wait_s = 1.0
            if not self._conditions.swallows:
                for source in self._connections:
                    selector.register(source, selectors.EVENT_READ)
                if self._agenda:
                    wait_s = max(0.0, self._agenda[0][0] - time.monotonic())
            return [key.fileobj for key, _ in selector.select(wait_s) if isinstance(key.fileobj, socket.socket)]

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = None
        if not self._conditions.refuses:
            with suppress(OSError):
                server = socket.create_connection(self._target, timeout=_SEND_TIMEOUT_S)
        if server is None:
            _reset(client)
            return
        self.accepted_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.settimeout(_SEND_TIMEOUT_S)
        connection = _Connection(_Way(client, server), _Way(server, client, is_up=False))
        # The handshake has not crossed the network yet: nothing can until it has, there and back.
        for _ in range(2):
            self._cross(connection.up)
        self._connections[client] = self._connections[server] = connection

    def _read(self, connection: _Connection, source: socket.socket) -> None:
        way = connection.up if source is connection.up.source else connection.down
        try:
            data = source.recv(_CHUNK)
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        whole, way.rest = packets.split(way.rest + data)
        for packet in whole:
            raw = self._go_up(connection, packet) if way.is_up else self._go_down(connection, packet)
            if raw:
                self._carry(connection, way, raw)

    def _go_up(self, connection: _Connection, packet: Packet) -> bytes:
        now = self._conditions
        if packet.kind == CONNECT:
            connection.level = packet.level
            refusal = 0x84 if now.refuses_5 and packet.level == MQTT5 else now.connack
            if refusal is not None:
                self._carry(connection, connection.down, packets.connack(packet.level, refusal))
                self._at(connection.down.free_s, lambda: self._close(connection))
                return b""
        if packet.kind == PUBLISH and packet.is_qos_1:
            if now.puback is not None and "/up/alarm/" in packet.topic:
                self._refuse(connection, packet, now.puback)
                return b""
            if any(part in packet.topic for part in now.loses):
                self._carry(connection, connection.down, packets.puback(packet.mid, 0))
                self.lost.append(packet.topic)
                return b""
            connection.unanswered.add(packet.mid)
            self.overruns += len(connection.unanswered) > connection.window
        return packet.raw

    def _refuse(self, connection: _Connection, packet: Packet, code: int) -> None:
        """Before MQTT 5 a broker that does not want a message has no word for it: it closes the connection."""
        if connection.level == MQTT5:
            self._carry(connection, connection.down, packets.puback(packet.mid, code))
        else:
            self._close(connection)

    def _go_down(self, connection: _Connection, packet: Packet) -> bytes:
        now = self._conditions
        if packet.kind == CONNACK and now.receive_maximum is not None and connection.level == MQTT5:
            connection.window = now.receive_maximum
            return packets.with_receive_maximum(packet, now.receive_maximum)
        if packet.kind == PUBACK:
            if now.keeps_pubacks:
                return b""
            connection.unanswered.discard(packet.mid)
        return packet.raw

    def _carry(self, connection: _Connection, way: _Way, raw: bytes) -> None:
        """Deliver a packet when the network has got it through."""
        if self._cross(way, in_turn=False) >= _LOSSES_BEFORE_RESET:
            self._close(connection)
            return
        self._at(way.free_s, lambda: self._deliver(connection, way, raw))

    def _cross(self, way: _Way, *, in_turn: bool = True) -> int:
        """Let the time pass that a packet takes; how often it was lost. `in_turn`: it leaves when the last is there."""
        now = self._conditions
        losses = 0
        while self._rng.random() < now.loss:
            losses += 1
        sent_s = max(way.free_s, time.monotonic()) if in_turn else time.monotonic()
        resend_s = max(_FIRST_RESEND_S, 3 * now.delay_s)
        way.free_s = max(way.free_s, sent_s + now.delay_s) + resend_s * (2**losses - 1)
        return losses

    def _deliver(self, connection: _Connection, way: _Way, raw: bytes) -> None:
        if connection.closed:
            return
        try:
            way.sink.sendall(raw)
        except OSError:
            self._close(connection)

    def _at(self, when_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when_s, next(self._order), act))

    def _close(self, connection: _Connection) -> None:
        connection.closed = True
        for each in (connection.up.source, connection.down.source):
            self._connections.pop(each, None)
            _reset(each)


def _reset(connection: socket.socket) -> None:
    """Close with RST, as a router does that has lost the connection."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()
