"""When the device's own certificate ends, for the centre, which must renew it in time."""

import logging
from contextlib import suppress

from agent.adapters.in_time import InTime
from agent.contract.envelope import rfc3339
from agent.contract.identity import common_name
from agent.core.errors import BrokerError, StorageError
from agent.runtime.supervision.context import Context
from agent.settings import Settings

_FIRST_AFTER_NS = 10 * 10**9
"""The first look comes when the kiosk is ready and the thread `keys` has loaded the library, which it shares."""
_EVERY_NS = 3600 * 10**9

log = logging.getLogger(__name__)


class CertificateWatch:
    """Reads the files again now and then, because whoever renews the certificate tells nobody.

    `tick` on the thread `config`, whose work needs a disk anyway; `figures` from any."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._cert, self._key = settings.mqtt.cert_file, settings.mqtt.key_file
        self._probe = common_name(settings.identity.probe)
        self._clock = context.clock
        self._due_ns: int | None = None
        self._in_time = InTime()
        self._ends: str | None = None
        context.board.add_figures("certificate_ends", self)

    def figures(self) -> str | None:
        """Return the end in RFC 3339, as it was last read; None if there is none or it can't be read."""
        return self._ends

    def tick(self) -> None:
        """Read the files if it is time. Takes no longer than a disk is waited for."""
        now_ns = self._clock.boottime_ns()
        if self._due_ns is None:
            self._due_ns = now_ns + _FIRST_AFTER_NS
        if self._cert is None or now_ns < self._due_ns:
            return
        self._due_ns = now_ns + _EVERY_NS
        with suppress(StorageError):  # a disk that does not answer has not changed the certificate
            self._in_time(self._read)

    def _read(self) -> None:
        """Read the files, on a thread of its own: a disk that hangs may hold it for ever, and it is the only one."""
        from agent.adapters.x509_files import first_end  # noqa: PLC0415 - the start of the agent must not load it

        assert self._cert is not None
        try:
            self._ends = rfc3339(first_end(self._cert, self._key or self._cert, self._probe))
        except BrokerError as error:
            log.warning("nobody is told when the certificate ends: %s", error)
            self._ends = None
        except Exception:
            log.exception("nobody is told when the certificate ends")
            self._ends = None
