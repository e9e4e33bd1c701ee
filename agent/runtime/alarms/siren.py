"""The part `siren`: drives the siren for the open alarms, and reports what it does."""

import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from agent.contract.events import SirenData
from agent.contract.messages import Status
from agent.core.alarms.alarm_book import OpenAlarm
from agent.core.alarms.siren import Siren, SirenChange, SirenRules, Turn
from agent.core.errors import HardwareError
from agent.outbox.outbox import Outbox
from agent.ports import Siren as SirenPort
from agent.runtime.supervision.context import Context

SIREN = "siren"
"""The name of this part in the health message."""
SIREN_KEY = "siren/"
"""Prefix of the keys under which the outbox's state keeps the siren's turns across a restart; the alarm's identifier
follows."""
CHIRP_NS = 300_000_000
"""How long it sounds in a self-test that may try it."""
_RETRY_NS = 10**9

log = logging.getLogger(__name__)


class SirenController:
    """`update` on the pipeline's thread, without its lock: a press waits neither for the pin nor for the reports.

    `chirp`, `is_on`, `figures` and `close` from any thread; `start` before the pipeline's thread.
    """

    def __init__(
        self,
        *,
        rules: SirenRules,
        earnest: Status,
        port: SirenPort,
        outbox: Outbox,
        context: Context,
    ) -> None:
        """`earnest` is the status of an alarm that is no test."""
        self._siren = Siren(rules, earnest, context.clock.boot_id, partial(_kept, outbox))
        self._port = port
        self._outbox = outbox
        self._reporter = context.reporter
        self._clock = context.clock
        self._board = context.board
        context.board.add_figures(SIREN, self.figures)
        self._is_on: bool | None = None
        """What the pin was last set to; None before that, and when that failed."""
        self._retry_ns = 0
        self._lock = threading.Lock()
        """Held by each update, and by `close`, which ends them."""
        self._closed = False
        self._chirp_asked = False
        self._chirp_until_ns = 0
        self.chirped: bool | None = None
        """Whether the pin read back as on at the last chirp that was asked for; None until it has been made."""

    def start(self) -> None:
        """Claim the line, silent. A failure is reported, and tried again later."""
        self._drive(on=False, now_ns=self._clock.boottime_ns())

    def update(self, alarms: Sequence[OpenAlarm]) -> None:
        """Sound, or fall silent, as these open alarms and the time require."""
        with self._lock:
            if not self._closed:
                self._update(alarms)

    def _update(self, alarms: Sequence[OpenAlarm]) -> None:
        now_ns = self._clock.boottime_ns()
        changes = self._siren.update([alarm.data for alarm in alarms], now_ns)
        chirps = False
        if self._chirp_asked:  # cleared only after it is read, as another thread sets it
            self._chirp_asked = False
            chirps = not alarms
        if chirps:
            self._chirp_until_ns = now_ns + CHIRP_NS
        self._drive(on=bool(self._siren.sounds_for) or now_ns < self._chirp_until_ns, now_ns=now_ns)
        if chirps:  # read back here: the self-test that waits for it may come too late
            self.chirped = self._reads_on()
        for alarm_id, turn in self._siren.unkept.items():
            self._outbox.keep(SIREN_KEY + alarm_id, None if turn is None else turn.encode())
        self._report(changes)

    def next_due_ns(self) -> int | None:
        """Return when `update` next has something to do."""
        if self._closed:
            return None
        chirp_ns = self._chirp_until_ns if self._is_on and not self._siren.sounds_for else None
        return min((at for at in (self._siren.next_due_ns(), chirp_ns) if at is not None), default=None)

    def chirp(self) -> None:
        """Sound for a moment, for a self-test, within half a second; not while an alarm is open."""
        self.chirped = None
        self._chirp_asked = True

    def is_on(self) -> bool:
        """Return whether it is on, as its pin reads back. Raises HardwareError."""
        return self._port.is_on()

    def figures(self) -> dict[str, Any]:
        """Return its figures for the health message."""
        return {"on": self._is_on is True, "alarms": list(self._siren.sounds_for)}

    def close(self) -> None:
        """Silence the siren, and release the line."""
        with self._lock:
            self._closed = True
            changes = self._siren.leave_off(self._clock.boottime_ns())
            self._port.close()
            self._is_on = False
        self._report(changes)

    def _drive(self, *, on: bool, now_ns: int) -> None:
        if on is self._is_on or (self._is_on is None and now_ns < self._retry_ns):
            return
        try:
            self._port.sound(on)
        except HardwareError as error:
            self._is_on, self._retry_ns = None, now_ns + _RETRY_NS
            self._board.report(SIREN, ok=False, detail=str(error))
        else:
            self._is_on = on
            self._board.report(SIREN, ok=True)

    def _reads_on(self) -> bool:
        try:
            return self._port.is_on()
        except HardwareError:  # the self-test reports that it could not be switched on
            return False

    def _report(self, changes: Sequence[SirenChange]) -> None:
        for change in changes:
            data = SirenData(
                alarm_id=change.alarm.alarm_id,
                input=change.alarm.input,
                reason=change.reason,
                sounded_ms=change.sounded_ns // 1_000_000,
                driven=self._is_on is not None,
            )
            self._reporter.publish(self._reporter.make.siren(change.sounds, data))
            log.warning("siren %s for alarm %s: %s", "on" if change.sounds else "off", data.alarm_id, data.reason)


def _kept(outbox: Outbox, alarm_id: str) -> Turn | None:
    text = outbox.kept(SIREN_KEY + alarm_id).get(SIREN_KEY + alarm_id)
    return None if text is None else Turn.decode(text)
