"""The agent's own broker adapter without its threads: many connections in one thread, on the loop of asyncio."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from agent.adapters.paho_attempt import PahoAttempt
from agent.adapters.paho_client import Login
from agent.adapters.paho_connection import VERSIONS
from agent.core.errors import BrokerError
from agent.ports import BrokerEvent, Line, OutgoingMessage
from agent.trust import broker_failures
from agent.trust.broker_failures import endpoint_of
from agent.trust.disconnected import Disconnected

_TICKS = 4
"""How often within its keepalive a connection is looked after."""


class FleetBroker:
    """The port Broker, on a loop's thread. Left out of PahoBroker: the half second in which a second try listens for
    the broker's TLS alert, and network interfaces."""

    def __init__(
        self,
        client_id: str,
        *,
        tls: Callable[[], ssl.SSLContext] | None = None,
        source: str = "127.0.0.1",
        keepalive_s: int = 30,
        connect_timeout_s: float = 20.0,
        on_activity: Callable[[], None] = lambda: None,
    ) -> None:
        """`source` is the address that connections come from. `on_activity` is called after events."""
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

        self._connection = _Connection(make, emit, (endpoint.host, endpoint.port), self._source, context, self._login)

    def publish(self, message: OutgoingMessage) -> int:
        """Hand one message over; see the port."""
        if self._connection is None:
            raise BrokerError("there is no connection to the broker")
        return self._connection.publish(message)

    def line(self) -> Line | None:
        """Return how the line is; see the port."""
        attempt = None if self._connection is None else self._connection.attempt
        return attempt.line() if attempt is not None and attempt.connected else None

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

    def cut(self) -> None:
        """Break the connection as a network does: the other end is told nothing that MQTT has for it."""
        if self._connection is not None:
            self._connection.cut()

    def vanish(self) -> Any:
        """Fall silent as in a power cut; returns what keeps the socket open, so that the broker learns nothing."""
        connection, self._connection = self._connection, None
        return None if connection is None else connection.vanish()


class _Connection:
    """Serves one `connect` call."""

    def __init__(
        self,
        make: Callable[..., PahoAttempt],
        on_event: Callable[[BrokerEvent], None],
        address: tuple[str, int],
        source: str,
        tls: ssl.SSLContext | None,
        login: Login,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._make = make
        self._on_event: Callable[[BrokerEvent], None] | None = on_event
        self._address = address
        self._source = source
        self._tls = tls
        self._login = login
        self._sock: Any = None
        """Until TLS stands; from then on the attempt has it."""
        self._is_writing = False
        self._timer: asyncio.TimerHandle | None = None
        self.turns = 0
        self.attempt: PahoAttempt | None = None
        self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        for version in VERSIONS:
            self.attempt = attempt = self._make(version, self._emit, self.attempt)
            self._over = self._loop.create_future()
            try:
                await self._serve(attempt)
            except OSError as error:
                attempt.end(broker_failures.of_connecting(error, attempt._endpoint))
            finally:
                self._release(attempt)
            if not attempt.why_older:
                break
        self._emit(attempt.outcome or Disconnected("lost", "the connection ended"))
        self._on_event = None

    async def _serve(self, attempt: PahoAttempt) -> None:
        try:
            async with asyncio.timeout(self._login.connect_timeout_s) as self._patience:
                await self._open()
                sock, self._sock = self._sock, None
                # Where the adapter's own client blocks until TLS stands.
                attempt.client._create_socket = lambda: sock  # type: ignore[method-assign]
                attempt.client.on_socket_close = lambda _, __, sock: self._forget(sock)
                attempt.open()
                if attempt.outcome is None:
                    self._loop.add_reader(sock, self._work, True)
                    self._tick()
                    await self._over
        except TimeoutError:
            if not self._patience.expired():
                raise
            attempt.end(broker_failures.of_no_answer(attempt._endpoint, self._login.connect_timeout_s))

    async def _open(self) -> None:
        self._sock = sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)  # ports are scarce for each destination
        sock.bind((self._source, 0))
        await self._loop.sock_connect(sock, self._address)
        if self._tls is not None:
            self._sock = self._tls.wrap_socket(sock, server_hostname=self._address[0], do_handshake_on_connect=False)
            while not self._has_shaken_hands():
                ready = asyncio.Event()
                self._loop.add_reader(self._sock, ready.set)
                await ready.wait()
                self._loop.remove_reader(self._sock)

    def _has_shaken_hands(self) -> bool:
        try:
            self._sock.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def _tick(self) -> None:
        self._timer = self._loop.call_later(self._login.keepalive_s / _TICKS, self._tick)
        self._work(False)

    def _work(self, readable: bool) -> None:
        self.turns += 1
        attempt = self.attempt
        assert attempt is not None
        attempt.work(readable)
        sock: Any = attempt.client.socket()
        while readable and self._tls is not None and sock is not None and sock.pending():  # the kernel knows not of it
            attempt.work(readable)
            sock = attempt.client.socket()
        self._look()

    def _look(self) -> None:
        """Wait for what must be waited for now, or end."""
        attempt = self.attempt
        assert attempt is not None
        sock = attempt.client.socket()
        if attempt.outcome is not None or sock is None:
            if not self._over.done():
                self._over.set_result(None)
        elif attempt.wants_thread != self._is_writing:
            self._is_writing = attempt.wants_thread
            if self._is_writing:
                self._loop.add_writer(sock, self._work, False)
            else:
                self._loop.remove_writer(sock)
        if attempt.connected and not self._over.done() and self._patience.when() is not None:
            self._patience.reschedule(None)

    def _emit(self, event: BrokerEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)

    def _forget(self, sock: Any) -> None:
        self._is_writing = False
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _release(self, attempt: PahoAttempt) -> None:
        if self._timer is not None:
            self._timer.cancel()
        attempt.connected = False
        for sock in (self._sock, attempt.client.socket()):
            if sock is not None:
                self._forget(sock)
                sock.close()
        self._sock = None
        attempt.client.on_socket_close = None
        attempt.client.discard()

    def publish(self, message: OutgoingMessage) -> int:
        attempt = self.attempt
        if attempt is None or not attempt.connected or self._on_event is None:
            raise BrokerError(f"there is no connection to {self._address[0]}:{self._address[1]}")
        try:
            return attempt.publish(message)
        finally:
            self._look()

    def stop(self, *, will: bool) -> None:
        self._on_event = None
        attempt = self.attempt
        if attempt is not None and attempt.connected and will:
            attempt.client.leave()
        elif attempt is not None and attempt.connected:
            attempt.client.disconnect()
        self._task.cancel()

    def cut(self) -> None:
        sock: Any = self.attempt and self.attempt.client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def vanish(self) -> Any:
        attempt = self.attempt
        if attempt is None or not attempt.connected:
            return self.stop(will=False)
        self._on_event = None
        self._forget(attempt.client.socket())
        if self._timer is not None:
            self._timer.cancel()
        return self
