"""People who stand before the camera and fill the picture: videos, and people cut out of the PETS video."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path

from agent.adapters.opencv_video import VideoFile
from tests.campaigns.bench.child import ROOT
from tests.campaigns.bench_vision.row import Row, skipped
from tests.campaigns.bench_vision.stage import RATE, Pixels, Stage
from tests.campaigns.bench_vision.watched import Watched, watch
from tests.support.near_scene import NearScene, Standing, stock_still, sways, trembles

MOST_NOBODY, LATEST_S = 0.05, 2.0
NOBODY = frozenset({"fruit-and-vegetable-detection"})
"""Videos without a person: hands at most."""
_KINDS = {".gif", ".mkv", ".mp4", ".avi"}
_SIZES = ((640, 480), (1280, 720), (480, 640))
_GROUPS = (
    (Standing(0, way=sways(1.5)),),
    (Standing(3, x=0.25, way=sways(1.5)),),
    (Standing(4, height=1.3, foot=1.4, way=sways(1.5)),),
    (Standing(1, x=0.33, way=sways(1.5)), Standing(2, x=0.62, way=sways(1.0, every_s=3.0))),
    (Standing(1, x=0.25, way=sways(1.5)), Standing(2, way=sways(1.0)), Standing(5, x=0.75, way=trembles())),
)
_POSTERS = ((Standing(0),), tuple(Standing(who, x, way=stock_still) for who, x in ((1, 0.25), (2, 0.5), (3, 0.75))))
_NOBODY_ROW = ("near_nobody", "near views: frames in which nobody is seen", f"≤ {MOST_NOBODY:.0%} each")
_ANNOUNCED_ROW = ("near_announced", "near views: somebody is announced after", f"≤ {LATEST_S:.0f} s each")
_HANDS_ROW = ("near_hands", "near views: hands announced as people", "0")


@dataclass(frozen=True, slots=True)
class View:
    """What one video gave."""

    name: str
    nobody: float
    """Share of the frames."""
    announced_s: float | None
    """When the first person was; None: nobody was."""

    @property
    def soon(self) -> bool:
        """Announced in time."""
        return self.announced_s is not None and self.announced_s <= LATEST_S


def directory() -> Path:
    """Where the videos ought to be."""
    own = os.environ.get("EDGE_TEST_NEAR_VIEWS")
    return Path(own) if own else ROOT.parent / "shared" / "data" / "near-views"


def rows(stage: Stage, where: Path) -> list[Row]:
    """Those of the videos, which are skipped where there are none, and those of the cut-outs."""
    files = sorted(path for path in where.glob("*") if path.suffix in _KINDS)
    views = []
    for number, path in enumerate(files, start=1):
        stage.say("near views", number, len(files))
        views.append(_view(path.stem, watch(stage.replay(), _there_and_back(path, stage.effort.near), _quietly)))
    return [*_rows_of(views, where), _cut_outs(stage)]


def _rows_of(views: list[View], where: Path) -> list[Row]:
    people = [view for view in views if view.name not in NOBODY]
    hands = [view for view in views if view.name in NOBODY]
    why = f"no videos in {where}"
    made = []
    if people:
        worst = max(view.nobody for view in people)
        values = {"views": {view.name: view.nobody for view in people}}
        figure = f"{min(view.nobody for view in people):.1%} to {worst:.1%}"
        made.append(Row(*_NOBODY_ROW, figure, worst <= MOST_NOBODY, values))
        made.append(_announced(people))
    else:
        made += [skipped(*_NOBODY_ROW, why), skipped(*_ANNOUNCED_ROW, why)]
    if hands:
        told = sum(view.announced_s is not None for view in hands)
        made.append(Row(*_HANDS_ROW, f"{told} (videos of hands: {len(hands)})", told == 0))
    else:
        made.append(skipped(*_HANDS_ROW, why))
    return made


def _announced(people: list[View]) -> Row:
    soon = [view for view in people if view.soon]
    values = {"views": {view.name: view.announced_s for view in people}}
    latest = max((view.announced_s or 0.0 for view in soon), default=0.0)
    figure = f"{len(soon)} of {len(people)} in time, {latest:.1f} s at the latest"
    return Row(*_ANNOUNCED_ROW, figure, len(soon) == len(people), values)


def _cut_outs(stage: Stage) -> Row:
    """People of the PETS video before a shop, who sway by a pixel or do not move at all."""
    frames = stage.effort.near
    views, told = [], 0
    scenes = [(size, group) for size in _SIZES for group in (*_GROUPS, *_POSTERS)]
    for number, (size, group) in enumerate(scenes, start=1):
        stage.say("people cut out and placed large", number, len(scenes))
        scene = NearScene(group, size)
        watched = watch(stage.replay(), (scene.at(number / RATE) for number in range(frames)), _quietly)
        if group in _POSTERS:
            told += len(watched.entered)
        else:
            views.append(_view(f"{size[0]}x{size[1]}, {len(group)}", watched))
    nobody, soon = max(view.nobody for view in views), sum(view.soon for view in views)
    return Row(
        "near_cut_outs",
        "people cut out and placed large: announced in time; frames with nobody; posters announced",
        f"all; ≤ {MOST_NOBODY:.0%}; 0",
        f"{soon} of {len(views)}; ≤ {nobody:.1%}; {told}",
        soon == len(views) and nobody <= MOST_NOBODY and not told,
        {"views": [(view.name, view.nobody, view.announced_s) for view in views]},
    )


def _view(name: str, watched: Watched) -> View:
    first = min((event.frame for event in watched.entered), default=None)
    nobody = sum(not line["tracks"] for line in watched.lines) / len(watched.lines)
    return View(name, nobody, None if first is None else (first - 1) / RATE)


def _there_and_back(path: Path, frames: int) -> Iterator[Pixels]:
    """So many pictures at our rate; a short video is played there and back, so that nobody jumps."""
    video = VideoFile(path)
    pictures = list(video)[:: max(round((video.frames_per_second or RATE) / RATE), 1)]
    return islice(cycle(chain(pictures, pictures[-2:0:-1])), frames)


def _quietly(_done: int) -> None:
    """Progress is told by video, not by frame."""
