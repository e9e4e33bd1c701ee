"""Whether the model is ever run more often than the settings allow."""

from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import Stage
from tests.campaigns.bench_vision.watched import watch


def row(stage: Stage) -> Row:
    """The most inferences in any second of a busy scene, for several settings."""
    most: dict[int, int] = {}
    frames = stage.effort.budget_frames
    for budget in stage.effort.budgets:
        replay = stage.replay(inferences_per_second=float(budget))
        tell = lambda done, budget=budget: stage.say(f"a budget of {budget}", done, frames)  # noqa: E731
        most[budget] = watch(replay, stage.frames(frames), tell).tally.most_inferences_in_a_second
    return Row(
        "budget",
        "most inferences in any second, by budget",
        "never above",
        ", ".join(f"{count} of {budget}" for budget, count in most.items()),
        all(count <= budget for budget, count in most.items()),
        {"most": most},
    )
