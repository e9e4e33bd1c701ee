"""The thread `sending`: chooses the next segment and its URL, and tells the centre what is wanted and what is there.

Segments come from recorders by way of the spool, a directory in memory that outlives all of these processes. Nobody
waits for this thread.
"""

import logging
import os
import queue
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from agent.contract.commands import UploadUrlsArgs
from agent.contract.evidence import EvidenceChange, EvidenceData
from agent.contract.messages import AlarmData
from agent.core.camera.segment import MEDIA, NOTE, Segment, read_note
from agent.core.delivery.backoff import Backoff
from agent.core.delivery.upload_link import Done, Put
from agent.core.delivery.upload_urls import PREFIX, Target, UploadUrls, Url, fault_of, host_of, place_of
from agent.outbox.outbox import Outbox
from agent.runtime.sending.uploader import Uploader
from agent.runtime.supervision.context import Context

MONTH_KEY = "upload/month"
_LOOK_S = 0.25
_PICTURE_NS, _NO_PICTURE_NS = 2 * 10**9, 7 * 10**8
"""How long a segment waits for the picture of an alarm that was just raised, and where none comes at all."""
_HOLD_NS = 30 * 10**9
"""An alarm message that no broker takes for longer holds no segment up."""
_AGAIN_NS = 30 * 10**9
_KEEP_NS = 15 * 60 * 10**9
_DISK_S = 2.0
_REFUSALS, _AT_ONCE = 5, 2
"""So many URLs of a segment may be refused, and after so many of them another is wanted at once."""
_MOST_NAMES = 32
_BUSY = {408, 425, 429}
log = logging.getLogger(__name__)


class HasConnection(Protocol):
    """The publisher."""

    @property
    def connected(self) -> bool:
        """Whether a broker has accepted us. Any thread."""
        ...


@dataclass(frozen=True, slots=True)
class UploadRules:
    """What the settings say of uploads."""

    spool: Path
    cameras: tuple[str, ...]
    hosts: frozenset[str]
    ca_file: Path | None = None
    bytes_s: int = 0
    month_bytes: int = 0
    is_simulated: bool = False


class Allowed(NamedTuple):
    """What has become of URLs that were given."""

    taken: int
    refused: list[str]
    hosts: list[str]


@dataclass(slots=True)
class _Waiting:
    segment: Segment
    since_ns: int
    said_ns: int | None = None
    """When the centre was last told that it wants a URL."""
    refusals: int = 0


