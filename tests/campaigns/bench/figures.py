"""One line of the outcome: what was measured, beside what it is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.campaigns.bench.distribution import Distribution


@dataclass(frozen=True, slots=True)
class Figure:
    """`ours` beside `baseline`, in the same unit and of the same run; without a baseline it stands alone."""

    name: str
    """Key in the record; never reused for something else."""
    title: str
    unit: str
    ours: float
    baseline: float | None = None
    against: str = ""
    """What the baseline is."""
    goal: float | None = None
    """The ratio that we want: at most, or at least when `more_is_better`."""
    more_is_better: bool = False
    samples: Distribution | None = None
    baseline_samples: Distribution | None = None

    @property
    def ratio(self) -> float | None:
        """`ours` divided by `baseline`."""
        return None if not self.baseline else self.ours / self.baseline

    @property
    def reached(self) -> bool | None:
        """Whether the ratio is as good as the goal; None without one."""
        if self.ratio is None or self.goal is None:
            return None
        return self.ratio >= self.goal if self.more_is_better else self.ratio <= self.goal

    def as_dict(self) -> dict[str, Any]:
        """For the record."""
        return {
            "title": self.title,
            "unit": self.unit,
            "ours": round(self.ours, 4),
            "baseline": None if self.baseline is None else round(self.baseline, 4),
            "against": self.against,
            "ratio": None if self.ratio is None else round(self.ratio, 4),
            "goal": self.goal,
            "more_is_better": self.more_is_better,
            "samples": self.samples and self.samples.as_dict(),
            "baseline_samples": self.baseline_samples and self.baseline_samples.as_dict(),
        }


def of_percentiles(
    name: str,
    title: str,
    against: str,
    ours: Distribution,
    baseline: Distribution | None,
    *,
    goals: Mapping[int, float] | None = None,
) -> list[Figure]:
    """A figure a percentile of two distributions of milliseconds."""
    return [
        Figure(
            name=f"{name}_p{percent}",
            title=f"{title}, p{percent}",
            unit="ms",
            ours=ours.percentile(percent),
            baseline=None if baseline is None else baseline.percentile(percent),
            against=against,
            goal=(goals or {}).get(percent),
            samples=ours,
            baseline_samples=baseline,
        )
        for percent in (50, 99)
    ]


def of_medians(
    name: str,
    title: str,
    unit: str,
    against: str,
    ours: Distribution,
    baseline: Distribution,
    *,
    goal: float | None = None,
    more_is_better: bool = False,
) -> Figure:
    """The medians of two distributions."""
    return Figure(
        name=name,
        title=title,
        unit=unit,
        ours=ours.median,
        baseline=baseline.median,
        against=against,
        goal=goal,
        more_is_better=more_is_better,
        samples=ours,
        baseline_samples=baseline,
    )
