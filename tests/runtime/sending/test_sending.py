"""Which segment leaves when, to where, and what the centre hears of it."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.contract.commands import UploadUrl, UploadUrlsArgs
from agent.contract.messages import AlarmCamera
from agent.core.camera.segment import MEDIA, NOTE, Segment
from agent.core.delivery.backoff import Backoff
from agent.core.delivery.upload_link import Done, Put
from agent.outbox.outbox import Outbox
from agent.runtime.sending.sending import Sending, UploadRules
from agent.runtime.sending.uploader import Uploader
from agent.sim.clock import SimClock
from tests.support.context import Collected, make_context
from tests.support.drafts import alarm_data

CLIP = "01a21ac6-1e90-755d-98d2-2feefdb0a969"
NEWER = "01a21ac7-1e90-755d-98d2-2feefdb0a969"
HOST = "store.example"


class Outboxed(Collected):
    """Stands for the outbox: what is published, kept, and said to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.state: dict[str, str] = {}
        self.alarm_waits = self.picture_waits = False
        self.writer = SimpleNamespace(fault=False)

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
        self.spool = spool
        (spool / "front").mkdir(parents=True, exist_ok=True)
        self.sending = Sending(
            UploadRules(spool, ("front", "yard"), frozenset({HOST}), **rules),
            cast("Uploader", self.uploader),
            make_context(self.outbox, self.clock),
            cast("Outbox", self.outbox),
            self.publisher,
            Backoff(uniform=lambda low, high: high),
        )
        self.sending.run_once(0)

    def segment(self, number: int, *, order: int = 0, clip: str = CLIP, end: bool = False, lost: str = "") -> Segment:
        media = b"" if end else bytes([number]) * 1000
        name = f"front/2026-11-27/22/59-{number:02}.000Z.{number}{'_end' if end else '.mp4'}"
        about = {"size": len(media), "sha256": sha256(media).hexdigest(), "first": number, "last": number, "lost": lost}
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


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_a_segment_without_a_url_is_asked_for_at_once_and_every_30_s(rig: Rig) -> None:
    first = rig.segment(1)
    rig.run()
    second = rig.segment(2, order=2)
    rig.run().run(29)
    assert [each["objects"] for each in rig.said("wanted")] == [(first.name,), (second.name,)]
    assert rig.said("wanted")[0]["alarm_id"] == "a-1"
    rig.run(2)
    assert rig.said("wanted")[-1]["objects"] == (first.name, second.name)
    assert rig.url is None


def test_without_a_centre_nothing_is_asked_and_with_one_everything_again(rig: Rig) -> None:
    rig.publisher.connected = False
    rig.segment(1)
    rig.run().run(100)
    assert rig.said("wanted") == []
    rig.publisher.connected = True
    rig.run().run()
    assert len(rig.said("wanted")) == 1


def test_what_is_there_is_told_with_its_hash_and_fragments_and_forgotten(rig: Rig) -> None:
    segment = rig.segment(1)
    rig.allow((f"https://{HOST}/b/1?X-Sig=secret", segment.name))
    rig.run()
    assert rig.url == f"https://{HOST}/b/1?X-Sig=secret"
    rig.answer(200)
    [told] = rig.said("uploaded")
    assert told["object"] == segment.name
    assert told["place"] == f"{HOST}/b/1"
    assert (told["sha256"], told["bytes"], told["first"], told["last"]) == (segment.sha256, 1000, 1, 1)
    assert (told["alarm_id"], told["clip"], told["camera"]) == ("a-1", CLIP, "front")
    assert list((rig.spool / "front").iterdir()) == []
    assert [key for key in rig.outbox.state if "url" in key] == []
    assert "secret" not in str([*rig.outbox])


def test_the_newest_alarms_first_segment_goes_first(rig: Rig) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    for number, order, clip in ((1, 1, CLIP), (2, 2, CLIP), (3, 0, CLIP), (4, 1, NEWER), (5, 0, NEWER)):
        rig.segment(number, order=order, clip=clip)
    gone = []
    for _ in range(5):
        rig.run()
        gone.append(int((rig.url or "").split(".")[-2]))
        rig.answer(200)
    assert gone == [5, 3, 4, 1, 2]


