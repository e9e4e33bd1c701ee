"""What many measurements of one thing say together."""

import math
from collections.abc import Iterable


class Distribution:
    """Samples in one unit. Percentiles are samples that were seen (nearest rank), never in between."""

    def __init__(self, samples: Iterable[float]) -> None:
        self._sorted = sorted(samples)
        if not self._sorted:
            raise ValueError("nothing was measured")

    def __len__(self) -> int:
        return len(self._sorted)

    def percentile(self, percent: float) -> float:
        """The smallest sample that `percent` of all samples do not exceed."""
        rank = math.ceil(percent / 100 * len(self._sorted))
        return self._sorted[max(rank, 1) - 1]

    @property
    def median(self) -> float:
        """The 50th percentile."""
        return self.percentile(50)

    def as_dict(self) -> dict[str, float]:
        """The number of samples, the extremes and the percentiles, for the record."""
        percentiles = {f"p{percent:g}": self.percentile(percent) for percent in (10, 25, 50, 75, 90, 95, 99)}
        shown = {"min": self._sorted[0], **percentiles, "max": self._sorted[-1]}
        return {"count": len(self), **{name: round(value, 4) for name, value in shown.items()}}
