"""Who falls, runs or closes in on somebody is told: real people, the real model; and nobody where none does."""

import math
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import pytest

from agent.core.camera.link import Happened
from agent.ports import Frame
from agent.vision.app import make_sight
from agent.vision.loaded_model import load_model
from agent.vision.rule_factory import rules_of
from agent.vision.sight import FLOOR
from deploy.lab.opencv_video import VideoFile
from deploy.lab.replay import Replay
from tests.support.acting_scene import Acting, ActingScene, Pose, falls, moves
from tests.support.near_scene import Pixels
from tests.support.vision_media import demo_video
from tests.support.vision_process import vision_spec

STREET = {
    "name": "street",
    "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]],
    "person_down_after_s": 4,
    "running_from": 1.8,
}
COOL_DOWN_S = 2.0
FAR = 0.15
SMALL = 0.2
"""Of the picture's height, and so 0.15 of its width."""


def told(pictures: Iterable[Pixels], directory: Path, per_s: float, **settings: float) -> list[Happened]:
    """What is told of how people move, and not only of where they are."""
    replay = Replay(vision_spec(directory, threads=1, zones=[STREET], cool_down_s=COOL_DOWN_S, **settings), per_s)
    events = [event for pixels in pictures for event in replay.process(pixels).events if isinstance(event, Happened)]
    return [event for event in events if event.t in {"person-down", "running"}]


def film(
    directory: Path, *people: Acting, until_s: float, per_s: float = 5.0, **settings: float
) -> list[tuple[str, str]]:
    scene = ActingScene(people)
    pictures = (scene.at(number / per_s) for number in range(round(until_s * per_s)))
    return [(event.t, event.data.model_dump()["phase"]) for event in told(pictures, directory, per_s, **settings)]


@pytest.mark.parametrize(
    ("who", "height", "by", "settings"),
    [
        (0, 0.3, 90, {}),
        (1, 0.28, -110, {}),
        (3, 0.25, 90, {"inferences_per_second": 6.0}),
        (4, 0.25, -90, {"inferences_per_second": 12.0}),
    ],
)
def test_who_falls_and_lies_is_told_and_told_over_when_they_are_up(
    who: int, height: float, by: float, settings: dict[str, float], tmp_path: Path
) -> None:
    falling = Acting(who, height, falls(0.45, 0.7, at_s=3, up_s=11, by=by))
    shown = film(tmp_path, falling, until_s=19, **settings)

    assert shown == [("person-down", "began"), ("person-down", "ended")]


def test_who_is_down_for_a_moment_who_walks_away_and_who_vanishes_are_not_told(tmp_path: Path) -> None:
    def vanishes(at_s: float) -> Pose | None:
        return Pose(0.8, 0.6) if at_s < 4 else None

    street = film(
        tmp_path,
        Acting(0, 0.25, falls(0.4, 0.6, at_s=3, up_s=5.5)),
        Acting(1, 0.25, moves(0.95, pace=0.1)),
        Acting(4, 0.25, vanishes),
        until_s=12,
    )

    assert street == []


@pytest.mark.parametrize(("who", "heights_per_s"), [(0, 2.5), (2, 3.5)])
def test_who_runs_is_told_before_they_are_out_of_the_picture(who: int, heights_per_s: float, tmp_path: Path) -> None:
    running = Acting(who, SMALL, moves(0.7, pace=heights_per_s * 0.75 * SMALL))

    assert film(tmp_path, running, until_s=1 / (heights_per_s * 0.75 * SMALL), per_s=10) == [("running", "began")]


def test_who_walks_fast_does_not_run(tmp_path: Path) -> None:
    assert film(tmp_path, Acting(1, SMALL, moves(0.7, pace=1.2 * 0.75 * SMALL)), until_s=5, per_s=10) == []


def test_on_the_street_of_the_demo_video_everybody_walks_and_in_the_wind_nobody_is(tmp_path: Path) -> None:
    assert told(islice(VideoFile(demo_video()), 300), tmp_path, 7.0) == []
    assert told(VideoFile(demo_video().with_name("tree.avi")), tmp_path, 10.0) == []


def comes_to(x: float, foot: float, from_x: float, took_s: float = 3.0) -> Callable[[float], Pose]:
    def does(at_s: float) -> Pose:
        left = max(1 - at_s / took_s, 0.0)
        return Pose(x + left * (from_x - x) + 0.002 * math.sin(1.7 * at_s), foot)

    return does


@pytest.mark.parametrize(("how_many", "told"), [(3, 3), (1, None)])
def test_several_who_close_in_on_one_are_known_for_an_alarm(how_many: int, told: int | None, tmp_path: Path) -> None:
    come = [comes_to(0.38, 0.72, 0.05), comes_to(0.62, 0.72, 0.95), comes_to(0.56, 0.6, 0.9)][:how_many]
    around = [Acting(who, FAR, does) for who, does in enumerate(come, start=1)]
    scene = ActingScene([*reversed(around), Acting(0, FAR, comes_to(0.5, 0.72, 0.5))])
    spec = vision_spec(tmp_path, threads=1)
    model = load_model(spec.model, spec.model_directories, 1, FLOOR)
    sight, rules = make_sight(spec, model.detector), rules_of(spec)
    for number in range(60):
        frame = Frame(scene.at(number / 10), (1000 + number) * 100_000_000, number + 1)
        rules.update(frame.boottime_ns, None, sight.process(frame).people, 4 / 3)

    assert (rules.approach and rules.approach.people) == told