def test_nothing_leaves_while_an_alarm_message_waits_for_a_broker_that_is_there(rig: Rig) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    rig.outbox.alarm_waits = True
    rig.run()
    assert (rig.url, rig.uploader.held[-1]) == (None, True)
    rig.publisher.connected = False
    rig.run()
    assert rig.url, "while there is no broker, nothing is gained by waiting"
    assert not rig.uploader.held[-1]
    rig.publisher.connected = True
    rig.run()
    assert rig.uploader.held[-1], "one that is under way waits too"
    rig.outbox.alarm_waits = False
    rig.run()
    assert not rig.uploader.held[-1]


def test_a_broker_that_refuses_an_alarm_holds_recordings_up_for_30_s_at_most(rig: Rig) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    rig.outbox.alarm_waits = True
    rig.run().run(29)
    assert rig.url is None
    rig.run(2).run()
    assert rig.url


def test_the_picture_of_an_alarm_goes_before_its_first_segment(rig: Rig) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    rig.sending.pressed(alarm_data(camera=AlarmCamera(name="front", snapshot="p1")))
    rig.run(0.3)
    rig.outbox.picture_waits = True
    rig.run(0.6)
    assert rig.url is None
    rig.outbox.picture_waits = False
    rig.run(0.1)
    assert rig.url


@pytest.mark.parametrize(("picture", "waits_s"), [(True, 2.1), (False, 0.8)])
def test_a_picture_that_does_not_leave_or_come_holds_nothing_up_for_long(
    rig: Rig, picture: bool, waits_s: float
) -> None:
    rig.allow(f"https://{HOST}/{{name}}")
    rig.segment(1)
    rig.sending.pressed(alarm_data(camera=AlarmCamera(name="front", snapshot="p1")))
    rig.outbox.picture_waits = picture
    rig.run(waits_s - 0.2)
    assert rig.url is None
    rig.run(0.2)
    assert rig.url


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_a_network_or_a_store_that_fails_gets_the_same_url_again_after_a_while(rig: Rig, status: int) -> None:
    rig.segment(1)
    rig.allow(f"https://{HOST}/pool-1", f"https://{HOST}/pool-2")
    rig.run()
    for pause in (2, 4, 8):
        rig.answer(status)
        rig.run(pause - 0.1)
        assert rig.url is None
        rig.run(0.1)
        assert rig.url == f"https://{HOST}/pool-1"
    rig.answer(503, retry_after_s=0)
    rig.run(1)
    assert rig.url is None, "nobody may have us try without end"
    rig.run(100)
    rig.answer(503, retry_after_s=100)
    rig.run(99)
    assert rig.url is None
    rig.sending.pressed(alarm_data())
    rig.run()
    assert rig.url, "a press does not wait for an old failure"
    rig.answer(200)
    assert rig.said("upload-failed") == []


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 412])
def test_a_url_that_a_store_refuses_is_told_and_never_used_again(rig: Rig, status: int) -> None:
    segment = rig.segment(1)
    rig.allow(f"https://{HOST}/1", f"https://{HOST}/2")
    rig.run()
    rig.answer(status)
    [told] = rig.said("upload-failed")
    assert (told["object"], told["place"], told["reason"]) == (segment.name, HOST, f"HTTP {status}")
    assert rig.url == f"https://{HOST}/2"
    rig.answer(status)
    rig.run()
    assert rig.said("wanted")[-1]["objects"] == (segment.name,)


def test_a_store_that_refuses_everything_ends_in_a_segment_that_stays_on_the_card(rig: Rig) -> None:
    rig.segment(1)
    for number in range(5):
        rig.allow(f"https://{HOST}/{number}")
        rig.run(31)
        rig.answer(403)
    assert "stays on the card" in rig.said("upload-failed")[-1]["reason"]
    assert list((rig.spool / "front").iterdir()) == []


