from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.contract.messages import AlarmCamera, Converging
from agent.core.camera.link import Heartbeat, InView
from agent.runtime.cameras.cameras import Cameras, View
from agent.runtime.cameras.vision_link import VisionLink
from agent.runtime.supervision.health import HealthBoard
from tests.support.context import reporter

SEEN = InView(persons=2, tracks=("a-1", "a-4"))
REPORT = Heartbeat(
    state="ok",
    frames=1,
    frames_per_second=1,
    inferences_per_second=1,
    inference_ms=1,
    frame_age_ms=1,
    persons=2,
    rss_bytes=1,
)


@dataclass
class FakeLink:
    camera: str
    heartbeat: Heartbeat | None = REPORT
    takes: bool = True
    in_view: InView = SEEN
    converging: Converging | None = None
    asked: list[str] = field(default_factory=list)
    active: list[dict[str, Any]] = field(default_factory=list)
    hardly_able: dict[str, Any] = field(default_factory=dict)

    @property
    def impairments(self) -> SimpleNamespace:
        return SimpleNamespace(figures=lambda: {"tampers": self.active, **self.hardly_able})

    @property
    def works(self) -> bool:
        return self.heartbeat is not None

    def take_snapshot(self, picture_id: str, max_bytes: int | None = None) -> bool:
        self.asked.append(picture_id)
        return self.takes and self.heartbeat is not None


def cameras(*links: FakeLink) -> Cameras:
    made = Cameras(HealthBoard(reporter()))
    made.connect(cast("list[VisionLink]", list(links)))
    return made


def test_what_never_moves_is_among_the_figures_only_where_there_is_something() -> None:
    statue = (0.1, 0.2, 0.1, 0.4)
    sees_one = FakeLink("back", heartbeat=REPORT.model_copy(update={"never_moving": (statue,)}))

    figures = cameras(FakeLink("front"), sees_one).figures()

    assert "never_moving" not in figures["front"]
    assert figures["back"]["never_moving"] == [list(statue)]


def test_without_a_camera_nothing_is_seen() -> None:
    assert cameras().capture("a1") is None
    assert cameras().snapshot("a1", None) is None
    assert cameras().figures() == {}


def test_an_alarm_takes_the_first_camera_that_works() -> None:
    dead, full, works = FakeLink("front", heartbeat=None), FakeLink("side", takes=False), FakeLink("back")

    assert cameras(dead, full, works).capture("a1") == AlarmCamera(
        name="back", persons=2, tracks=("a-1", "a-4"), snapshot="a1"
    )
    assert works.asked == ["a1"]


def test_an_alarm_says_that_several_people_had_closed_in_on_one() -> None:
    closed_in = Converging(people=3, since_s=4.2)

    seen = cameras(FakeLink("front", converging=closed_in)).capture("a1")
    assert seen is not None
    assert seen.converging == closed_in
    assert closed_in.judge == "a-person"


def test_when_no_camera_works_the_first_is_named_without_a_picture() -> None:
    assert cameras(FakeLink("front", heartbeat=None)).capture("a1") == AlarmCamera(name="front")


def test_before_anybody_has_looked_at_a_picture_nobody_is_said_to_be_in_none() -> None:
    unlooked = REPORT.model_copy(update={"frames": 0, "persons": 0})
    nobody = InView(persons=0, tracks=())

    assert cameras(FakeLink("front", heartbeat=unlooked, in_view=nobody)).capture("a1") == AlarmCamera(
        name="front", snapshot="a1"
    )
    assert cameras(FakeLink("front", heartbeat=unlooked)).capture("a1") == AlarmCamera(
        name="front", persons=2, tracks=("a-1", "a-4"), snapshot="a1"
    ), "the sign of life comes later than the first look"


def test_a_camera_that_has_looked_comes_before_one_that_has_not() -> None:
    unlooked = REPORT.model_copy(update={"frames": 0, "persons": 0})
    front, back = FakeLink("front", heartbeat=unlooked, in_view=InView(persons=0, tracks=())), FakeLink("back")

    seen = cameras(front, back).capture("a1")
    assert seen is not None
    assert (seen.name, seen.persons) == ("back", 2)
    assert front.asked == []


def test_a_snapshot_is_of_the_camera_that_was_named_or_of_the_first() -> None:
    front, back = FakeLink("front"), FakeLink("back")
    both = cameras(front, back)

    assert both.snapshot("p1", "back") == "back"
    assert both.snapshot("p2", None) == "front"
    assert both.snapshot("p3", "roof") is None
    assert (front.asked, back.asked) == (["p2"], ["p1"])


def test_a_look_is_through_a_camera_that_there_is_and_that_gives_pictures() -> None:
    seen = cameras(FakeLink("front"), FakeLink("back", heartbeat=None))
    assert [seen.shows(name) for name in (None, "front", "back", "cellar")] == [
        ("front", True),
        ("front", True),
        ("back", False),
        (None, False),
    ]
    assert cameras().shows(None) == (None, False)


def test_figures_are_those_of_cameras_that_run() -> None:
    figures = cameras(FakeLink("front"), FakeLink("back", heartbeat=None)).figures()

    assert set(figures) == {"front"}
    assert figures["front"]["persons"] == 2
    assert "t" not in figures["front"]
    assert figures["front"]["tampers"] == []


def test_the_rate_that_a_camera_states_is_left_out_where_it_states_none() -> None:
    states = FakeLink("back", heartbeat=REPORT.model_copy(update={"stated_frames_per_second": 25.0}))
    figures = cameras(FakeLink("front"), states).figures()

    assert "stated_frames_per_second" not in figures["front"]
    assert figures["back"]["stated_frames_per_second"] == 25


def test_a_camera_that_is_hardly_able_to_see_says_why_beside_its_figures() -> None:
    why = {"hardly_able_to_see": {"reason": "blurred", "event_id": "e1", "since": "now"}}
    told = cameras(FakeLink("front", hardly_able=why), FakeLink("back")).figures()

    assert told["front"]["hardly_able_to_see"] == why["hardly_able_to_see"]
    assert told["front"]["frames"] == told["back"]["frames"]
    assert "hardly_able_to_see" not in told["back"]


def test_a_tamper_that_is_active_is_told_whether_or_not_its_process_runs() -> None:
    lost = [{"kind": "signal-lost", "event_id": "e1", "since": "now"}]

    assert cameras(FakeLink("front", heartbeat=None, active=lost)).figures() == {"front": {"tampers": lost}}


def test_a_view_goes_to_whoever_asked_for_it_and_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    front, dead = FakeLink("front"), FakeLink("dead", takes=False)
    seen = cameras(front, dead)
    answers = [View(b"jpeg"), View(None, "it is dark")]

    def take_snapshot(picture_id: str, max_bytes: int | None) -> bool:
        assert seen.view_came(picture_id, answers.pop(0)), "it is no picture for the centre"
        front.asked.append(picture_id)
        return True

    monkeypatch.setattr(front, "take_snapshot", take_snapshot)
    views = [seen.view("front"), seen.view("front"), seen.view("dead")]
    assert views == [View(b"jpeg"), View(None, "it is dark"), View(None, "it does not work now")]
    assert seen.view_came(front.asked[0], View(b"late")), "nor is one that comes when nobody waits any more"
    assert not seen.view_came("alarm-1", View(b"jpeg"))
