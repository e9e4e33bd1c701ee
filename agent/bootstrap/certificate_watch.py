"""When the device's own certificate ends, and what keeps it from being renewed, for the centre."""

import logging
from contextlib import suppress

from agent.adapters.binding import read_binding, read_enrolled
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

    `tick` on the thread `config`, whose work needs a disk anyway; `ends` and `trouble` have their figures from any."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._cert, self._key = settings.mqtt.cert_file, settings.mqtt.key_file
        self._state = settings.storage.directory
        self._probe = common_name(settings.identity.probe)
        self._clock = context.clock
        self._due_ns: int | None = None
        self._in_time = InTime()
        self._ends, self._trouble = _Figure(), _Figure()
        context.board.add_figures("certificate_ends", self._ends)
        context.board.add_figures("certificate_trouble", self._trouble)

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
        """Read the files, on a thread of its own: a disk that hangs may hold it for ever."""
        # The start of the agent must not load them.
        from agent.core.diagnosis.certificate import trouble_with  # noqa: PLC0415
        from agent.trust.x509_files import own_and_first_end  # noqa: PLC0415

        assert self._cert is not None
        try:
            own, first_end = own_and_first_end(self._cert, self._key or self._cert, self._probe)
            binding = read_binding(self._cert, self._state)
            enrolled = None if binding is None else read_enrolled(binding, self._state)
            trouble = trouble_with(own, enrolled, self._clock.wall())
            self._ends.told, self._trouble.told = rfc3339(first_end), trouble
        except (BrokerError, StorageError) as error:
            log.warning("nobody is told when the certificate ends: %s", error)
            self._ends.told, self._trouble.told = None, str(error).partition(" ([mqtt] ")[0]
        except Exception:
            log.exception("nobody is told when the certificate ends")
            self._ends.told = self._trouble.told = None


class _Figure:
    """One field of the health message."""

    def __init__(self) -> None:
        self.told: str | None = None

    def figures(self) -> str | None:
        """Return what was found last; None for nothing."""
        return self.told