def test_a_lying_store_is_told(rig: Rig) -> None:
    rig.segment(1)
    rig.allow(f"https://{HOST}/1")
    rig.run()
    rig.answer(200, is_ours=False)
    assert "checksum" in rig.said("upload-failed")[0]["reason"]
    assert rig.said("uploaded") == []


def test_urls_that_may_not_be_used_are_refused_by_host_and_by_time(rig: Rig) -> None:
    taken, refused, hosts = rig.allow("https://evil.example/a?secret", f"https://{HOST}/a")
    assert (taken, refused, hosts) == (1, ["evil.example is not in [upload] hosts"], [HOST])
    assert rig.allow(f"https://{HOST}/b", seconds=-1)[:2] == (0, ["they have expired already"])


def test_urls_outlive_a_restart_and_one_that_was_used_is_for_its_segment_alone(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.segment(1)
    rig.allow(f"https://{HOST}/1", f"https://{HOST}/2")
    rig.run()
    assert rig.url == f"https://{HOST}/1"
    rig.segment(2, order=-1)
    again = Rig(tmp_path, rig.outbox)
    assert again.url == f"https://{HOST}/2", "the core was killed: the first may have been stored already"
    again.answer(200)
    again.run()
    assert again.url == f"https://{HOST}/1"


def test_the_end_of_a_clip_goes_last_and_takes_no_url_in_advance(rig: Rig) -> None:
    rig.segment(1)
    end = rig.segment(2, order=5, end=True)
    rig.allow(f"https://{HOST}/1", f"https://{HOST}/2")
    rig.run()
    rig.answer(200)
    rig.run()
    assert rig.url is None
    rig.allow((f"https://{HOST}/end", end.name))
    rig.run()
    assert rig.url == f"https://{HOST}/end"
    rig.answer(200)
    assert len(rig.said("uploaded")) == 1
    assert list((rig.spool / "front").iterdir()) == []


def test_what_nobody_wants_for_15_minutes_is_left_to_the_card(rig: Rig) -> None:
    rig.segment(1)
    rig.run().run(14 * 60)
    assert rig.sending.figures()["waiting"] == 1
    rig.run(61)
    assert rig.sending.figures()["waiting"] == 0
    assert "no URL came" in rig.said("upload-failed")[0]["reason"]


def test_what_did_not_fit_into_memory_is_told(rig: Rig) -> None:
    rig.segment(1, lost="there is no more room")
    rig.run()
    assert rig.said("upload-failed")[0]["reason"] == "there is no more room; it stays on the card"
    assert list((rig.spool / "front").iterdir()) == []


def test_no_more_is_sent_in_a_month_than_the_settings_allow_also_after_a_restart(tmp_path: Path) -> None:
    rig = Rig(tmp_path, month_bytes=1500)
    rig.allow(f"https://{HOST}/{{name}}")
    for number in range(3):
        rig.segment(number, order=number)
    rig.run()
    rig.answer(0, sent=400)
    rig.run(60)
    rig.answer(200)
    assert rig.url, "what has begun is within the limit"
    rig.answer(200)
    rig.run()
    assert rig.url is None
    figures = rig.sending.figures()
    assert (figures["month_bytes"], figures["waiting"], figures["urls"]) == (2400, 1, 1)
    assert "month" in figures["detail"]
    again = Rig(tmp_path, rig.outbox, month_bytes=1500)
    again.run()
    assert again.url is None
    again.run(32 * 24 * 3600)
    again.allow(f"https://{HOST}/{{name}}")
    again.segment(9)
    again.run()
    assert again.url


def test_a_file_that_is_gone_is_no_reason_to_stop(rig: Rig) -> None:
    segment = rig.segment(1)
    rig.allow(f"https://{HOST}/{{name}}")
    rig.run()
    segment.file(rig.spool, MEDIA).unlink()
    segment.file(rig.spool, NOTE).unlink()
    rig.answer(0, sent=0)
    rig.segment(2)
    rig.run(5).run()
    assert (rig.url or "").endswith("59-02.000Z.2.mp4")
