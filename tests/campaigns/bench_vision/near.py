"""Videos of people who stand before the camera and fill the picture."""

import os
from itertools import chain, cycle, islice
from pathlib import Path

from deploy.lab.opencv_video import VideoFile
from tests.campaigns.bench.child import ROOT
from tests.campaigns.bench_vision import close_views
from tests.campaigns.bench_vision.row import Row, skipped
from tests.campaigns.bench_vision.stage import DEFAULT_BUDGET, RATE, Stage
from tests.campaigns.bench_vision.view import LATEST_S, LEAST_RIGHT, MOST_NOBODY, View, view_of
from tests.campaigns.bench_vision.watched import watch

PERSONS = {"fruit-and-vegetable-detection": 0, "classroom": 4, "store-aisle-detection": 3}
"""How many a video shows, where it is not one. Hands alone are nobody."""
_BEFORE = {"store-aisle-detection": (18, 2)}
"""Before which of its frames, from 0, it shows how many: until the head of the woman in brown is in the picture."""
_KINDS = {".gif", ".mkv", ".mp4", ".avi"}
_NOBODY_ROW = ("near_nobody", "near views: frames in which nobody is seen", f"≤ {MOST_NOBODY:.0%} each")
_ANNOUNCED_ROW = ("near_announced", "near views: somebody is announced after", f"≤ {LATEST_S:.0f} s each")
_PERSONS_ROW = ("near_persons", "near views: frames with the right number of people", f"≥ {LEAST_RIGHT:.0%}")
_HANDS_ROW = ("near_hands", "near views: hands announced as people", "0")


def directory() -> Path:
    """Where the videos ought to be."""
    own = os.environ.get("EDGE_TEST_NEAR_VIEWS")
    return Path(own) if own else ROOT.parent / "shared" / "data" / "near-views"


def rows(stage: Stage, where: Path) -> list[Row]:
    """Those of the videos, which are skipped where there are none, and that of the cut-outs."""
    files = sorted(path for path in where.glob("*") if path.suffix in _KINDS)
    views = []
    for number, path in enumerate(files, start=1):
        stage.say("near views", number, len(files))
        replay = stage.replay(inferences_per_second=DEFAULT_BUDGET)
        video = VideoFile(path)
        step, pictures = max(round((video.frames_per_second or RATE) / RATE), 1), list(video)
        frames = _there_and_back(len(pictures), step, stage.effort.near)
        watched = watch(replay, (pictures[frame] for frame in frames), lambda _done: None)
        views.append(view_of(path.stem, watched, [persons_at(path.stem, frame) for frame in frames]))
    return [*rows_of(views, f"no videos in {where}"), close_views.row(stage)]


def rows_of(views: list[View], why: str) -> list[Row]:
    """The rows of the videos, or why there are none."""
    people = [view for view in views if PERSONS.get(view.name, 1)]
    hands = [view for view in views if not PERSONS.get(view.name, 1)]
    made = []
    if people:
        values = {"views": [view.as_dict() for view in people]}
        best, worst = min(view.nobody for view in people), max(view.nobody for view in people)
        made.append(Row(*_NOBODY_ROW, f"{best:.1%} to {worst:.1%}", worst <= MOST_NOBODY, values))
        made.append(_announced(people))
        right = sum(view.right for view in people) / len(people)
        made.append(Row(*_PERSONS_ROW, f"{right:.1%}, {_worst(people)}", right >= LEAST_RIGHT, values))
    else:
        made += [skipped(*row, why) for row in (_NOBODY_ROW, _ANNOUNCED_ROW, _PERSONS_ROW)]
    if hands:
        told = sum(view.announced_s is not None for view in hands)
        made.append(Row(*_HANDS_ROW, f"{told} (videos of hands: {len(hands)})", told == 0))
    else:
        made.append(skipped(*_HANDS_ROW, why))
    return made


def _worst(views: list[View]) -> str:
    worst = min(views, key=lambda view: view.right)
    return f"{worst.right:.0%} in {worst.name}"


def _announced(people: list[View]) -> Row:
    soon = [view for view in people if view.soon]
    latest = max((view.announced_s or 0.0 for view in soon), default=0.0)
    figure = f"{len(soon)} of {len(people)} in time, {latest:.1f} s at the latest"
    return Row(*_ANNOUNCED_ROW, figure, len(soon) == len(people))


def persons_at(name: str, frame: int) -> int:
    """How many people this frame of a video shows, from 0."""
    first, before = _BEFORE.get(name, (0, 0))
    return before if frame < first else PERSONS.get(name, 1)


def _there_and_back(frames: int, step: int, count: int) -> list[int]:
    """So many numbers of frames; a short video is played there and back, so that nobody jumps."""
    shown = range(0, frames, step)
    return list(islice(cycle(chain(shown, shown[-2:0:-1])), count))
