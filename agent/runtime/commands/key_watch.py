"""Watches the key set, which says who may command, while the agent runs; reports the part `commands`."""

import logging
import threading
import time
from collections.abc import Mapping

from agent.core.errors import SettingsError
from agent.runtime.supervision.context import Context
from agent.trust.jose_keys import KeyRing, PublicKey

_PATIENCE_NS = 2 * 10**9
"""How long a new file may be unreadable before that is reported: it may be half written."""
_YOUNG_NS = 2 * 10**9
"""A file that changed less than this ago is read again: it may change twice within one tick of the file system's
clock."""

log = logging.getLogger(__name__)


class KeyWatch:
    """Reads the key set again when its file has changed. `tick` on one thread, `broker_refuses` from any."""

    def __init__(self, ring: KeyRing, context: Context) -> None:
        """Read the file for the first time; without usable keys every command is refused, and the part says why."""
        self._ring = ring
        self._board = context.board
        self._security = context.security
        self._clock = context.clock
        self._lock = threading.Lock()
        self._trouble = self._refused = ""
        self._stamp = ring.stamp()
        self._broken_since_ns: int | None = None
        if self._stamp is None:
            self._report(trouble="no key set: give [commands] keys, made by edge-centre keygen")
            return
        try:
            ring.reload()
        except SettingsError as error:
            self._report(trouble=str(error))
        else:
            self._report(trouble="")

    def tick(self) -> None:
        """Read the file again if it has changed; a key that is gone from it is no longer obeyed."""
        stamp = self._ring.stamp()
        if stamp is None or stamp == self._stamp:
            return
        before, now_ns = dict(self._ring.keys), self._clock.boottime_ns()
        try:
            self._ring.reload()
        except SettingsError as error:
            self._broken_since_ns = now_ns if self._broken_since_ns is None else self._broken_since_ns
            if now_ns - self._broken_since_ns >= _PATIENCE_NS:
                self._stamp, self._broken_since_ns = stamp, None
                log.error("the key set has changed and can't be used, the old one stays in force: %s", error)  # noqa: TRY400
                self._report(trouble=f"the old keys stay in force: {error}")
            return
        self._broken_since_ns = None
        if abs(time.time_ns() - stamp[0]) > _YOUNG_NS:
            self._stamp = stamp
        self._report(trouble="")
        self._report_changes(before, self._ring.keys)

    def broker_refuses(self, detail: str) -> None:
        """Report what the broker does not let this device subscribe to; empty when it allows everything."""
        self._report(refused=detail)

    def _report_changes(self, before: Mapping[str, PublicKey], after: Mapping[str, PublicKey]) -> None:
        came, went = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
        changed = sorted(kid for kid in before.keys() & after.keys() if before[kid] != after[kid])
        kinds = {"came": came, "went": went, "changed": changed}
        text = "; ".join(f"{what}: {', '.join(kids)}" for what, kids in kinds.items() if kids)
        if text:
            self._security.report("keys-changed", text, came=came, went=went, changed=changed)

    def _report(self, *, trouble: str | None = None, refused: str | None = None) -> None:
        with self._lock:
            self._trouble = self._trouble if trouble is None else trouble
            self._refused = self._refused if refused is None else refused
            detail = self._trouble or self._refused
            self._board.report("commands", ok=not detail, detail=detail)
