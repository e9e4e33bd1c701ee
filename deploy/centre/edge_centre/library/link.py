"""The connection to one broker, which is tried until it stands, and then comes back by itself."""

import logging
import threading
from collections.abc import Callable, Sequence

from agent.contract.errors import BrokerError
from agent.trust.orders import Signed
from agent.trust.tls_context import TlsFiles
from edge_centre.adapters.main_thread import ctrl_c_kept
from edge_centre.adapters.paho_centre import CentreConnection, Heard

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 10.0
_LAST_TRY_S = 1.0
"""How long an end waits for a broker that is just letting us in, so that this one hears a farewell."""
_TAKEN_OVER = "Session taken over"
_LOG = logging.getLogger(__name__)


class Link:
    """One broker. Everything but `start` and `close` may be called from any thread."""

    def __init__(
        self, make: Callable[[], CentreConnection], filters: Sequence[str], on_tried: Callable[[bool], None]
    ) -> None:
        """`make` makes a connection that is not open yet; `on_tried` hears after each try, on the
        link's thread, whether the broker has let us in."""
        self._make = make
        self._filters = [*filters]
        self._on_tried = on_tried
        self._closing = threading.Event()
        self._connection: CentreConnection | None = None
        self._thread = threading.Thread(target=self._open, name="centre-link", daemon=True)
        self.trouble = ""
        """Why the last try failed; empty if it did not."""
        self.was_tried = False

    def start(self) -> None:
        """Begin to connect."""
        with ctrl_c_kept():
            self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether the broker has let us in once."""
        return self._connection is not None

    def send(self, topic: str, message: Signed) -> None:
        """Send without waiting; nothing while there is no connection, as a signature does not keep."""
        connection = self._connection
        if connection is not None and connection.is_up:
            connection.send(topic, message.token, message.expiry_s)

    def retain(self, topic: str, message: Signed | None) -> None:
        """Have the broker keep a message, or with None forget it; return when it has confirmed. Raises BrokerError."""
        connection = self._connection
        if connection is None or not connection.is_up:
            raise BrokerError(self.trouble or "the connection is lost")
        token, expiry_s = (b"", None) if message is None else message[:2]
        connection.publish(topic, token, expiry_s, retain=True)

    def close(self) -> None:
        """Say that we go, and end the connection."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(_LAST_TRY_S)
        connection, self._connection = self._connection, None  # it closes its last sockets when it is freed
        if connection is not None:
            connection.close()

    def _open(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._closing.is_set():
            connection: CentreConnection | None = None
            try:
                connection = self._make()
                connection.open(self._filters)
            except BrokerError as error:
                self.trouble, connection = str(error), None
            else:
                self.trouble, self._connection = "", connection
            self.was_tried = True
            self._on_tried(connection is not None)
            if connection is not None:
                if self._closing.is_set():
                    connection.close()
                return
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def alarm_link(
    url: str, tls: TlsFiles | None, client_id: str, filters: Sequence[str], on_message: Callable[[Heard], None]
) -> Link:
    """Return the second session at a broker, of alarms alone: none waits behind what has piled up in the first.

    A broker that does not let it in is no more than a line in the log, as the first session brings alarms, too.
    """
    said = {""}

    def make() -> CentreConnection:
        # Tried so often that it is back before the first session, which brings what all devices have retained.
        return CentreConnection(url, tls, on_message, linked, client_id=client_id, longest_pause_s=1)

    def warn(why: str) -> None:
        if why not in said:
            said.add(why)
            _LOG.warning(
                "%s: alarms may wait behind what has piled up, as their own session is not let in: %s", url, why
            )

    def linked(up: bool, why: str) -> None:
        if not up and why == _TAKEN_OVER:  # or else the two sessions would throw each other out for ever
            warn("this broker gives it the client id of the first session")
            threading.Thread(target=this.close, name="centre-link-end", daemon=True).start()

    make()
    this = Link(make, filters, lambda _: warn(this.trouble))
    return this
