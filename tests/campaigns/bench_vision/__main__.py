"""`python -m tests.campaigns.bench_vision`: how well people are seen, and what that costs, in one run."""

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agent.core.errors import UsageError
from tests.campaigns import measured
from tests.campaigns.bench.program import Program, parser
from tests.campaigns.bench_vision import (
    accuracy,
    arrival,
    budgets,
    clips,
    cost,
    false_alerts,
    footprint,
    ground_truth,
    near,
    plots,
    purity,
    report,
    scored_run,
    stillness,
    stress,
    tamper,
    tampering,
    who,
)
from tests.campaigns.bench_vision.clips import Clip
from tests.campaigns.bench_vision.curve import curve
from tests.campaigns.bench_vision.effort import FULL, QUICK
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import Pixels, Stage
from tests.campaigns.bench_vision.watched import watch
from tests.campaigns.bench_vision.who import Person
from tests.support.tampered_video import PICTURE_KINDS
from tests.support.vision_media import demo_video, tree_video

_PLOTS = "vision"
"""How the names of the pictures beside docs/measured.md begin."""
_EXAMPLE = """\
Example:
  python -m tests.campaigns.bench_vision
  python -m tests.campaigns.bench_vision --only variants --only budgets
  python -m tests.campaigns.bench_vision --clips ~/clips
  python -m tests.campaigns.bench_vision --people ~/pictures
  python -m tests.campaigns.bench_vision --model yolov8s-h8l --delegate hailo
  python -m tests.campaigns.bench_vision --quick --json /tmp/bench-vision.json
"""
PARTS = (
    "accuracy",
    "variants",
    "budgets",
    "stillness",
    "near",
    "cost",
    "alerts",
    "limit",
    "memory",
    "arrival",
    "tamper",
)
_OF_ANY_MODEL = ("accuracy",)
"""Parts that compare with nothing that runs the built model without the agent."""
_SHEETS = {"variants", "budgets", "alerts"}
"""Parts with a table of their own."""
_FIGURES = "figures"
"""All other parts: together they are the first table."""


