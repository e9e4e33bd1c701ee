"""How often frames are looked at, and how long a look takes: counted by one thread, read by another."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaceReport:
    """The pace since the report before. `inference_ms` is a mean, 0 when nothing was looked at."""

    frames_total: int
    frames_per_second: float
    inference_ms: float


class Pace:
    """Counts looks. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = 0
        self._since = 0
        self._spent_ns = 0
        self._reported_ns: int | None = None

    def add(self, spent_ns: int) -> None:
        """One frame was looked at."""
        with self._lock:
            self._total += 1
            self._since += 1
            self._spent_ns += spent_ns

    def report(self, now_ns: int) -> PaceReport:
        """The pace since the last report; the first one has no span and tells a rate of 0."""
        with self._lock:
            span_s = 0.0 if self._reported_ns is None else (now_ns - self._reported_ns) / 1e9
            rate = self._since / span_s if span_s > 0 else 0.0
            mean_ms = self._spent_ns / self._since / 1e6 if self._since else 0.0
            self._since = self._spent_ns = 0
            self._reported_ns = now_ns
            return PaceReport(self._total, rate, mean_ms)
