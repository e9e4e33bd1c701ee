"""Mutants that change nothing anybody could notice, each with the reason. Few: most such code is better deleted."""

from typing import NamedTuple


class Equivalent(NamedTuple):
    """In `function` (of a class: `Class.method`) of `file`, a line becomes `line`."""

    file: str
    function: str
    line: str
    reason: str


_OUTBOX = "agent/outbox/outbox.py"
_PATHS = "agent/core/delivery/paths.py"
_READ_LATER = "it is set before it is read"

EQUIVALENT = (
    Equivalent(
        "agent/core/delivery/backoff.py",
        "Backoff.failed",
        "ceiling_s = min(self._longest_s, self._ceiling_s * 2 ** min(self._failures, 31))",
        "the longest is reached long before",
    ),
    Equivalent(
        "agent/core/inputs/pair.py",
        "Pair.tick",
        "changes = [InputFault(self._name, fault, False, ns) for fault, ns in self._faults.items()]",
        "there were no changes before",
    ),
    Equivalent(_PATHS, "Paths.ask", 'self._asked[reason] = ""', "only the keys count"),
    Equivalent(_PATHS, "Paths.ask", "self._asked.popitem(last=None)", "None is as false as False"),
    Equivalent("agent/contract/uuid7.py", "Uuid7Source.__init__", "self._last = 1", "1970 is long over"),
    Equivalent(_OUTBOX, "Outbox.__init__", "keep_free_bytes: int = 1,", "one byte is as good as none"),
    Equivalent(
        _OUTBOX, "Outbox.__init__", "self._on_ready: Callable[[], None] = lambda: 0", "nobody looks at what it returns"
    ),
    Equivalent(_OUTBOX, "Outbox.__init__", "self._has_all_state = self._is_known_at_start = None", _READ_LATER),
    Equivalent(_OUTBOX, "Outbox.__init__", "self._has_all_state = self._is_known_at_start = True", _READ_LATER),
    Equivalent(
        _OUTBOX,
        "Outbox.take",
        "unix_ms = self._unix_ms() if (foreign) or True else 0",
        "within a boot the age is not taken from it",
    ),
    Equivalent(
        _OUTBOX,
        "Outbox.take",
        "unix_ms = self._unix_ms() if foreign else 1",
        "within a boot the age is not taken from it",
    ),
)
