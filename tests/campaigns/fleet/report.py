"""What the runs have shown: the verdict, a table for people, and pictures against N."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.campaigns.fleet.bare import Baseline
from tests.campaigns.fleet.fleet import Press
from tests.campaigns.fleet.stages import Stage

QUIET = "quiet"
_FLOOR_MS = 100.0
_TIMES_QUIET = 3.0
_AFTER_ACCEPTING_S = 10.0
_WINDOWS_BACK = 2.0
_MIB = 2**20
_OWN = ("devices", "broker", "window_s", "numbered", "lost", "counts")


@dataclass
class Run:
    """One fleet of one size."""

    devices: int
    broker: str
    window_s: float
    baseline: Baseline
    stages: list[Stage] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)
    numbered: int = 0
    """Messages that devices gave a number of the record."""
    lost: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def figures(self, stage: str, *, is_up: bool = True) -> dict[str, Any]:
        """p50, p99 and maximum in milliseconds of the presses of a stage, and how many there were and arrived."""
        chosen = [each for each in self.presses if each.stage == stage and each.is_up == is_up]
        arrived = sorted(ms for each in chosen if (ms := each.latency_ms) is not None)
        return {
            "presses": len(chosen),
            "arrived": len(arrived),
            **{name: _at(arrived, part) for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))},
        }

    def after_accepting_s(self, stage: Stage) -> float | None:
        """The slowest press of those that were made while the broker, or the centre, was away: the seconds from the
        moment that it was there again."""
        ns = stage.accepting_ns
        away = [each.arrived_ns for each in self.presses if each.stage == stage.name and not each.is_up]
        arrived = [came for came in away if came is not None]
        return None if ns is None or not arrived else max(0.0, (max(arrived) - ns) / 1e9)

    def faults(self) -> list[str]:
        """What is worse than the targets, in words."""
        quiet = self.figures(QUIET)["p99"]
        limit = _FLOOR_MS if quiet is None else max(_FLOOR_MS, _TIMES_QUIET * quiet)
        found = [f"{self.lost} messages lost"] if self.lost else []
        if lost := sum(each.arrived_ns is None for each in self.presses):
            found.append(f"{lost} presses lost")
        for stage in self.stages:
            found += stage.faults
            p99 = self.figures(stage.name)["p99"]
            if p99 is not None and p99 > limit:
                found.append(f"{stage.name}: p99 of {p99:.0f} ms is more than {limit:.0f} ms")
            if stage.back_s is not None and stage.back_s > _WINDOWS_BACK * self.window_s:
                found.append(f"{stage.name}: 99 % were back after {stage.back_s:.0f} s, more than twice the window")
            after_s = self.after_accepting_s(stage)
            if after_s is not None and after_s > _AFTER_ACCEPTING_S:
                found.append(f"{stage.name}: a press came {after_s:.1f} s after the broker was back")
            if stage.name != QUIET and stage.back_s is None and stage.name != "centre_away":
                found.append(f"{stage.name}: not 99 % came back")
        return found

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        stages = [
            {**asdict(stage), **self.figures(stage.name), "after_accepting_s": self.after_accepting_s(stage)}
            for stage in self.stages
        ]
        own = {name: getattr(self, name) for name in _OWN}
        return {**own, "baseline": asdict(self.baseline), "stages": stages, "faults": self.faults()}


HEADS = (
    "stage",
    "presses",
    "p50",
    "p99",
    "max",
    "pressed while away",
    "99 % back",
    "messages",
    "broker: processor, memory",
    "devices: processor, longest pass",
    "centre",
    "others on the machine",
)


def rows(run: dict[str, Any]) -> list[list[str]]:
    """The rows of the table of a run, as `as_json` has it, under HEADS."""
    return [
        [
            stage["name"].replace("_", " "),
            f"{stage['arrived']} of {stage['presses']}",
            *(_ms(stage[name]) for name in ("p50", "p99", "max")),
            _s(stage["after_accepting_s"]),
            _s(stage["back_s"]),
            f"{stage['messages']:,}",
            f"{stage['broker_cpu_s']:.1f} s, {stage['broker_peak_bytes'] / _MIB:.0f} MiB",
            f"{stage['devices_cpu_s']:.1f} s, {1000 * stage['slowest_pass_s']:.0f} ms",
            f"{stage['centre_cpu_s']:.1f} s",
            f"{stage['others_cpu_s'] / stage['seconds']:.1f} processors" if "others_cpu_s" in stage else "-",
        ]
        for stage in run["stages"]
    ]


def summary(run: dict[str, Any]) -> str:
    """One paragraph about a run."""
    bare = run["baseline"]
    least_s = 2 * run["devices"] / bare["handshakes_a_second"]
    verdict = "; ".join(run["faults"]) or "every target was met"
    says = "".join(
        f" {stage['name'].replace('_', ' ').capitalize()}: {stage['says']}." for stage in run["stages"] if stage["says"]
    )
    return (
        f"{run['devices']:,} devices, {run['broker']}, reconnect window {run['window_s']:g} s: {run['lost']} of "
        f"{run['numbered']:,} numbered messages lost; {verdict}. Bare clients of the same run: "
        f"{bare['handshakes_a_second']:.0f} TLS handshakes a second ({bare['handshake_ms']:.2f} ms of the broker's "
        f"processor each), {bare['publishes_a_second']:.0f} publishes a second ({bare['publish_ms']:.3f} ms each). "
        f"So many devices need {least_s:.1f} s at least, twice what their handshakes take, as a window.{says}"
    )


def markdown(runs: Sequence[dict[str, Any]]) -> str:
    """The tables for docs/scale.md."""
    parts = []
    for run in runs:
        lines = [HEADS, ["---"] * len(HEADS), *rows(run)]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"{summary(run)}\n\n{table}\n")
    return "\n".join(parts)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope of the line through the logarithms: 1 is a cost in proportion to the number of devices."""
    x, y = [math.log(size) for size in sizes], [math.log(max(value, 1e-9)) for value in values]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    across = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return across / sum((a - middle_x) ** 2 for a in x)


