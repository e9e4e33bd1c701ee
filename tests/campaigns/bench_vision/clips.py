"""Clips of your own: a directory of videos, each with a file of the true entries and exits beside it.

`street.mp4` has its truth in `street.csv`, with the columns `second` and `event`: a time in the video and `entered` or
`left`, one line for each person. A clip that shows nobody has the heading alone.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.core.errors import UsageError
from deploy.lab.replay import Film
from tests.campaigns.bench_vision import entries
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import DEFAULT_BUDGET, Stage
from tests.campaigns.bench_vision.watched import watch

SHEET = "Your own clips"
_VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".gif"}
_COLUMNS = ["second", "event"]
_EVENTS = ("entered", "left")
_EARLY_S = 1.0
"""A person writes down a time to a second or so."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A video, and the seconds at which people really came and went."""

    video: Path
    entered: tuple[float, ...]
    left: tuple[float, ...]
    last: tuple[float, int] = (0.0, 1)
    """The latest of these seconds, and its line."""


def read(directory: Path) -> list[Clip]:
    """All clips of a directory, by name. Raises UsageError, which names file and line."""
    if not directory.is_dir():
        raise UsageError(f"{directory} is no directory: --clips wants one with videos and their .csv files")
    videos = sorted(path for path in directory.iterdir() if path.suffix.lower() in _VIDEOS)
    if not videos:
        raise UsageError(f"{directory} has no video ({', '.join(sorted(_VIDEOS))})")
    return [_clip(video) for video in videos]


def _clip(video: Path) -> Clip:
    truth = video.with_suffix(".csv")
    try:
        lines = truth.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        heading = ",".join(_COLUMNS)
        raise UsageError(
            f"{video} has no truth beside it: write {truth.name}, at least its heading {heading}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{truth} can't be read: {error}") from error
    table = list(csv.reader(lines))
    if not table or [name.strip() for name in table[0]] != _COLUMNS:
        given = lines[0] if lines else ""
        raise UsageError(f"{truth}, line 1: the heading must be {','.join(_COLUMNS)}, and is {given!r}")
    told = sorted((*_line(cells, f"{truth}, line {n}"), n) for n, cells in enumerate(table[1:], start=2) if cells)
    there = 0
    for second, event, number in told:  # of one second, "entered" comes before "left"
        there += 1 if event == "entered" else -1
        if there < 0:
            raise UsageError(f"{truth}, line {number}: nobody is there who could leave at {second:g} s")
    entered, left = (tuple(second for second, event, _ in told if event == each) for each in _EVENTS)
    return Clip(video, entered, left, (told[-1][0], told[-1][2]) if told else (0.0, 1))


def _line(cells: Sequence[str], where: str) -> tuple[float, str]:
    second, event = (cells[0].strip(), cells[1].strip()) if len(cells) == len(_COLUMNS) else ("", "")
    if event not in _EVENTS:
        raise UsageError(f"{where}: {','.join(cells)!r} is not a number of seconds and {' or '.join(_EVENTS)}")
    try:
        at_s = float(second)
    except ValueError:
        at_s = -1.0
    if not 0 <= at_s < float("inf"):
        raise UsageError(f"{where}: {second!r} is no number of seconds since the video began")
    return at_s, event


def rows(stage: Stage, clips: Sequence[Clip]) -> list[Row]:
    """One a clip, with the defaults of a camera. Raises UsageError for a truth that goes beyond its video."""
    for clip in clips:  # a mistake must not show only after the clips before it
        film = Film(clip.video)
        if film.frames is not None:
            _check(clip, film.frames / film.frames_per_second)
    return [_row(stage, clip) for clip in clips]


def _check(clip: Clip, length_s: float) -> None:
    second, number = clip.last
    if second > length_s:
        where = f"{clip.video.with_suffix('.csv')}, line {number}"
        raise UsageError(f"{where}: {second:g} s is after the video's end, {length_s:.1f} s")


def _row(stage: Stage, clip: Clip) -> Row:
    film = Film(clip.video)
    rate, title = film.frames_per_second, f"clip {clip.video.name}"
    replay = stage.replay(rate, inferences_per_second=DEFAULT_BUDGET)
    watched = watch(replay, film, lambda done: stage.say(title, done, film.frames or done))
    _check(clip, len(watched.lines) / rate)
    entered = entries.score(clip.entered, [event.frame / rate for event in watched.entered], early_s=_EARLY_S)
    gone = [frame / rate for frame, name in watched.alerts if name == "person-left"]
    left = entries.score(clip.left, gone, early_s=_EARLY_S)
    delay_s = sum(entered.delays_s) / len(entered.delays_s) if entered.delays_s else None
    cells = {
        "entered": f"{entered.found} of {len(clip.entered)}",
        "false": str(entered.false),
        "F1": f"{entered.f1:.2f}",
        "delay": "-" if delay_s is None else f"{max(delay_s, 0):.1f} s",
        "left": f"{left.found} of {len(clip.left)}",
    }
    reached = not entered.missed and not entered.false
    values = {"events": [(round(frame / rate, 1), name) for frame, name in watched.alerts]}
    return Row(f"clip_{clip.video.name}", clip.video.name, "all entered, none false", "", reached, values, SHEET, cells)