class Run:
    """One run: `rows` grows as it goes on. Pictures are written beside `record`, two of them beside `page` too."""

    def __init__(
        self,
        stage: Stage,
        parts: Sequence[str],
        own: Sequence[Clip],
        people: Mapping[Path, list[Person]],
        record: Path,
        page: Path | None,
    ) -> None:
        self._stage = stage
        self._parts = parts
        self._record = record
        self._own = own
        self._people = people
        self._page = page
        self._truth = ground_truth.read(ground_truth.directory())
        self._why = "only a part of the video was looked at"
        if self._truth is None:
            self._why = f"no ground truth in {ground_truth.directory()}"
        self.rows: list[Row] = []

    def all(self) -> None:
        """Measure every part that was asked for."""
        stage, truth = self._stage, self._truth
        if {"accuracy", "stillness", "arrival"} & set(self._parts):
            self._pets()
        if {"accuracy", "alerts"} & set(self._parts):
            self._nobody()
        if "variants" in self._parts:
            self.rows += stress.rows(stage, truth, self._why)
        if "budgets" in self._parts:
            self._budgets()
        if "near" in self._parts:
            self.rows += near.rows(stage, near.directory())
        if "cost" in self._parts:
            self.rows += cost.rows(stage)
        if "limit" in self._parts:
            self.rows.append(budgets.limit_row(stage))
        if "memory" in self._parts:
            self.rows.append(footprint.row(stage))
        if "tamper" in self._parts:
            self.rows.append(tampering.row(self._tampers()))
        self.rows += clips.rows(stage, self._own)
        self.rows += who.rows(stage, self._people)

    def _pets(self) -> None:
        """The video once, and then what comes after it."""
        stage, truth = self._stage, self._truth
        replay = stage.replay()
        ends: deque[Pixels] = deque(maxlen=1)

        def remembered() -> Iterator[Pixels]:
            for pixels in stage.frames(stage.effort.pets):
                ends.append(pixels)
                yield pixels

        total = stage.total
        watched = watch(replay, remembered(), lambda done: stage.say("PETS", done, total))
        plots.inferences(self._beside("inferences"), watched, stage.spec().inferences_per_second)
        plots.processor(self._beside("processor"), watched)
        if "accuracy" in self._parts:
            # A part of the video can't be scored: its other half would be missing.
            if truth is not None and stage.effort.pets is None:
                scores = accuracy.score(truth, watched.lines, stage.directory)
                self.rows += accuracy.rows(scores)
                points = curve(truth, watched.lines)
                for path in self._places("precision-recall"):
                    plots.precision_recall(path, points, scores)
                self.rows.append(accuracy.entries_row(scored_run.event_score(truth, watched)))
            else:
                self.rows += accuracy.unscored(self._why)
            self.rows.append(purity.row(truth, watched, self._why))
            self.rows.append(stillness.found_row(truth, watched))
        if "stillness" in self._parts:
            self.rows += stillness.still_rows(stage, replay, last=ends[0], first=next(stage.frames()))
        if "arrival" in self._parts:
            self.rows.append(arrival.row(stage, watched))

    def _nobody(self) -> None:
        by_kind = false_alerts.rows(self._stage, self._truth)
        if "accuracy" in self._parts:
            self.rows.append(false_alerts.beside_accuracy(by_kind[-1]))
        self.rows += by_kind

    def _budgets(self) -> None:
        rows = budgets.rows(self._stage, self._truth, self._why)
        self.rows += rows
        means = {budget: row.values["means"] for budget, row in zip(budgets.TARGETS, rows, strict=True) if row.values}
        for path in self._places("budgets") if means else ():
            plots.budgets(path, means)

    def _tampers(self) -> Iterator[Mapping[str, Any]]:
        videos = (demo_video(), tree_video())
        steps = [partial(tamper.tampered, video, kind) for video in videos for kind in PICTURE_KINDS]
        steps += [partial(tamper.quiet, video) for video in videos]
        chosen = steps if self._stage.effort.tamper else steps[-3:-2]
        for number, step in enumerate(chosen, start=1):
            self._stage.say("tamper, by kind and video", number, len(chosen))
            yield step()

    def _places(self, name: str) -> list[Path]:
        """Where a picture that the documentation shows is written."""
        beside = self._beside(name)
        return [beside] if self._page is None else [beside, self._page.with_name(f"{_PLOTS}-{name}.svg")]

    def _beside(self, name: str) -> Path:
        return self._record.with_name(f"{self._record.stem}-{name}.svg")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write record and pictures; 0 when all was measured, whatever it came to."""
    made = _parser()
    args = made.parse_args(argv)
    camera = {name: value for name in ("model", "delegate") if (value := getattr(args, name))}
    if args.write and (args.clips or camera or not {_FIGURES, *_SHEETS}.issuperset(args.only or ())):
        made.error(
            "only a whole table can be written, of figures, variants, budgets, alerts or people: name no other part, "
            "and no clips, model or delegate"
        )
    try:
        own = clips.read(args.clips) if args.clips else []
        people = who.read(args.people) if args.people else {}
    except UsageError as error:
        made.error(str(error))
    bench = Program(args)
    with bench.directory() as directory, _progress(bench.console) as say:
        stage = Stage(directory, demo_video(), QUICK if args.quick else FULL, say, camera)
        chosen = args.only or (() if own or people else _OF_ANY_MODEL if camera else PARTS)
        parts = [part for part in PARTS if part in chosen or (_FIGURES in chosen and part not in _SHEETS)]
        run = Run(stage, parts, own, people, args.json, measured.PAGE if args.write else None)
        run.all()
    bench.report(report.as_tables(run.rows), rows={row.name: row.as_dict() for row in run.rows})
    bench.console.print(f"Everything behind the figures, and pictures: {args.json.with_suffix('')}*", highlight=False)
    if args.write:
        for place, table in report.markdown(bench.machine, run.rows).items():
            measured.put(place, table)
    return 0


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A line on a terminal; elsewhere a line for each part when it begins."""
    columns = (TextColumn("{task.description:36}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks: dict[str, Any] = {}

        def say(text: str, done: int, of: int) -> None:
            if text not in tasks:
                tasks[text] = progress.add_task(text, total=of)
                if not console.is_terminal:
                    console.print(text, highlight=False)
            progress.update(tasks[text], completed=done)

        yield say


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "tests.campaigns.bench_vision",
        "Measure accuracy, false alerts, cost, memory and delay of vision on two videos, in one run.",
        _EXAMPLE,
        record="build/bench-vision.json",
        quick="a small part of all: shows that it works, not how well",
    )
    made.add_argument(
        "--clips", type=Path, metavar="DIR", help="your own clips, and nothing else unless --only names it"
    )
    made.add_argument(
        "--people", type=Path, metavar="DIR", help="pictures of people, and nothing else unless --only names it"
    )
    made.add_argument(
        "--only",
        action="append",
        choices=(_FIGURES, *PARTS),
        help=f"this part alone, or {_FIGURES}: all but {' and '.join(sorted(_SHEETS))}; may be given several times",
    )
    made.add_argument(
        "--model", metavar="NAME", help=f"another model: {', '.join(_OF_ANY_MODEL)} unless --only names more"
    )
    made.add_argument("--delegate", metavar="NAME", help="what runs it, as in the settings of a camera")
    return made


if __name__ == "__main__":
    sys.exit(main())