def growth(runs: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """What is plotted against the number of devices, by its name; of the stages that every run has played."""
    played = set.intersection(*({stage["name"] for stage in run["stages"]} for run in runs))
    common = [[stage for stage in run["stages"] if stage["name"] in played] for run in runs]

    def latency(stages: list[dict[str, Any]], *, quiet: bool) -> float:
        return max((stage["p99"] or 0.0 for stage in stages if (stage["name"] == QUIET) == quiet), default=0.0)

    return {
        "p99 in the worst storm (ms)": [latency(stages, quiet=False) for stages in common],
        "p99 in quiet (ms)": [latency(stages, quiet=True) for stages in common],
        "broker's processor (s)": [sum(stage["broker_cpu_s"] for stage in stages) for stages in common],
        "broker's memory (MiB)": [max(stage["broker_peak_bytes"] for stage in stages) / _MIB for stages in common],
    }


def plot(path: Path, runs: Sequence[dict[str, Any]]) -> None:
    """Draw latency and cost against the number of devices, with the exponent of each."""
    from matplotlib import rc_context  # noqa: PLC0415 - only for whoever writes the page
    from matplotlib.figure import Figure  # noqa: PLC0415

    sizes = [float(run["devices"]) for run in runs]
    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    axes = figure.add_subplot()
    for name, values in growth(runs).items():
        axes.plot(sizes, values, marker="o", linewidth=2, label=f"{name}: N^{exponent(sizes, values):.2f}")
    axes.set(xscale="log", yscale="log", xlabel="devices")
    axes.grid(visible=True, alpha=0.3)
    axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes], minor=False)
    axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    axes.set_title(f"{runs[0]['broker']}: latency and cost against the number of devices", loc="left", fontsize=11)
    axes.legend(frameon=False)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "fleet"}):
        figure.savefig(path, metadata={"Date": None})


def _at(ordered: Sequence[float], part: float) -> float | None:
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else None


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.2f} s"


def _s(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
