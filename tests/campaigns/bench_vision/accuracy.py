"""How well people are found and told apart, by the scoring program that comes with the ground truth."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.campaigns.bench.child import ChildError
from tests.campaigns.bench_vision import entries
from tests.campaigns.bench_vision.ground_truth import Truth
from tests.campaigns.bench_vision.row import Row, skipped
from tests.support.run import ran

LEAST_AP, MOST_INFERENCES = 0.88, 3.3
LEAST_PRECISION, LEAST_RECALL = 0.92, 0.88
LEAST_F1 = 0.9
LEAST_MOTA, LEAST_IDF1 = 0.82, 0.66
_PATIENCE_S = 120.0

_ENTRIES = (
    "entries",
    f"entries told within {entries.WITHIN_S:.0f} s: F1 with a recall bias of {entries.RECALL_BIAS} (recall, precision)",
    f"≥ {LEAST_F1:.2f}",
)
Scores = dict[str, dict[str, float]]
"""`all`, `first half`, `second half`: what score.py prints for each."""
_ROWS = (
    (
        "average_precision",
        "AP at IoU 0.5, 33 inferences a second as in the next rows",
        f"≥ {LEAST_AP}, ≤ {MOST_INFERENCES} inferences a frame",
    ),
    ("reported_boxes", "precision, recall of reported boxes", f"≥ {LEAST_PRECISION}, ≥ {LEAST_RECALL:.2f}"),
    ("identities", "MOTA, IDF1", f"≥ {LEAST_MOTA:.2f}, ≥ {LEAST_IDF1}"),
)


def score(truth: Truth, lines: list[dict[str, Any]], directory: Path) -> Scores:
    """Run score.py on these, with the frames that they are of. Raises ChildError."""
    file, sample = directory / "detections.jsonl", directory / "truth.csv"
    truth.write(sample, {line["frame"] for line in lines})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    command = [sys.executable, str(truth.score_program), str(file), str(sample)]
    done = ran(*command, timeout=_PATIENCE_S)
    if done.returncode != 0:
        raise ChildError(f"{truth.score_program} failed: {done.stderr.strip()[-500:]}")
    return parse(done.stdout)


def parse(printed: str) -> Scores:
    """What score.py prints: a line a part, `all: AP50 0.853 (450 boxes) inferences/frame 2.96 mota 0.740 ...`."""
    scores: Scores = {}
    for line in printed.splitlines():
        part, _, rest = line.partition(": ")
        words = [word for word in rest.split() if not word.startswith("(") and not word.endswith(")")]
        scores[part] = {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}
    return scores


def rows(scores: Scores) -> list[Row]:
    """The three rows."""
    whole = scores["all"]
    (ap, reported, identities) = _ROWS
    return [
        Row(
            *ap,
            f"{whole['AP50']:.3f} at {whole['inferences/frame']:.2f}{_halves(scores, 'AP50')}",
            whole["AP50"] >= LEAST_AP and whole["inferences/frame"] <= MOST_INFERENCES,
            {"scores": scores},
        ),
        Row(
            *reported,
            f"{whole['precision']:.3f}, {whole['recall']:.3f}{_halves(scores, 'precision', 'recall')}",
            whole["precision"] >= LEAST_PRECISION and whole["recall"] >= LEAST_RECALL,
        ),
        Row(
            *identities,
            f"{whole['mota']:.3f}, {whole['idf1']:.3f}{_halves(scores, 'mota', 'idf1')}",
            whole["mota"] >= LEAST_MOTA and whole["idf1"] >= LEAST_IDF1,
        ),
    ]


def entries_row(found: entries.Score) -> Row:
    """The score by event."""
    late = sorted(found.delays_s)
    return Row(
        *_ENTRIES,
        f"{found.f1:.2f} ({found.recall:.2f}, {found.precision:.2f}), half of them in {late[len(late) // 2]:.1f} s"
        if late
        else "0: none",
        found.f1 >= LEAST_F1,
        {"found": found.found, "missed": found.missed, "false": found.false, "delays_s": late},
    )


def unscored(why: str) -> list[Row]:
    """All rows where there is no ground truth."""
    return [skipped(*row, why) for row in (*_ROWS, _ENTRIES)]


def _halves(scores: Scores, *names: str) -> str:
    halves = [", ".join(f"{scores[part][name]:.3f}" for name in names) for part in ("first half", "second half")]
    return f" (halves {' / '.join(halves)})"
