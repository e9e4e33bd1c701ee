"""What each budget of inferences is good for, and which profile has which."""

import tomllib
from collections.abc import Sequence
from statistics import mean

from tests.campaigns.bench.child import ROOT
from tests.campaigns.bench_vision import purity
from tests.campaigns.bench_vision.ground_truth import Truth
from tests.campaigns.bench_vision.row import NO_TARGET, Row, skipped
from tests.campaigns.bench_vision.scored_run import ScoredRun, run
from tests.campaigns.bench_vision.stage import DEFAULT_BUDGET, Stage
from tests.campaigns.bench_vision.watched import watch

SHEET = "PETS at the budget of each profile"
TARGETS: dict[float, tuple[float, float] | None] = {
    6: (0.70, 0.55),
    12: (0.80, 0.70),
    15: None,
    20: (0.85, 0.78),
    33: (0.88, 0.82),
}
"""By inferences a second, the least recall and MOTA."""
FIGURES = {"recall": "recall", "precision": "precision", "MOTA": "mota", "IDF1": "idf1", "AP": "AP50"}
"""Column, and what score.py calls it."""


def rows(stage: Stage, truth: Truth | None, why: str) -> list[Row]:
    """One a budget, the mean of some starts; skipped with `why` when they can't be scored."""
    return [_row(stage, truth, budget, why) for budget in TARGETS]


def _row(stage: Stage, truth: Truth | None, budget: float, why: str) -> Row:
    if truth is None or stage.effort.pets is not None:
        return skipped(f"budget_{budget:g}", _title(budget), _words(budget), why, SHEET)
    return row(
        budget,
        [
            run(stage, truth, f"PETS, {budget:g} a second, start {start}", budget=budget, start=start)
            for start in stage.effort.starts
        ],
    )


def row(budget: float, runs: Sequence[ScoredRun]) -> Row:
    """What these runs gave."""
    means = {column: mean(each.scores[name] for each in runs) for column, name in FIGURES.items()}
    entered, events = mean(each.people for each in runs), mean(each.events.f1 for each in runs)
    target = TARGETS[budget]
    cells = {
        "profiles": ", ".join(profiles_at(budget)) or "-",
        **{column: f"{value:.2f}" for column, value in means.items()},
        "entered": f"{entered:.1f} of {purity.PEOPLE}",
        "F1 of entries": f"{events:.2f}",
    }
    reached = target is None or (means["recall"] >= target[0] and means["MOTA"] >= target[1])
    values = {"means": means, "runs": [each.scores for each in runs]}
    return Row(f"budget_{budget:g}", _title(budget), _words(budget), "", reached, values, SHEET, cells)


def profiles_at(budget: float) -> list[str]:
    """The profiles with this many inferences a second and camera, or with more but fewer than the next row."""
    steps = sorted(TARGETS)
    above = next((step for step in steps if step > budget), float("inf"))
    return [
        name if own == budget else f"{name} ({own:g})"
        for name, own in sorted(profile_budgets().items())
        if budget <= own < above
    ]


def profile_budgets() -> dict[str, float]:
    """Inferences a second for each camera of each profile that has cameras."""
    found: dict[str, float] = {"the default": DEFAULT_BUDGET}
    for path in sorted((ROOT / "firmware_configs").glob("*/edge-agent.d/*.toml")):
        for camera in tomllib.loads(path.read_text(encoding="utf-8")).get("cameras", []):
            if "inferences_per_second" in camera:
                found[path.parts[-3]] = float(camera["inferences_per_second"])
    return found


def limit_row(stage: Stage) -> Row:
    """The most inferences in any second of a busy scene, for several settings."""
    most: dict[int, int] = {}
    frames = stage.effort.limit_frames
    for budget in stage.effort.limits:
        replay = stage.replay(inferences_per_second=float(budget))
        tell = lambda done, budget=budget: stage.say(f"a limit of {budget}", done, frames)  # noqa: E731
        most[budget] = watch(replay, stage.frames(frames), tell).tally.most_inferences_in_a_second
    return Row(
        "budget",
        "most inferences in any second, by budget",
        "never above",
        ", ".join(f"{count} of {budget}" for budget, count in most.items()),
        all(count <= budget for budget, count in most.items()),
        {"most": most},
    )


def _title(budget: float) -> str:
    return f"{budget:g} inferences a second"


def _words(budget: float) -> str:
    target = TARGETS[budget]
    return NO_TARGET if target is None else f"recall ≥ {target[0]:.2f}, MOTA ≥ {target[1]:.2f}"
