"""Which clips are wanted of the recorders, and what the centre hears of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.contract.camera_events import LineCrossedData, LoiteringData
from agent.contract.evidence import EvidenceData
from agent.contract.messages import AlarmData
from agent.core.camera.clip_cause import ClipCause, Hold
from agent.core.camera.recorder_link import (
    BeginClip,
    ChainHead,
    ClipBegun,
    ClipDeleted,
    ClipEnded,
    ClipFailed,
    ClipHeld,
    ExtendClip,
    HoldClip,
    RecorderState,
    ToRecorder,
)
from agent.runtime.recording.camera_clips import CameraClips
from agent.runtime.recording.recorder_link import RecorderLink
from agent.runtime.recording.recordings import Recordings
from tests.support.alarm_book import book, press
from tests.support.context import Collected, make_context
from tests.support.sim_clock import SimClock


@dataclass
class Link:
    """Stands for a recorder's link: what was said to it."""

    camera: str
    works: bool = True
    is_fed: bool = True
    is_running: bool = True
    state: RecorderState | None = None
    said: list[ToRecorder] = field(default_factory=list)

    def listen(self, _: object) -> None: ...

    def submit(self, job: Callable[[], None]) -> None:
        job()

    def send(self, message: ToRecorder) -> None:
        self.said.append(message)


