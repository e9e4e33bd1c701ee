"""What the centre hears of uploads: which segments want a URL, which are there, and which are not."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from agent.contract.evidence import EvidenceChange, EvidenceData
from agent.core.camera.segment import Segment
from agent.core.delivery.upload_urls import Target, place_of
from agent.outbox.reporter import Reporter
from agent.runtime.sending.spool import Waiting

_AGAIN_NS = 30 * 10**9
_MOST_NAMES = 32
_MOST_CLIPS, _MOST_PARTS = 8, 300
"""Kept to be said again: more of them than anybody watches at once."""


class UploadReports:
    """One thread."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._there: dict[str, list[EvidenceData]] = {}
        """What was said of the newest clips that are at a store."""

    def wanted(self, lacking: Iterable[Waiting], now_ns: int) -> None:
        """Say which of these want a URL: each at once, and again while it has none."""
        due = [each for each in lacking if each.said_ns is None or now_ns - each.said_ns >= _AGAIN_NS][:_MOST_NAMES]
        of_one = lambda each: (each.segment.camera, each.segment.clip, each.segment.alarm_id or "")  # noqa: E731
        for _, group in groupby(sorted(due, key=of_one), of_one):
            those = sorted(group, key=lambda each: each.segment.urgency)
            names, sizes = zip(*((each.segment.name, each.segment.size) for each in those), strict=True)
            self._tell("wanted", those[0].segment, object=None, objects=names, sizes=sizes)
            for each in those:
                each.said_ns = now_ns

    def uploaded(self, segment: Segment, target: Target) -> None:
        """Say that a store has taken it."""
        about = {"sha256": segment.sha256, "bytes": segment.size, "first": segment.first, "last": segment.last}
        about |= {"begins": segment.begins, "ends": segment.ends, "place": place_of(target.url)}
        parts = self._there.setdefault(segment.clip, [])
        parts.append(self._tell("uploaded", segment, **about))
        del parts[:-_MOST_PARTS]
        if len(self._there) > _MOST_CLIPS:
            del self._there[next(iter(self._there))]

    def repeat(self, clip: str) -> None:
        """Say again what of a clip a store has taken."""
        for data in self._there.get(clip, ()):
            self._reporter.publish(self._reporter.make.evidence("uploaded", data))

    def failed(self, segment: Segment, reason: str, host: str | None = None) -> None:
        """Say that it is not at the store, and why."""
        self._tell("upload-failed", segment, place=host, reason=reason)

    def _tell(self, change: EvidenceChange, segment: Segment, **more: Any) -> EvidenceData:
        about = {name: getattr(segment, name) for name in ("camera", "clip", "alarm_id", "event_id", "command_id")}
        data = EvidenceData(**{**about, "object": segment.name, **more})
        self._reporter.publish(self._reporter.make.evidence(change, data))
        return data
