"""The thread `sending` for a test, with an uploader and an outbox that the test plays."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from agent.contract.commands import UploadUrl, UploadUrlsArgs
from agent.core.camera.segment import MEDIA, NOTE, Segment
from agent.core.delivery.backoff import Backoff
from agent.core.delivery.upload_link import Done, Put
from agent.outbox.outbox import Outbox
from agent.runtime.sending.rules import UploadRules
from agent.runtime.sending.sending import Sending
from agent.runtime.sending.uploader import Uploader
from agent.runtime.supervision.data_use import DataUse
from agent.runtime.uplink.publisher import Publisher
from tests.support.context import Collected, make_context
from tests.support.sim_clock import SimClock

CLIP = "01a21ac6-1e90-755d-98d2-2feefdb0a969"
NEWER = "01a21ac7-1e90-755d-98d2-2feefdb0a969"
HOST, OTHER = "store.example", "other.example"


class Outboxed(Collected):
    """Stands for the outbox: what is published, kept, and said to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.state: dict[str, str] = {}
        self.alarm_waits = self.picture_waits = False
        self.writer = SimpleNamespace(fault=False, is_known=True)
        self.runs = 0

    def new_id(self) -> str:
        self.runs += 1
        return f"run-{self.runs}"

    def kept(self, prefix: str) -> dict[str, str]:
        return {key: value for key, value in self.state.items() if key.startswith(prefix)}

    def keep(self, key: str, value: str | None) -> threading.Event:
        if value is None:
            self.state.pop(key, None)
        else:
            self.state[key] = value
        event = threading.Event()
        event.set()
        return event


class Told:
    """Stands for the uploader: what it was told, and what it says."""

    socket = None

    def __init__(self) -> None:
        self.order: Put | None = None
        self.held: list[bool] = []
        self.done: Done | None = None
        self.is_busy = False

    def put(self, order: Put) -> None:
        self.order, self.is_busy = order, True

    def hold(self, *, holds: bool) -> None:
        self.held.append(holds)

    def look(self) -> Done | None:
        done, self.done = self.done, None
        return done

    def close(self) -> None: ...


class Rig:
    def __init__(self, spool: Path, outbox: Outboxed | None = None, **rules: Any) -> None:
        self.clock = SimClock()
        self.outbox = Outboxed() if outbox is None else outbox  # an empty one is false
        self.uploader = Told()
        self.publisher = SimpleNamespace(connected=True)
        self.data = SimpleNamespace(is_used_up=False)
        self.spool = spool
        (spool / "front").mkdir(parents=True, exist_ok=True)
        self.sending = Sending(
            UploadRules(spool, ("front", "yard"), frozenset({HOST, OTHER}), **rules),
            cast("Uploader", self.uploader),
            make_context(self.outbox, self.clock),
            cast("Outbox", self.outbox),
            cast("Publisher", self.publisher),
            lambda: Backoff(uniform=lambda low, high: high),
            cast("DataUse", self.data),
        )
        self.sending.run_once(0)

    def segment(self, number: int, *, order: int = 0, clip: str = CLIP, end: bool = False, lost: str = "") -> Segment:
        media = b"" if end else bytes([number]) * 1000
        name = f"front/2026-11-27/22/59-{number:02}.000Z.{number}{'_end' if end else '.mp4'}"
        index = None if end else number
        about = {"size": len(media), "sha256": sha256(media).hexdigest(), "first": index, "last": index, "lost": lost}
        segment = Segment(name, "front", clip, order, alarm_id="a-1", **about)  # type: ignore[arg-type]
        if not lost:
            segment.file(self.spool, MEDIA).write_bytes(media)
        segment.file(self.spool, NOTE).write_bytes(segment.note())
        return segment

    def allow(self, *urls: str | tuple[str, str], seconds: float = 600) -> Any:
        expires = int(self.clock.wall().timestamp() + seconds)
        pairs = [(each, None) if isinstance(each, str) else each for each in urls]
        given = [UploadUrl(url=url, name=name) for url, name in pairs]
        return self.sending.allow(UploadUrlsArgs(urls=given, expires=expires))

    def run(self, seconds: float = 0) -> "Rig":
        self.clock.advance(timedelta(seconds=seconds))
        self.sending.run_once(0)
        return self

    def answer(self, status: int, **more: Any) -> None:
        """The uploader is ready; one more pass."""
        assert self.uploader.order is not None
        said = {"sent": 1000, "detail": f"HTTP {status}", **more}
        self.uploader.done = Done(self.uploader.order.number, status, **said)
        self.uploader.order, self.uploader.is_busy = None, False
        self.run()

    def said(self, change: str) -> list[Mapping[str, Any]]:
        found = [each for each in self.outbox if each.type == f"edge.evidence.{change}.v1"]
        return [each.data.model_dump(exclude_none=True) for each in found if each.data]

    @property
    def url(self) -> str | None:
        return None if self.uploader.order is None else self.uploader.order.url