class Rig:
    """Two cameras: `front` and `yard`."""

    def __init__(self) -> None:
        self.clock = SimClock()
        self.told = Collected()
        self.links = [Link("front"), Link("yard")]
        self.answers: list[tuple[Any, ...]] = []
        numbers = count(1)
        new_id = lambda: f"c{next(numbers)}"  # noqa: E731
        context = make_context(self.told, self.clock)
        self.board = context.board
        self.recordings = Recordings(self.clock, new_id, self, ("line-crossed", "loitering"), 30.0)
        self.cameras = [
            CameraClips(cast("RecorderLink", link), context, new_id, self, 30.0, 300.0) for link in self.links
        ]
        self.recordings.connect(self.cameras)
        self.gave_way: list[AlarmData] = []
        self.recordings.tell(SimpleNamespace(pressed=self.gave_way.append))
        self.front, self.yard = self.links

    def clip_done(self, *answer: Any) -> None:
        self.answers.append(answer)

    def press(self, **changes: Any) -> AlarmData:
        data = press(book()).alarm.data.model_copy(update={"clips": self.recordings.clips()})
        data = data.model_copy(update=changes)
        self.recordings.pressed(data, self.clock.boottime_ns(), is_new=data.press_count == 1)
        return data

    def wait(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(timedelta(seconds=1))
            for camera in self.cameras:
                camera.tick(self.clock.boottime_ns())

    def hear(self, *messages: Any) -> None:
        for message in messages:
            self.cameras[0].on_clip(message)

    def begun(self, clip: str, into: str | None = None, **more: Any) -> None:
        begin_ns = self.clock.boottime_ns() - 15 * 10**9
        self.hear(
            ClipBegun(clip=clip, into=into or clip, begin_ns=begin_ns, before_s=15, **more),
            ChainHead(seq=1, digest="aa"),
        )

    def heard(self) -> list[tuple[str, EvidenceData]]:
        return [(draft.type.split(".")[2], cast("EvidenceData", draft.data)) for draft in self.told]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def begins(link: Link) -> list[str]:
    return [each.clip for each in link.said if isinstance(each, BeginClip)]


def lease_s(link: Link) -> float:
    last = link.said[-1]
    assert isinstance(last, BeginClip | ExtendClip)
    return last.seconds


def test_an_alarm_is_recorded_by_each_camera_under_the_names_that_it_says(rig: Rig) -> None:
    alarm = rig.press()

    assert alarm.clips is not None
    assert [(each.camera, each.clip) for each in alarm.clips] == [("front", "c1"), ("yard", "c2")]
    assert (begins(rig.front), begins(rig.yard)) == (["c1"], ["c2"])
    first = rig.front.said[0]
    assert isinstance(first, BeginClip)
    assert first.facts == {"alarm": alarm.alarm_id, "input": "police"}


def test_what_begins_is_told_with_how_long_before_the_press_it_does(rig: Rig) -> None:
    alarm = rig.press()
    rig.wait(1)
    rig.begun("c1")

    [(change, data)] = rig.heard()
    assert change == "begun"
    assert (data.clip, data.alarm_id, data.before_s, data.into) == ("c1", alarm.alarm_id, 14.0, None)
    assert data.chain == {"seq": 1, "head": "aa"}


def test_a_clip_goes_on_until_some_time_after_its_alarm_is_closed(rig: Rig) -> None:
    alarm = rig.press()
    rig.begun("c1")
    rig.wait(100)
    assert lease_s(rig.front) == 30
    rig.recordings.closed(alarm.alarm_id)
    rig.wait(10)
    assert lease_s(rig.front) <= 30 - 6
    rig.wait(20)
    said = len(rig.front.said)
    rig.wait(10)
    assert len(rig.front.said) == said, "nobody wants it any more"


def test_a_clip_of_an_alarm_that_nobody_closes_ends_and_a_further_press_lets_it_go_on(rig: Rig) -> None:
    alarm = rig.press()
    rig.begun("c1")
    rig.wait(290)
    rig.press(press_count=2, alarm_id=alarm.alarm_id)
    rig.wait(290)
    assert begins(rig.front) == ["c1"]
    assert lease_s(rig.front) <= 30
    rig.wait(20)
    said = len(rig.front.said)
    rig.wait(20)
    assert len(rig.front.said) == said


def test_a_press_after_the_end_of_its_clip_has_another_one(rig: Rig) -> None:
    alarm = rig.press()
    rig.begun("c1")
    rig.wait(310)
    rig.hear(ClipEnded(clip="c1", why="complete", seconds=315, bytes=7), ChainHead(seq=2, digest="bb"))
    rig.press(press_count=2, alarm_id=alarm.alarm_id)

    assert len(begins(rig.front)) == 2
    ended = rig.heard()[-1][1]
    assert (ended.reason, ended.bytes, ended.alarm_id) == ("complete", 7, alarm.alarm_id)


def test_a_press_while_its_clip_ends_has_another_one_too(rig: Rig) -> None:
    """The recorder has begun to end it, and a slow card keeps it from saying so."""
    alarm = rig.press()
    rig.begun("c1")
    rig.wait(301)
    rig.press(alarm_id=alarm.alarm_id, press_count=2, clips=None)
    rig.hear(ClipEnded(clip="c1", why="complete", seconds=315, bytes=1), ChainHead(seq=2, digest="bb"))
    rig.wait(1)
    assert len(begins(rig.front)) == 2


def test_who_sends_what_is_recorded_is_told_of_each_press(rig: Rig) -> None:
    again = [rig.press(), rig.press(press_count=2)]
    rig.press(status="test")
    assert rig.gave_way == again


def test_a_test_has_no_clip(rig: Rig) -> None:
    rig.press(status="test")
    assert rig.front.said == []


def test_a_recorder_that_does_not_work_is_not_promised_and_still_asked_when_it_does_again(rig: Rig) -> None:
    rig.front.works = rig.front.is_running = False
    alarm = rig.press()
    assert alarm.clips is not None
    assert [each.camera for each in alarm.clips] == ["yard"]
    assert rig.front.said == []

    rig.front.is_running = True
    rig.cameras[0].on_start()
    rig.wait(1)
    assert len(begins(rig.front)) == 1


def test_a_device_of_which_nothing_is_recorded_names_no_clips() -> None:
    rig = Rig()
    rig.front.works = rig.yard.works = False
    assert rig.recordings.clips() is None


def test_a_recorder_that_has_ended_in_a_clip_goes_on_in_another_one(rig: Rig) -> None:
    alarm = rig.press()
    rig.begun("c1")
    rig.cameras[0].on_start()
    rig.wait(1)
    rig.hear(ClipEnded(clip="c1", why="cut", seconds=0), ChainHead(seq=2, digest="bb"))

    assert len(set(begins(rig.front))) == 2
    change, data = rig.heard()[-1]
    assert (change, data.clip, data.alarm_id, data.begins) == ("cut", "c1", alarm.alarm_id, None)


def test_many_alarms_share_a_clip_and_none_ends_it_for_the_others(rig: Rig) -> None:
    alarms = [rig.press(alarm_id=f"a{number}") for number in range(20)]
    first = begins(rig.front)[0]
    for clip in begins(rig.front):
        rig.begun(clip, into=first)
    for alarm in alarms[:19]:
        rig.recordings.closed(alarm.alarm_id)
    rig.wait(60)
    assert lease_s(rig.front) == 30, "one alarm is still open"

    shared = [data for change, data in rig.heard() if change == "begun" and data.into is not None]
    assert len(shared) == 19
    assert {data.into for data in shared} == {first}


def test_another_form_of_pictures_continues_the_clip_under_another_name(rig: Rig) -> None:
    alarm = rig.press()
    rig.begun("c1")
    rig.hear(ClipEnded(clip="c1", why="changed", seconds=20), ChainHead(seq=2, digest="bb"))
    rig.begun("c9", continues="c1")
    rig.wait(5)

    data = rig.heard()[-1][1]
    assert (data.clip, data.continues, data.alarm_id, data.before_s) == ("c9", "c1", alarm.alarm_id, None)
    assert isinstance(rig.front.said[-1], ExtendClip)


def test_what_fails_is_told_once_and_tried_again_while_it_is_wanted(rig: Rig) -> None:
    alarm = rig.press()
    for _ in range(3):
        rig.hear(ClipFailed(clip="c1", detail="no space left on device"))
        rig.wait(11)
    rig.begun("c1")
    # A clip that was begun, and can be written no longer: another one follows.
    rig.hear(ClipFailed(clip="c1", detail="read-only"), ClipEnded(clip="c1", why="failed", seconds=20))
    rig.hear(ChainHead(seq=2, digest="bb"))
    rig.wait(11)

    first, *again, other = begins(rig.front)
    assert (set(again), first) == ({"c1"}, "c1")
    assert other != "c1"
    told = [(change, data.reason) for change, data in rig.heard()]
    assert told == [
        ("failed", "no space left on device"),
        ("begun", ""),
        ("failed", "read-only"),
        ("ended", "failed"),
    ]
    assert {data.alarm_id for _, data in rig.heard()} == {alarm.alarm_id}
    rig.recordings.closed(alarm.alarm_id)
    rig.wait(31)
    asked = len(begins(rig.front))
    rig.hear(ClipFailed(clip=other, detail="no space left on device"))
    rig.wait(30)
    assert len(begins(rig.front)) == asked, "nobody wants it any more"


def test_a_clip_of_a_command_that_fails_is_answered_and_not_tried_again(rig: Rig) -> None:
    asked = rig.recordings.order("front", ClipCause(command_id="cmd-1"), 60)
    assert asked is not None
    rig.hear(ClipFailed(clip=asked.clip, detail="the camera gave no pictures"))
    rig.wait(30)

    assert begins(rig.front) == [asked.clip]
    assert [answer[:3] for answer in rig.answers] == [("cmd-1", False, "no-clip")]


def test_an_event_that_the_site_names_is_recorded_once(rig: Rig) -> None:
    box = {"score": 0.9, "box": (0, 0, 1, 1), "track": "t"}
    about = {"camera": "yard", "frame_monoms": 1, "persons": 1, **box}
    crossed = LineCrossedData(event_id="e1", line="kerb", direction="left-to-right", **about)
    rig.recordings.camera_event("line-crossed", crossed)
    for phase in ("began", "ongoing", "ended"):
        loitering = LoiteringData.model_validate({"event_id": "e2", "phase": phase, "duration_ms": 1, **about})
        rig.recordings.camera_event("loitering", loitering)

    assert rig.front.said == []
    facts = [each.facts for each in rig.yard.said if isinstance(each, BeginClip)]
    assert facts == [{"event": "e1", "kind": "line-crossed"}, {"event": "e2", "kind": "loitering"}]


def test_a_command_is_answered_when_its_clip_has_begun(rig: Rig) -> None:
    cause = ClipCause(command_id="cmd-1", more={"by": "thandi", "reason": "a quarrel"})
    asked = rig.recordings.order(None, cause, 60)
    assert asked is not None
    assert asked.camera == "front"
    assert rig.answers == []
    rig.begun(asked.clip)
    assert [answer[:3] for answer in rig.answers] == [("cmd-1", True, "ok")]
    assert rig.heard()[0][1].command_id == "cmd-1"

    rig.yard.works = False
    assert rig.recordings.order("yard", cause, 60) is None
    assert rig.recordings.order("nowhere", cause, 60) is None


def test_a_hold_is_answered_by_the_recorder_that_has_the_clip(rig: Rig) -> None:
    rig.recordings.hold(Hold("c7", True, "case 17", "thandi", "cmd-1"))
    assert isinstance(rig.front.said[-1], HoldClip)
    rig.hear(ClipFailed(clip="c7", detail="there is no clip c7 here"))
    assert isinstance(rig.yard.said[-1], HoldClip)
    rig.cameras[1].on_clip(ClipHeld(clip="c7", held=True))
    rig.cameras[1].on_clip(ChainHead(seq=3, digest="cc"))

    assert [answer[:3] for answer in rig.answers] == [("cmd-1", True, "ok")]
    [(change, data)] = rig.heard()
    assert (change, data.camera, data.clip, data.reason) == ("held", "yard", "c7", "case 17")


def test_a_hold_that_the_card_does_not_take_is_answered_as_such(rig: Rig) -> None:
    rig.recordings.hold(Hold("c7", True, "case 17", "thandi", "cmd-1"))
    rig.hear(ClipFailed(clip="c7", detail="the hold of the clip c7 is not on the disk yet", waits=True))

    assert [answer[:3] for answer in rig.answers] == [("cmd-1", False, "not-kept")]
    assert rig.yard.said == []


def test_a_hold_of_a_clip_that_nobody_has_is_refused(rig: Rig) -> None:
    rig.yard.is_running = False
    rig.recordings.hold(Hold("c7", True, "case 17", "thandi", "cmd-1"))
    rig.hear(ClipFailed(clip="c7", detail="there is no clip c7 here"))

    assert [answer[:3] for answer in rig.answers] == [("cmd-1", False, "unknown-clip")]
    assert rig.heard() == []


def test_a_deletion_and_each_hourly_head_are_told(rig: Rig) -> None:
    rig.hear(ClipDeleted(clip="c1", why="age"), ChainHead(seq=4, digest="dd"))
    rig.hear(ChainHead(seq=4, digest="dd"), ChainHead(seq=0, digest="00"))

    assert [(change, data.chain) for change, data in rig.heard()] == [
        ("deleted", {"seq": 4, "head": "dd"}),
        ("head", {"seq": 4, "head": "dd"}),
    ]


def test_a_recorder_without_pictures_rests_with_the_camera_that_feeds_it_and_is_broken_otherwise(rig: Rig) -> None:
    def part(*, is_fed: bool, transient: bool, runs: bool = True, card: str = "") -> tuple[str, bool]:
        said = RecorderState(state="degraded", card=card, pictures=9, ring_s=0, ring_bytes=0, group_s=0, rss_bytes=1)
        rig.front.state = said if runs else None
        rig.front.is_fed = is_fed
        rig.board.report("camera-front", ok=False, detail="the kiosk runs on its battery", transient=transient)
        rig.cameras[0].on_state(False, "no picture for 12 s")
        state = rig.board.parts()["recorder-front"]
        return state.detail, state.transient

    assert part(is_fed=True, transient=True) == ("the kiosk runs on its battery", True)
    assert rig.recordings.figures()["front"]["detail"] == "the kiosk runs on its battery"
    assert part(is_fed=True, transient=False) == ("no picture for 12 s", False)
    assert part(is_fed=False, transient=True) == ("no picture for 12 s", False), "it reads a stream by itself"
    assert not part(is_fed=True, transient=True, runs=False)[1], "it has crashed"
    assert not part(is_fed=True, transient=True, card="the card is full")[1]
    rig.cameras[0].on_state(True, "")
    assert rig.board.parts()["recorder-front"].ok
