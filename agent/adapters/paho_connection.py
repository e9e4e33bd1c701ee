"""One broker connection: its thread, and the lock that guards everything in it."""

import contextlib
import logging
import os
import select
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.enums import MQTTProtocolVersion

from agent.adapters.paho_attempt import PahoAttempt
from agent.adapters.paho_client import Login
from agent.core.errors import BrokerError
from agent.ports import BrokerEvent, Line, OutgoingMessage
from agent.trust import broker_failures
from agent.trust.broker_failures import Endpoint
from agent.trust.disconnected import Disconnected

_log = logging.getLogger(__name__)

VERSIONS = (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311)
"""Tried in this order at each connection: a broker that dropped MQTT 5 once may only have been starting."""
_CLOSED_AGAIN_S = 1.0
"""A broker that closed the connection on MQTT 5 and gave no reason has not refused it: it may stall, or be starting.
After so long MQTT 5 is tried once more, so a broker that knows only 3.1.1 and says nothing is reached so much later."""
_TICK_S = 0.5
_CLOSED = -1


class PahoConnection:
    """Serves one `connect` call of the port from a thread of its own, until the connection ends.

    `_lock` is held around every call into paho, which is not safe for writes from two threads, nor for a TLS
    read beside a write. In return `publish` writes to the socket itself instead of waking the thread first.
    """

    def __init__(
        self,
        login: Login,
        endpoint: Endpoint,
        tls: ssl.SSLContext | None,
        will: OutgoingMessage,
        filters: Sequence[str],
        on_event: Callable[[BrokerEvent], None],
    ) -> None:
        self._login = login
        self._endpoint = endpoint
        self._tls = tls
        self._will = will
        self._filters = filters
        self._on_event = on_event
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._wake_fd = _CLOSED
        self._attempt: PahoAttempt | None = None
        self._stopping = False
        self._turns = 0
        self._was_connected = False

    def start(self) -> None:
        """Begin to connect."""
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread.start()

    def publish(self, message: OutgoingMessage) -> int:
        """Write one message to the socket, or leave its rest to the thread. Raises BrokerError, MessageRefused."""
        with self._lock:
            attempt = self._attempt
            if attempt is None or not attempt.connected or self._stopping:
                raise BrokerError(f"there is no connection to {self._endpoint}")
            mid = attempt.publish(message)
            if attempt.wants_thread:
                self._wake()
            return mid

    def offer(self, message: OutgoingMessage) -> bool:
        """Write one message if the line is idle; returns whether it was. Raises BrokerError, MessageRefused."""
        with self._lock:
            line = self.line()
            if line is not None and not line.is_idle:
                return False
            self.publish(message)
            return True

    def line(self) -> Line | None:
        """Return how the line is; None without a connection. Any thread."""
        with self._lock:
            return None if self._attempt is None or not self._attempt.connected else self._attempt.line()

    def pulse(self) -> int | None:
        """Return a number that rises while the thread turns; None before the broker has accepted us, as resolving a
        host may take longer than any limit. Any thread."""
        return self._turns if self._was_connected else None

    def stop(self, timeout_s: float, *, will: bool) -> None:
        """End the connection and the thread. No more events come."""
        with self._lock:
            self._stopping = True
            attempt = self._attempt
            if attempt is not None and attempt.connected and will:
                attempt.client.leave()
            elif attempt is not None and attempt.connected:
                attempt.client.disconnect()
            elif attempt is not None:
                attempt.client.abort()
            self._wake()
        if self._thread is threading.current_thread():
            return
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            if attempt is not None:
                attempt.client.abort()
            # Only a name server that does not answer can hold up the thread longer; it ends when that call returns.
            self._thread.join(1.0)

    def _run(self) -> None:
        outcome = Disconnected("lost", f"the connection to {self._endpoint} ended")
        try:
            earlier: PahoAttempt | None = None
            versions = deque(VERSIONS)
            while versions:
                version = versions.popleft()
                attempt = self._make_attempt(version, earlier)
                if attempt is None:
                    break
                self._serve(attempt)
                outcome = attempt.outcome or outcome
                is_first = earlier is None or not earlier.closed_silently
                earlier = attempt
                if attempt.closed_silently and version == MQTTProtocolVersion.MQTTv5 and is_first:
                    self._pause(_CLOSED_AGAIN_S)
                    versions.appendleft(version)
                elif attempt.refuses_retained and self._will.retain:
                    self._will = self._will._replace(retain=False)
                    versions.appendleft(version)
                elif not attempt.why_older:
                    break
        except Exception as error:  # noqa: BLE001 - a silently dead thread would look like a live connection
            _log.exception("the connection to %s failed inside the agent", self._endpoint)
            outcome = broker_failures.of_own_fault(error)
        with self._lock:
            self._attempt = None
            os.close(self._wake_fd)
            self._wake_fd = _CLOSED
            try:
                self._emit(outcome)
            except Exception:  # noqa: BLE001
                _log.exception("could not report the end of the connection to %s", self._endpoint)

    def _pause(self, seconds: float) -> None:
        """Wait, unless the connection is to end."""
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            if poll.poll(left * 1000):
                os.eventfd_read(self._wake_fd)

    def _make_attempt(self, version: MQTTProtocolVersion, earlier: PahoAttempt | None) -> PahoAttempt | None:
        attempt = PahoAttempt(
            self._login, self._endpoint, self._tls, version, self._will, self._filters, self._emit, earlier
        )
        attempt.client.on_socket_close = lambda *_: self._wake()
        with self._lock:
            if self._stopping:
                return None
            self._attempt = attempt
        return attempt

    def _serve(self, attempt: PahoAttempt) -> None:
        deadline = time.monotonic() + self._login.connect_timeout_s
        try:
            attempt.open()
            while self._turn(attempt, deadline):
                pass
        finally:
            with self._lock:
                attempt.connected = False
                attempt.client.on_socket_close = None
                attempt.client.discard()

    def _turn(self, attempt: PahoAttempt, deadline: float) -> bool:
        """Wait for one thing to happen and deal with it; return false when the connection is over."""
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        with self._lock:
            sock: Any = attempt.client.socket()
            if sock is None or attempt.outcome is not None:
                return False
            fd = sock.fileno()
            poll.register(fd, select.POLLIN | (select.POLLOUT if attempt.client.want_write() else 0))
            # OpenSSL may hold decrypted bytes that the kernel no longer knows of.
            timeout_s = 0.0 if self._tls is not None and sock.pending() else _TICK_S
            if not attempt.connected:
                timeout_s = min(timeout_s, max(0.0, deadline - time.monotonic()))
        ready = dict(poll.poll(timeout_s * 1000))
        with self._lock:
            if self._wake_fd in ready:
                os.eventfd_read(self._wake_fd)
            attempt.work(readable=fd in ready or not ready)
            if not attempt.connected and time.monotonic() >= deadline:
                attempt.end(broker_failures.of_no_answer(self._endpoint, self._login.connect_timeout_s))
            self._was_connected = self._was_connected or attempt.connected
        self._turns += 1
        return True

    def _emit(self, event: BrokerEvent) -> None:
        if not self._stopping:
            self._on_event(event)

    def _wake(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._wake_fd != _CLOSED:
                os.eventfd_write(self._wake_fd, 1)
