"""Pictures of the outcome."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaigns.bench_vision import accuracy
from tests.campaigns.bench_vision.stage import RATE
from tests.campaigns.bench_vision.watched import Watched

_BLUE, _ORANGE, _GREY, _GREEN = "#1f6fb4", "#e07b28", "#6f7780", "#2f9e5b"
_FIGURES = {"recall": _BLUE, "precision": _GREY, "MOTA": _ORANGE, "IDF1": _ORANGE, "AP": _GREEN}
_PEER = (0.78, 0.92)
"""Recall and precision of Frigate 0.18 on the same video, with the SSDLite model that was the default before."""
_SECONDS = 2.0
"""What runs over frames is smoothed over so much."""


def precision_recall(path: Path, curve: list[tuple[float, float]], scores: accuracy.Scores) -> None:
    """The curve of the boxes, our tracker's point, the peer's, and the targets."""
    figure, axes = _axes("recall", "precision", (6.0, 4.4))
    recall, precision = zip(*curve, strict=True)
    axes.plot(recall, precision, color=_BLUE, linewidth=2, label=f"boxes by score: AP {scores['all']['AP50']:.3f}")
    point = scores["all"]["recall"], scores["all"]["precision"]
    axes.plot(*point, "o", color=_BLUE, markersize=9, label=f"people reported: {point[1]:.2f}, {point[0]:.2f}")
    axes.plot(*_PEER, "s", color=_ORANGE, markersize=8, label=f"Frigate 0.18, SSDLite: {_PEER[1]:.2f}, {_PEER[0]:.2f}")
    axes.axhline(accuracy.LEAST_PRECISION, color=_GREY, linewidth=1, linestyle=":")
    axes.axvline(accuracy.LEAST_RECALL, color=_GREY, linewidth=1, linestyle=":", label="targets")
    axes.set_xlim(0, 1)
    axes.set_ylim(0.5, 1.01)
    axes.set_title("People found in PETS 2009 S2.L1 (IoU 0.5), 33 inferences a second", loc="left", fontsize=11)
    axes.legend(loc="lower left", frameon=False)
    _save(figure, path)


def budgets(path: Path, means: Mapping[float, Mapping[str, float]]) -> None:
    """What each budget gives, by the names of the figures."""
    figure, axes = _axes("inferences a second", "", (6.0, 4.4))
    steps = sorted(means)
    for (name, colour), style in zip(_FIGURES.items(), ("-", "--", "-", "--", "-"), strict=True):
        values = [means[step][name] for step in steps]
        axes.plot(steps, values, style, color=colour, linewidth=2, marker="o", markersize=5, label=name)
    axes.set_xticks(steps)
    axes.set_xlim(0, steps[-1] + 2)
    axes.set_ylim(min(0.0, axes.get_ylim()[0]), 1.01)
    axes.set_title("People found in PETS 2009 S2.L1, by budget", loc="left", fontsize=11)
    axes.legend(loc="lower right", frameon=False)
    _save(figure, path)


def inferences(path: Path, watched: Watched, budget: float) -> None:
    """How often the model ran, second by second, beside how many people were followed."""
    figure, axes = _axes("time in the video (s)", "a frame", (8.0, 3.2))
    seconds = _seconds(watched)
    axes.step(seconds, watched.inferences, color=_BLUE, alpha=0.25, linewidth=0.8, where="post")
    axes.plot(seconds, _smooth(watched.inferences), color=_BLUE, linewidth=2, label="inferences a frame")
    axes.axhline(budget / RATE, color=_GREY, linestyle=":", linewidth=1, label="budget, on average")
    axes.plot(
        seconds,
        _smooth([len(line["tracks"]) for line in watched.lines]),
        color=_ORANGE,
        linewidth=1.5,
        label="people in view",
    )
    axes.set_ylim(0, max(axes.get_ylim()[1] * 1.2, 4))
    axes.set_xlim(0, seconds[-1])
    axes.legend(loc="upper left", frameon=False, ncols=3)
    axes.set_title("Where the model's runs go", loc="left", fontsize=11)
    _save(figure, path)


def processor(path: Path, watched: Watched) -> None:
    """What of the processor's time a frame is the model's."""
    figure, axes = _axes("time in the video (s)", "processor time a frame (ms)", (8.0, 3.2))
    seconds = _seconds(watched)
    model, other = _smooth(watched.inference_ms), _smooth(watched.other_ms)
    share = sum(watched.inference_ms) / (sum(watched.inference_ms) + sum(watched.other_ms))
    axes.stackplot(
        seconds,
        other,
        model,
        colors=[_GREEN, _BLUE],
        alpha=0.8,
        labels=[f"everything else: {1 - share:.0%}", f"the model: {share:.0%}"],
    )
    axes.set_ylim(0, max(np.max(model + other), 1) * 1.25)
    axes.set_xlim(0, seconds[-1])
    axes.legend(loc="upper left", frameon=False, ncols=2)
    axes.set_title("What a frame costs, decoding apart", loc="left", fontsize=11)
    _save(figure, path)


def _axes(across: str, up: str, size: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, and only these need it

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(color="#e4e7ea", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)


def _seconds(watched: Watched) -> list[float]:
    return [number / RATE for number in range(1, len(watched.inferences) + 1)]


def _smooth(values: list[Any]) -> Any:
    width = min(round(_SECONDS * RATE), len(values))
    padded = np.pad(np.array(values, float), (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")
