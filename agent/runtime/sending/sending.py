"""The thread `sending`: chooses the next segment and its URL, and tells the centre what is wanted and what is there.

Segments come from recorders by way of the spool, a directory in memory that outlives all of these processes. Nobody
waits for this thread.
"""

import logging
import os
import queue
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from agent.contract.commands import UploadUrlsArgs
from agent.contract.messages import AlarmData
from agent.contract.times import TimeQuality
from agent.core.camera.segment import Segment
from agent.core.delivery import upload_budget
from agent.core.delivery.backoff import Backoff
from agent.core.delivery.upload_link import Done, Put
from agent.core.delivery.upload_turns import Turns
from agent.core.delivery.upload_urls import PREFIX, Target, UploadUrls, Url, fault_of, host_of
from agent.outbox.alarms_first import AlarmsFirst
from agent.outbox.outbox import Outbox
from agent.runtime.sending.reports import UploadReports
from agent.runtime.sending.rules import Allowed, UploadRules
from agent.runtime.sending.spool import Spool, Waiting
from agent.runtime.sending.uploader import Uploader
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.data_use import DataUse
from agent.runtime.uplink.publisher import Publisher

_LOOK_S = 0.25
_KEEP_NS = 15 * 60 * 10**9
_DISK_S = 2.0
_REFUSALS, _AT_ONCE = 5, 2
"""So many URLs of a segment may be refused, and after so many of them another is wanted at once."""
log = logging.getLogger(__name__)


