"""PETS in worse light, through worse lenses and on worse mounts, with the settings' defaults: a row a variant."""

from dataclasses import dataclass

from tests.campaigns.bench_vision import purity
from tests.campaigns.bench_vision.ground_truth import Truth
from tests.campaigns.bench_vision.row import NO_TARGET, Row, skipped
from tests.campaigns.bench_vision.scored_run import ScoredRun, run
from tests.campaigns.bench_vision.stage import DEFAULT_BUDGET, Stage
from tests.campaigns.bench_vision.variants import VARIANTS, Variant

SHEET = "PETS in worse light, through worse lenses, on worse mounts"
_HARDLY_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted of one variant; 0 is nothing."""

    ap: float = 0.0
    mota: float = 0.0
    people: int = 0

    def words(self) -> list[str]:
        """What is wanted, figure by figure."""
        wanted = (("AP", self.ap), ("MOTA", self.mota), ("entered", self.people))
        return [f"{name} ≥ {value}" for name, value in wanted if value]

    def reached(self, found: ScoredRun) -> bool:
        """Whether all of it is."""
        scores = found.scores
        mota = not self.mota or scores["mota"] >= self.mota  # it may be below 0
        return scores["AP50"] >= self.ap and mota and found.people >= self.people


TARGETS = {
    "day": Target(ap=0.82, people=purity.PEOPLE),
    "dark": Target(mota=0.72),
    "night25": Target(people=15),
    "rain": Target(ap=0.72),
    "blur": Target(ap=0.65),
}


def rows(stage: Stage, truth: Truth | None, why: str) -> list[Row]:
    """One a variant; skipped with `why` when they can't be scored."""
    made = []
    for name, variant in VARIANTS.items():
        if truth is None or stage.effort.pets is not None:
            made.append(skipped(f"variant_{name}", name, _words(name, variant), why, SHEET))
        else:
            made.append(row(name, run(stage, truth, f"PETS, {name}", budget=DEFAULT_BUDGET, variant=name)))
    return made


def row(name: str, found: ScoredRun) -> Row:
    """What one variant gave."""
    variant, scores = VARIANTS[name], found.scores
    told = found.hardly_s is not None and found.hardly_s <= _HARDLY_WITHIN_S
    # A variant in which people can still be seen may be told as hardly able to see; plain day may not.
    right = told if variant.hardly_able_to_see else name != "day" or found.hardly_s is None
    cells = {
        "object activity": variant.activity,
        "scenario": variant.scenario,
        "stress": variant.stress,
        "recall": f"{scores['recall']:.2f}",
        "precision": f"{scores['precision']:.2f}",
        "MOTA": f"{scores['mota']:.2f}",
        "AP": f"{scores['AP50']:.2f}",
        "entered": f"{found.people} of {purity.PEOPLE}",
        "hardly able to see": "not told" if found.hardly_s is None else f"after {found.hardly_s:.0f} s",
    }
    reached = TARGETS.get(name, Target()).reached(found) and right
    return Row(f"variant_{name}", name, _words(name, variant), "", reached, {"scores": scores}, SHEET, cells)


def _words(name: str, variant: Variant) -> str:
    words = TARGETS.get(name, Target()).words()
    if variant.hardly_able_to_see:
        words.append(f"told in {_HARDLY_WITHIN_S:.0f} s")
    elif name == "day":
        words.append("not told")
    return ", ".join(words) or NO_TARGET