class Sending:
    """`allow`, `pressed` and `figures` from any thread, the rest from its own."""

    def __init__(
        self,
        rules: UploadRules,
        uploader: Uploader,
        context: Context,
        outbox: Outbox,
        publisher: HasConnection,
        backoff: Backoff | None = None,
    ) -> None:
        self._rules = rules
        self._clock, self._reporter = context.clock, context.reporter
        self._outbox = outbox
        self._publisher = publisher
        self._backoff = backoff or Backoff(longest_s=30.0)
        self._uploader = uploader
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._given: queue.SimpleQueue[list[Url]] = queue.SimpleQueue()
        self._urls: UploadUrls | None = None
        self._waiting: dict[Path, _Waiting] = {}
        self._under_way: tuple[Segment, Target] | None = None
        self._number = 0
        self._retry_ns = 0
        self._pressed: tuple[int, bool] = (-(10**18), False)
        self._held_since_ns: int | None = None
        self._was_connected = False
        self._month = ("", 0)
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

    def pressed(self, alarm: AlarmData) -> None:
        """An alarm was raised, or pressed again: its message and its picture go first, and then its segments. Never
        blocks."""
        has_picture = alarm.camera is not None and alarm.camera.snapshot is not None
        self._pressed = self._clock.boottime_ns(), has_picture and alarm.press_count == 1
        self._retry_ns = 0
        self._ring()

    def figures(self) -> dict[str, Any]:
        """Return what `uploads` of the health message has."""
        here = [each.segment for each in list(self._waiting.values())]
        return {
            "waiting": len(here),
            "waiting_bytes": sum(each.size for each in here),
            "urls": 0 if self._urls is None else len(self._urls),
            "month_bytes": self._month[1],
            "detail": self._detail,
        }

    def run_once(self, timeout_s: float) -> None:
        """Do what is due, and wait a moment for more."""
        now_ns = self._clock.boottime_ns()
        self._take_urls()
        self._scan(now_ns)
        holds = self._must_hold(now_ns)
        self._uploader.hold(holds=holds)
        if (done := self._uploader.look()) is not None:
            self._done(done)
        if not self._uploader.is_busy and now_ns >= self._retry_ns and not holds:
            self._next()
        self._ask(now_ns)
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
        if self._urls is None:
            self._urls = UploadUrls(self._outbox.kept(PREFIX), self._now_s())
            month, _, sent = self._outbox.kept(MONTH_KEY).get(MONTH_KEY, "").partition(" ")
            self._month = month, int(sent or 0)
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
        there = set()
        for camera in self._rules.cameras:
            directory = self._rules.spool / camera
            with suppress(OSError):  # nothing was ever recorded
                there |= {directory / name for name in os.listdir(directory) if name.endswith(NOTE)}  # noqa: PTH208
        for gone in self._waiting.keys() - there:
            del self._waiting[gone]
        for note in there - self._waiting.keys():
            segment = read_note(note)
            if segment is not None:
                self._waiting[note] = _Waiting(segment, now_ns)
        for each in list(self._waiting.values()):
            if each.segment.lost:
                self._lose(each.segment, each.segment.lost)
            elif now_ns - each.since_ns > _KEEP_NS and not self._is_under_way(each.segment):
                self._lose(each.segment, "no URL came for it in 15 minutes" if each.said_ns else "it could not be sent")

    def _forget(self, segment: Segment) -> None:
        note = segment.file(self._rules.spool, NOTE)
        self._waiting.pop(note, None)
        for file in (note, segment.file(self._rules.spool, MEDIA)):
            with suppress(OSError):
                file.unlink()

    def _lose(self, segment: Segment, why: str) -> None:
        if not segment.is_end:
            self._tell("upload-failed", segment, reason=f"{why}; it stays on the card")
        self._forget(segment)

    def _is_under_way(self, segment: Segment) -> bool:
        return self._under_way is not None and self._under_way[0] == segment

    # --- what leaves

    def _must_hold(self, now_ns: int) -> bool:
        """Whether a message of an alarm, or its picture, goes first."""
        pressed_ns, has_picture = self._pressed
        age_ns = now_ns - pressed_ns
        picture = has_picture and (age_ns < _NO_PICTURE_NS or (age_ns < _PICTURE_NS and self._outbox.picture_waits))
        waits = self._publisher.connected and (self._outbox.alarm_waits or picture)
        if not waits:
            self._held_since_ns = None
        elif self._held_since_ns is None:
            self._held_since_ns = now_ns
        return self._held_since_ns is not None and now_ns - max(self._held_since_ns, pressed_ns) < _HOLD_NS

    def _next(self) -> None:
        """Begin the most urgent PUT that there is a URL for."""
        assert self._urls is not None
        self._detail = ""
        if self._rules.month_bytes and self._sent_this_month() >= self._rules.month_bytes:
            self._detail = "what may be sent in this month was sent"
            return
        now_s = self._now_s()
        for each in sorted(self._waiting.values(), key=lambda each: each.segment.urgency):
            segment = each.segment
            if segment.is_end and sum(other.segment.clip == segment.clip for other in self._waiting.values()) > 1:
                continue
            target = self._urls.find(segment.name, now_s, may_bind=not segment.is_end)
            if target is None:
                self._detail = self._detail or "segments wait for a URL"
                continue
            self._keep(self._urls.bind(target.key, segment.name), wait=True)
            self._number += 1
            ca_file = None if self._rules.ca_file is None else str(self._rules.ca_file)
            media = segment.file(self._rules.spool, MEDIA)
            try:
                self._uploader.put(Put(self._number, str(media), target.url, ca_file, self._rules.bytes_s))
            except OSError as error:
                self._rest(f"the uploader can't be started: {error}")
            else:
                self._under_way = segment, target
            return

    def _done(self, done: Done) -> None:
        assert self._urls is not None
        if self._under_way is None:
            return
        (segment, target), self._under_way = self._under_way, None
        self._count(done.sent)
        if 200 <= done.status < 300 and done.is_ours:
            self._backoff.failed(1e9)  # the next failure is a first one
            if not segment.is_end:
                about = {"sha256": segment.sha256, "bytes": segment.size, "first": segment.first, "last": segment.last}
                about |= {"begins": segment.begins, "ends": segment.ends, "place": place_of(target.url)}
                self._tell("uploaded", segment, **about)
            self._keep(self._urls.used(target.key))
            self._forget(segment)
        elif done.status == 0 or done.status >= 500 or done.status in _BUSY:
            self._rest(done.detail, done.retry_after_s)
        else:
            detail = done.detail if done.is_ours else "the store's checksum is of something else"
            self._refused(segment, target, detail)

    def _rest(self, detail: str, seconds: float | None = None) -> None:
        """The same again after a while."""
        self._detail = detail
        delay_s = max(self._backoff.failed(), seconds or 0.0)  # a store may ask for more time, never for none
        self._retry_ns = self._clock.boottime_ns() + int(delay_s * 1e9)
        log.warning("an upload did not end: %s; next try in %.0f s", detail, delay_s)

    def _refused(self, segment: Segment, target: Target, detail: str) -> None:
        """The URL is of no use: another one."""
        assert self._urls is not None
        self._keep(self._urls.drop(target.key))
        self._detail = detail
        each = self._waiting.get(segment.file(self._rules.spool, NOTE))
        if each is None or segment.is_end:
            return
        each.refusals += 1
        each.said_ns = None if each.refusals <= _AT_ONCE else self._clock.boottime_ns()
        if each.refusals >= _REFUSALS:
            self._lose(segment, detail)
        else:
            self._tell("upload-failed", segment, place=host_of(target.url), reason=detail)

    def _sent_this_month(self) -> int:
        month = f"{self._clock.wall():%Y-%m}"
        if self._month[0] != month:
            self._month = month, 0
        return self._month[1]

    def _count(self, sent: int) -> None:
        self._month = f"{self._clock.wall():%Y-%m}", self._sent_this_month() + sent
        self._keep({MONTH_KEY: f"{self._month[0]} {self._month[1]}"})

    # --- what the centre hears

    def _ask(self, now_ns: int) -> None:
        """Say which segments want a URL: each at once, and again while it has none."""
        assert self._urls is not None
        if not self._publisher.connected or not self._was_connected:
            self._was_connected = self._publisher.connected
            for each in self._waiting.values():
                each.said_ns = None
            return
        if not self._waiting:
            return
        now_s = self._now_s()
        lacking = [
            each
            for each in sorted(self._waiting.values(), key=lambda each: each.segment.urgency)
            if not self._is_under_way(each.segment)
            and self._urls.find(each.segment.name, now_s, may_bind=not each.segment.is_end) is None
        ]
        due = [each for each in lacking if each.said_ns is None or now_ns - each.said_ns >= _AGAIN_NS][:_MOST_NAMES]
        of_one = lambda each: (each.segment.camera, each.segment.clip, each.segment.alarm_id or "")  # noqa: E731
        for _, group in groupby(sorted(due, key=of_one), of_one):
            those = sorted(group, key=lambda each: each.segment.urgency)
            self._tell("wanted", those[0].segment, object=None, objects=tuple(each.segment.name for each in those))
            for each in those:
                each.said_ns = now_ns

    def _tell(self, change: EvidenceChange, segment: Segment, **more: Any) -> None:
        about = {name: getattr(segment, name) for name in ("camera", "clip", "alarm_id", "event_id", "command_id")}
        data = EvidenceData(**{**about, "object": segment.name, **more})
        self._reporter.publish(self._reporter.make.evidence(change, data))
