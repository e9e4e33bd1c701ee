"""The daily self-test: when it is due, and what its last outcome was. Pure: the caller passes the time."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import time

from agent.contract.vocabulary import Codes

CODES: Codes = {"contact_id": "602", "sia": "RP"}
NEEDED_TO_BE_HEARD = frozenset({"uplink", "centre"})
"""Steps without which nobody would hear of a press. If one of them fails, the kiosk is out of service."""

_DAY_NS = 24 * 3600 * 10**9
_EARLY_NS = 12 * 3600 * 10**9
"""A test counts for a time of day even if it ran early, by up to this much."""
_BLIND_NS = 6 * 3600 * 10**9
"""With the clock not set and the age of the last test unknown, a test is due when the agent has run for this long."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: CLOCK_BOOTTIME of a boot, and milliseconds since 1970 if the clock is set."""

    boot_id: str
    boottime_ns: int
    unix_ms: int | None

    def ns_since(self, earlier: "Moment") -> int | None:
        """Return how long after `earlier` this is; None if that can't be known. Within one boot it always can."""
        if self.boot_id == earlier.boot_id:
            return self.boottime_ns - earlier.boottime_ns
        if self.unix_ms is None or earlier.unix_ms is None or self.unix_ms < earlier.unix_ms:
            return None
        return (self.unix_ms - earlier.unix_ms) * 10**6


@dataclass(frozen=True, slots=True)
class LastTest:
    """The last self-test that finished. `time` is the wall clock at its end, for display."""

    at: Moment
    time: str
    failed: tuple[str, ...]
    """The steps that failed."""

    @property
    def heard(self) -> bool:
        """Whether somebody would hear of a press, as far as the test could tell."""
        return not NEEDED_TO_BE_HEARD & frozenset(self.failed)

    def encode(self) -> str:
        """Return the text that is saved for the next start."""
        return json.dumps({"at": asdict(self.at), "time": self.time, "failed": self.failed})

    @classmethod
    def decode(cls, text: str) -> "LastTest | None":
        """Return the test that was saved; None if the text can't be read, as if there had been no test."""
        try:
            kept = json.loads(text)
            at = Moment(str(kept["at"]["boot_id"]), int(kept["at"]["boottime_ns"]), kept["at"]["unix_ms"])
            if at.unix_ms is not None and not isinstance(at.unix_ms, int):
                return None
            return cls(at, str(kept["time"]), tuple(map(str, kept["failed"])))
        except (ValueError, TypeError, KeyError):
            return None


class Timetable:
    """Once a day, at a time of day, but not for all kiosks in the same second."""

    def __init__(
        self, *, at: time, spread_s: float, device: str, started_ns: int, soonest_s: float, retry_s: float
    ) -> None:
        """`at` is UTC unless it has an offset; each device has its own place in the `spread_s` after it. No test is due
        before the agent has run for `soonest_s`. After a test that shows that nobody would hear of a press, the next is
        due after `retry_s`."""
        offset = at.utcoffset()
        since_midnight_s = at.hour * 3600 + at.minute * 60 + at.second - (offset.total_seconds() if offset else 0)
        place = int.from_bytes(hashlib.sha256(device.encode()).digest()[:8]) / 2**64
        self.of_day_ns = int((since_midnight_s + place * spread_s) * 1e9) % _DAY_NS
        """Nanoseconds after midnight UTC."""
        self._soonest_ns = started_ns + int(soonest_s * 1e9)
        self._blind_ns = started_ns + _BLIND_NS
        self._retry_ns = int(retry_s * 1e9)

    def is_due(self, last: LastTest | None, now: Moment) -> bool:
        """Return whether a test is due now; `last` is the last one that finished, in this run or an earlier one."""
        if now.boottime_ns < self._soonest_ns:
            return False
        if last is None:
            return True
        since_ns = now.ns_since(last.at)
        if not last.heard and (since_ns is None or since_ns >= self._retry_ns):
            return True
        if now.unix_ms is None:
            return now.boottime_ns >= self._blind_ns if since_ns is None else since_ns >= _DAY_NS
        # How long ago the time of day last came, by the current clock. What the clock said at the last test does not
        # matter, because it may have been set since.
        due_for_ns = (now.unix_ms * 10**6 - self.of_day_ns) % _DAY_NS
        return since_ns is None or since_ns >= due_for_ns + _EARLY_NS
