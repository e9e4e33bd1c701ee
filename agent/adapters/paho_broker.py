"""MQTT through paho-mqtt: MQTT 5 first, 3.1.1 for brokers that don't speak 5."""

import ssl
from collections.abc import Callable
from dataclasses import replace

from agent.adapters.in_time import InTime
from agent.adapters.paho_client import Login
from agent.adapters.paho_connection import PahoConnection
from agent.core.errors import BrokerError, StorageError
from agent.ports import BrokerEvent, Line, OutgoingMessage
from agent.trust.broker_failures import endpoint_of
from agent.trust.tls_context import TlsFiles, tls_context


class PahoBroker:
    """The port Broker. Each `connect` makes a new paho client and a new thread, named `mqtt`."""

    def __init__(
        self,
        client_id: str,
        tls: TlsFiles | None = None,
        password: str | None = None,
        keepalive_s: int = 32,
        connect_timeout_s: float = 20.0,
        user: str | None = None,
        may_connect: Callable[[], None] = lambda: None,
    ) -> None:
        """`user` is the name that goes with the password; None stands for the client id. `may_connect` is called before
        each connection, on a thread of its own; it may block as long as the disk does, and raises BrokerError to forbid
        it."""
        self._login = Login(client_id, password, keepalive_s, connect_timeout_s, user)
        self._tls = tls or TlsFiles()
        self._may_connect = may_connect
        self._in_time = InTime()
        self._connection: PahoConnection | None = None

    def connect(
        self,
        url: str,
        will: OutgoingMessage,
        subscriptions: list[str],
        on_event: Callable[[BrokerEvent], None],
        interface: str | None = None,
    ) -> None:
        """Begin to connect; see the port. An earlier connection is ended first."""
        self.disconnect()
        endpoint = replace(endpoint_of(url), interface=interface or None)

        def read() -> ssl.SSLContext | None:
            self._may_connect()
            return tls_context(self._tls) if endpoint.tls else None

        try:
            context = self._in_time(read)
        except StorageError as error:
            raise BrokerError(f"the device's certificate can't be read: {error}") from error
        self._connection = PahoConnection(self._login, endpoint, context, will, subscriptions, on_event)
        self._connection.start()

    def publish(self, message: OutgoingMessage) -> int:
        """Hand one message over; see the port."""
        connection = self._connection  # read once: the publisher's thread may end it meanwhile
        if connection is None:
            raise BrokerError("there is no connection to the broker")
        return connection.publish(message)

    def line(self) -> Line | None:
        """Return how the line is; see the port."""
        connection = self._connection
        return None if connection is None else connection.line()

    def offer(self, message: OutgoingMessage) -> bool:
        """Hand one message over if the line is idle; see the port."""
        connection = self._connection
        return connection is not None and connection.offer(message)

    def disconnect(self, timeout_s: float = 2.0, *, will: bool = False) -> None:
        """End the connection; see the port."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.stop(timeout_s, will=will)

    def pulse(self) -> int | None:
        """Return a number that rises while the connection's thread lives; None before the broker has accepted it. Any
        thread."""
        connection = self._connection
        return None if connection is None else connection.pulse()