class Sending:
    """`allow`, `pressed` and `figures` from any thread, the rest from its own."""

    def __init__(
        self,
        rules: UploadRules,
        uploader: Uploader,
        context: Context,
        outbox: Outbox,
        publisher: Publisher,
        backoff: Callable[[], Backoff] | None = None,
        data: DataUse | None = None,
    ) -> None:
        self._rules = rules
        self._clock, self._reports = context.clock, UploadReports(context.reporter)
        self._outbox = outbox
        self._publisher = publisher
        self._data = data
        self._turns = Turns(backoff or partial(Backoff, longest_s=30.0))
        self._alarms = AlarmsFirst(outbox)
        self._spool = Spool(rules.spool, rules.cameras)
        self._uploader = uploader
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._given: queue.SimpleQueue[list[Url]] = queue.SimpleQueue()
        self._repeats: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._urls: UploadUrls | None = None
        self._under_way: tuple[Segment, Target] | None = None
        self._number = 0
        self._is_pressed = False
        self._was_connected = False
        self._budget = upload_budget.MonthBudget(rules.month_bytes, outbox.new_id())
        self._is_known = False
        """Whether a disk that was late has told what earlier runs have kept."""
        self._detail = ""

    @contextmanager
    def running(self, supervisor: Any) -> Iterator[None]:
        """Run on a thread of its own while entered."""
        try:
            with supervisor.thread("sending", self, essential=False, wake=self._ring):
                yield
        finally:
            self._uploader.close()
            wake, self._wake = self._wake, -1
            os.close(wake)

    def allow(self, args: UploadUrlsArgs) -> Allowed:
        """Take URLs, as far as they are good. Never blocks."""
        good, refused = [], []
        for each in args.urls:
            fault = fault_of(each.url, self._rules.hosts, is_simulated=self._rules.is_simulated)
            if fault is None:
                good.append(Url(each.url, args.expires, each.name))
            else:
                refused.append(fault)
        if good and args.expires <= self._clock.wall().timestamp():
            good, refused = [], ["they have expired already"]
        self._given.put(good)
        self._ring()
        return Allowed(len(good), sorted(set(refused)), sorted({host_of(each.url) for each in good}))

    def repeat(self, clip: str) -> None:
        """Say again what of this clip a store has taken since the start. Never blocks."""
        self._repeats.put(clip)
        self._ring()

    def pressed(self, alarm: AlarmData) -> None:
        """An alarm was raised, or pressed again: its message and its picture go first, and then its segments. Never
        blocks."""
        self._alarms.pressed(alarm, self._clock.boottime_ns())
        self._is_pressed = True
        self._ring()

    def figures(self) -> dict[str, Any]:
        """Return what `uploads` of the health message has."""
        here = [each.segment for each in self._spool.waiting]
        return {
            "waiting": len(here),
            "waiting_bytes": sum(each.size for each in here),
            "urls": 0 if self._urls is None else len(self._urls),
            "month_bytes": self._budget.used,
            "detail": self._detail,
        }

    def run_once(self, timeout_s: float) -> None:
        """Do what is due, and wait a moment for more."""
        now_ns = self._clock.boottime_ns()
        self._take_urls()
        self._scan(now_ns)
        if self._is_pressed:  # it does not wait for an old failure
            self._is_pressed = False
            self._turns.wake()
        holds = self._alarms.must_hold(now_ns, connected=self._publisher.connected)
        self._uploader.hold(holds=holds)
        if (done := self._uploader.look()) is not None:
            self._done(done)
        if not self._uploader.is_busy and not holds:
            self._next(now_ns)
        self._ask(now_ns)
        with suppress(queue.Empty):
            self._reports.repeat(self._repeats.get_nowait())
        reads: list[Any] = [self._wake, *filter(None, [self._uploader.socket])]
        ready, _, _ = select.select(reads, [], [], min(timeout_s, _LOOK_S))
        if self._wake in ready:
            with suppress(OSError):
                os.eventfd_read(self._wake)

    def _ring(self) -> None:
        with suppress(OSError):  # it is closed: nobody waits any more
            os.eventfd_write(self._wake, 1)

    def _now_s(self) -> float:
        return self._clock.wall().timestamp()

    def _take_urls(self) -> None:
        is_known = self._outbox.writer.is_known
        if self._urls is None or is_known > self._is_known:
            self._is_known = is_known
            self._urls = UploadUrls(self._outbox.kept(PREFIX), self._now_s())
            self._keep(self._budget.restore(self._outbox.kept(upload_budget.PREFIX)))
        with suppress(queue.Empty):
            while True:
                self._keep(self._urls.add(self._given.get_nowait(), self._now_s()))

    def _keep(self, changes: dict[str, str | None], *, wait: bool = False) -> None:
        safe = [self._outbox.keep(key, value) for key, value in changes.items()]
        if wait and not self._outbox.writer.fault:
            for each in safe:
                each.wait(_DISK_S)

    # --- what waits

    def _scan(self, now_ns: int) -> None:
        """Find what recorders have put into the spool, and forget what nobody has wanted for long."""
        for gone in self._spool.scan(now_ns):
            self._turns.forget(gone.name)
        for each in self._spool.waiting:
            if each.segment.lost:
                self._lose(each.segment, each.segment.lost)
            elif now_ns - each.since_ns > _KEEP_NS and not self._is_under_way(each.segment):
                self._lose(each.segment, self._why_not(each))

    def _why_not(self, each: Waiting) -> str:
        """Why it was not sent in all that time."""
        assert self._urls is not None
        if self._urls.find(each.segment.name, self._now_s(), may_bind=True) is not None:
            return f"it could not be sent in 15 minutes: {self._detail or 'others went first'}"
        return "no URL came for it in 15 minutes" if each.said_ns else "nobody could be asked for a URL in 15 minutes"

    def _forget(self, segment: Segment) -> None:
        self._spool.remove(segment)
        self._turns.forget(segment.name)

    def _lose(self, segment: Segment, why: str) -> None:
        if not segment.is_end:
            self._reports.failed(segment, f"{why}; it stays on the card")
        self._forget(segment)

    def _is_under_way(self, segment: Segment) -> bool:
        return self._under_way is not None and self._under_way[0] == segment

    # --- what leaves

    def _next(self, now_ns: int) -> None:
        """Begin the most urgent PUT that there is a URL for, at a host that does not rest."""
        assert self._urls is not None
        # Read in this order: a clock that is being set is not taken for one that is set.
        is_set = self._clock.quality() is not TimeQuality.UNSYNCED
        self._keep(self._budget.tick(f"{self._clock.wall():%Y-%m}" if is_set else "", now_ns))
        if self._budget.is_used_up or (self._data is not None and self._data.is_used_up):
            self._detail = "what may be sent in this month was sent"
            return
        best: tuple[int, Segment, Target] | None = None
        lacks, resting = False, self._turns.resting_hosts(now_ns)
        for segment in (each.segment for each in self._spool.waiting):
            if segment.is_end and not self._spool.is_alone(segment):
                continue
            target = self._urls.find(segment.name, self._now_s(), may_bind=not segment.is_end, but_not=resting)
            if target is None:
                lacks = True
                continue
            rank = self._turns.rank(segment.name, host_of(target.url), now_ns)
            if rank is not None and (best is None or rank < best[0]):
                best = rank, segment, target
        if best is not None:
            self._begin(best[1], best[2])
        elif not resting:
            self._detail = "segments wait for a URL" if lacks else self._detail if self._spool.waiting else ""

    def _begin(self, segment: Segment, target: Target) -> None:
        assert self._urls is not None
        self._detail = ""
        self._keep({**self._urls.bind(target.key, segment.name), **self._budget.reserve(segment.size)}, wait=True)
        self._number += 1
        ca_file = None if self._rules.ca_file is None else str(self._rules.ca_file)
        self._under_way = segment, target
        try:
            media = str(self._spool.media(segment))
            self._uploader.put(Put(self._number, media, target.url, ca_file, self._rules.bytes_s))
        except OSError as error:
            self._done(Done(self._number, 0, 0, f"the uploader can't be started: {error}"))

    def _done(self, done: Done) -> None:
        assert self._urls is not None
        if self._under_way is None:
            return
        (segment, target), self._under_way = self._under_way, None
        self._keep(self._budget.settle(done.sent))
        host = host_of(target.url)
        if done.may_go_later:
            self._detail = done.detail
            delay_s = self._turns.failed(segment.name, host, self._clock.boottime_ns(), done.retry_after_s or 0.0)
            log.warning("an upload to %s did not end: %s; next try in %.0f s", host, done.detail, delay_s)
            return
        self._turns.answered(host)
        if not done.is_there:
            detail = done.detail if done.is_ours else "the store's checksum is of something else"
            self._refused(segment, target, detail)
            return
        self._reports.uploaded(segment, target)
        self._keep(self._urls.used(target.key))
        self._forget(segment)

    def _refused(self, segment: Segment, target: Target, detail: str) -> None:
        """The URL is of no use: another one."""
        assert self._urls is not None
        self._keep(self._urls.drop(target.key))
        self._detail = detail
        each = self._spool.find(segment)
        if each is None or segment.is_end:
            return
        each.refusals += 1
        each.said_ns = None if each.refusals <= _AT_ONCE else self._clock.boottime_ns()
        if each.refusals >= _REFUSALS:
            self._lose(segment, detail)
        else:
            self._reports.failed(segment, detail, host_of(target.url))

    # --- what the centre hears

    def _ask(self, now_ns: int) -> None:
        """Say which segments want a URL: each at once, and again while it has none."""
        assert self._urls is not None
        if not self._publisher.connected or not self._was_connected:
            self._was_connected = self._publisher.connected
            for each in self._spool.waiting:
                each.said_ns = None
            return
        now_s = self._now_s()
        lacking = [
            each
            for each in self._spool.waiting
            if not self._is_under_way(each.segment)
            and self._urls.find(each.segment.name, now_s, may_bind=not each.segment.is_end) is None
        ]
        self._reports.wanted(lacking, now_ns)
