"""The agent's own broker adapter without its threads: many connections on one selector, and so in one thread."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from agent.adapters import broker_failures
from agent.adapters.broker_failures import endpoint_of
from agent.adapters.paho_attempt import PahoAttempt
from agent.adapters.paho_client import Login
from agent.adapters.paho_connection import VERSIONS
from agent.core.errors import BrokerError
from agent.ports import BrokerEvent, Disconnected, Line, OutgoingMessage
from tests.campaigns.fleet.loop import READ, WRITE, Loop


class FleetBroker:
    """The port Broker, on a loop's thread. Left out of PahoBroker: the half second in which a second try listens for
    the broker's TLS alert, and network interfaces."""

    def __init__(
        self,
        loop: Loop,
        client_id: str,
        *,
        tls: Callable[[], ssl.SSLContext] | None = None,
        source: str = "127.0.0.1",
        keepalive_s: int = 30,
        connect_timeout_s: float = 20.0,
        on_activity: Callable[[], None] = lambda: None,
    ) -> None:
        """`source` is the address that connections come from. `on_activity` is called after events."""
        self._loop = loop
        self._login = Login(client_id, None, keepalive_s, connect_timeout_s)
        self._tls = tls
        self._source = source
        self._on_activity = on_activity
        self._connection: _Connection | None = None

    def connect(
        self,
        url: str,
        will: OutgoingMessage,
        subscriptions: list[str],
        on_event: Callable[[BrokerEvent], None],
        interface: str | None = None,
    ) -> None:
        """Begin to connect; see the port."""
        self.disconnect()
        endpoint = endpoint_of(url)
        context = self._tls() if endpoint.tls and self._tls is not None else None

        def make(version: Any, emit: Callable[[BrokerEvent], None], earlier: PahoAttempt | None) -> PahoAttempt:
            return PahoAttempt(self._login, endpoint, context, version, will, subscriptions, emit, earlier)

        def emit(event: BrokerEvent) -> None:
            on_event(event)
            self._on_activity()

        address = (endpoint.host, endpoint.port, self._source)
        self._connection = _Connection(self._loop, make, emit, address, context, self._login.connect_timeout_s)

    def publish(self, message: OutgoingMessage) -> int:
        """Hand one message over; see the port."""
        if self._connection is None:
            raise BrokerError("there is no connection to the broker")
        return self._connection.publish(message)

    def line(self) -> Line | None:
        """Return how the line is; see the port."""
        up = self._connection is not None and self._connection.attempt.connected
        return self._connection.attempt.line() if self._connection is not None and up else None

    def offer(self, message: OutgoingMessage) -> bool:
        """Hand one message over if the line is idle; see the port."""
        line = self.line()
        if line is None or not line.is_idle:
            return False
        self.publish(message)
        return True

    def disconnect(self, timeout_s: float = 2.0, *, will: bool = False) -> None:
        """End the connection; see the port."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.stop(will=will)

    def pulse(self) -> int | None:
        """Return the turns of the connection; see the port."""
        return None if self._connection is None else self._connection.turns or None

    # --- not of the port

    def tick(self) -> None:
        """Keep the connection alive, and end one that takes too long. Call it twice a second or so."""
        if self._connection is not None:
            self._connection.tick()

    def cut(self) -> None:
        """Break the connection as a network does: the other end is told nothing that MQTT has for it."""
        if self._connection is not None:
            self._connection.cut()

    def vanish(self) -> Any:
        """Fall silent as in a power cut; returns what keeps the socket open, so that the broker learns nothing."""
        connection, self._connection = self._connection, None
        return None if connection is None else connection.vanish()


class _Connection:
    """Serves one `connect` call. Until TLS stands the socket is ours, then the attempt's."""

    def __init__(
        self,
        loop: Loop,
        make: Callable[..., PahoAttempt],
        on_event: Callable[[BrokerEvent], None],
        address: tuple[str, int, str],
        tls: ssl.SSLContext | None,
        timeout_s: float,
    ) -> None:
        self._loop = loop
        self._make = make
        self._on_event: Callable[[BrokerEvent], None] | None = on_event
        self._host, self._port, self._source = address
        self._tls = tls
        self._timeout_s = timeout_s
        self._versions = iter(VERSIONS)
        self.turns = 0
        self.attempt: PahoAttempt
        self._sock: Any = None
        self._is_open = False
        self._begin(None)

    def _begin(self, earlier: PahoAttempt | None) -> None:
        self.attempt = attempt = self._make(next(self._versions), self._emit, earlier)
        attempt.client.on_socket_close = lambda _, __, sock: self._loop.forget(sock)
        self._deadline_s = time.monotonic() + self._timeout_s
        self._is_open = False
        try:
            family, kind, number, _, address = socket.getaddrinfo(
                self._host, self._port, socket.AF_INET, socket.SOCK_STREAM
            )[0]
            self._sock = sock = socket.socket(family, kind, number)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)  # ports are scarce per destination
            sock.bind((self._source, 0))
            with contextlib.suppress(BlockingIOError):
                sock.connect(address)
            self._loop.watch(sock, WRITE, self._connected)
        except OSError as error:
            self._fail(error)
            self._loop.soon(self._look)  # no event comes before `connect` has returned

    def _connected(self, _: int) -> None:
        sock = self._sock
        self._loop.forget(sock)
        try:
            if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, "connect")  # which makes it a ConnectionRefusedError, for example
            if self._tls is not None:
                self._sock = self._tls.wrap_socket(sock, server_hostname=self._host, do_handshake_on_connect=False)
            self._shake(0)
        except OSError as error:
            self._fail(error)
            self._look()

    def _shake(self, _: int) -> None:
        try:
            if self._tls is not None:
                self._sock.do_handshake()
            self._open()
        except ssl.SSLWantReadError:
            self._loop.watch(self._sock, READ, self._shake)
        except ssl.SSLWantWriteError:
            self._loop.watch(self._sock, WRITE, self._shake)
        except OSError as error:
            self._fail(error)
            self._look()

    def _open(self) -> None:
        sock, self._sock = self._sock, None
        # Where the adapter's own client blocks until TLS stands.
        self.attempt.client._create_socket = lambda: sock  # type: ignore[method-assign]
        self._is_open = True
        self.attempt.open()
        self._look()

    def _work(self, mask: int) -> None:
        self.turns += 1
        self.attempt.work(readable=bool(mask & READ))
        sock: Any = self.attempt.client.socket()
        while self._tls is not None and sock is not None and sock.pending():  # which the kernel no longer knows of
            self.attempt.work(readable=True)
            sock = self.attempt.client.socket()
        self._look()

    def _look(self) -> None:
        """Watch what must be watched now, or end."""
        attempt = self.attempt
        sock: Any = attempt.client.socket()
        if self._on_event is None or (not self._is_open and attempt.outcome is None):
            return
        if attempt.outcome is None and sock is not None:
            self._loop.watch(sock, READ | (WRITE if attempt.wants_thread else 0), self._work)
            return
        outcome = attempt.outcome or Disconnected("lost", "the connection ended")
        self._release()
        version_left = bool(attempt.why_older) and attempt.version == VERSIONS[0]
        if version_left:
            self._begin(attempt)
            return
        on_event, self._on_event = self._on_event, None
        on_event(outcome)

    def _fail(self, error: OSError) -> None:
        self.attempt.end(broker_failures.of_connecting(error, self.attempt._endpoint))

    def _emit(self, event: BrokerEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)

    def _release(self) -> None:
        attempt = self.attempt
        attempt.connected = False
        for sock in (self._sock, attempt.client.socket()):
            if sock is not None:
                self._loop.forget(sock)
                sock.close()
        self._sock = None
        attempt.client.on_socket_close = None
        attempt.client.discard()

    def publish(self, message: OutgoingMessage) -> int:
        attempt = self.attempt
        if not attempt.connected or self._on_event is None:
            raise BrokerError(f"there is no connection to {self._host}:{self._port}")
        try:
            return attempt.publish(message)
        finally:
            if attempt.outcome is not None or attempt.client.socket() is None:
                self._loop.soon(self._look)  # its end is told later, as the caller is not done
            elif attempt.wants_thread:
                self._look()

    def tick(self) -> None:
        if self._is_open and self._on_event is not None:
            self.attempt.work(readable=False)
        if not self.attempt.connected and time.monotonic() >= self._deadline_s:
            self.attempt.end(broker_failures.of_no_answer(self.attempt._endpoint, self._timeout_s))
        self._look()

    def stop(self, *, will: bool) -> None:
        if self._on_event is None:
            return
        self._on_event = None
        client = self.attempt.client
        if self.attempt.connected and will:
            client.leave()
        elif self.attempt.connected:
            client.disconnect()
        self._release()

    def cut(self) -> None:
        sock: Any = self.attempt.client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def vanish(self) -> Any:
        self._on_event = None
        for sock in (self._sock, self.attempt.client.socket()):
            if sock is not None:
                self._loop.forget(sock)
        return self.attempt.client, self._sock
