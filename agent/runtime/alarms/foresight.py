"""The next press of every input, worked out before it comes.

Code that has not run for a while is slow. To decide on a press and to write it down from nothing takes half a
millisecond, of which only the time, the number and an identifier were not known beforehand.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from agent.contract.envelope import Drafts
from agent.contract.template import Stencil
from agent.core.alarms.alarm import AlarmBook
from agent.core.alarms.persistence import encode_alarm
from agent.outbox.outbox import Outbox, Prepared
from agent.runtime.alarms.persistence import ALARM_KEY

_RAISED_AT = "@raised-at@"
_EDGE_NS = 8_888_888_888_888_881
_SINCE_NS = 8_888_888_888_888_882


class Accepted(NamedTuple):
    """What the message of a press says, and the alarm book must say as well."""

    alarm_id: str
    raised_at: str
    """Empty for one more press of an open alarm."""


class _Press(NamedTuple):
    alarm_id: str
    is_new: bool
    prepared: Prepared


class Foresight:
    """Used under the pipeline's lock. Whoever changes the alarms calls `forget`."""

    def __init__(self, book: AlarmBook, outbox: Outbox, drafts: Drafts, *, has_camera: bool) -> None:
        """With a camera a new alarm says what it sees, which can't be known beforehand."""
        self._inputs = tuple(book.inputs)
        self._book = book
        self._outbox = outbox
        self._drafts = drafts
        self._has_camera = has_camera
        self._presses: dict[str, _Press | None] = {}

    def forget(self) -> None:
        """The alarms change: what was worked out is no longer so."""
        self._presses.clear()

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing to work out."""
        return len(self._presses) == len(self._inputs)

    def work_out_one(self) -> None:
        """Work out the press of one input that is not worked out yet."""
        name = next((name for name in self._inputs if name not in self._presses), None)
        if name is not None:
            self._presses[name] = self._work_out(name)

    def accept(self, input_name: str, edge_ns: int, raised_at: Callable[[], str]) -> Accepted | None:
        """Have the outbox accept the message of a press; None, and nothing happens, when it was not worked out."""
        press = self._presses.get(input_name)
        if press is None:
            return None
        if not press.is_new:
            self._outbox.accept_prepared(press.prepared, {})
            return Accepted(press.alarm_id, "")
        time = raised_at()
        self._outbox.accept_prepared(press.prepared, {"edge_ns": edge_ns, "since_ns": edge_ns, "raised_at": time})
        return Accepted(press.alarm_id, time)

    def _work_out(self, name: str) -> _Press | None:
        change = self._book.foresee(name, _EDGE_NS, self._outbox.new_id(), _RAISED_AT, None)
        is_new = change.change == "raised"
        if is_new and self._has_camera:
            return None
        alarm = replace(change.alarm, since_ns=_SINCE_NS) if is_new else change.alarm
        said = {"raised_at": _RAISED_AT} if is_new else {}
        counted = {"edge_ns": str(_EDGE_NS), "since_ns": str(_SINCE_NS)} if is_new else {}
        draft = self._drafts.alarm("raised" if is_new else "updated", alarm.data)
        alarm_id = alarm.data.alarm_id
        try:
            kept = {ALARM_KEY + alarm_id: Stencil(encode_alarm(alarm), said | counted)}
            return _Press(alarm_id, is_new, self._outbox.prepare(draft, said, kept))
        except ValueError:  # a text in the settings looks like one of the blanks
            return None
