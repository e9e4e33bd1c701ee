"""Precision by recall, as the score from which a box counts goes down."""

import runpy
from typing import Any

from tests.campaigns.bench_vision.ground_truth import Truth, iou

_ENOUGH_IOU = 0.5


def curve(truth: Truth, lines: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Recall and precision after each box of the annotated frames, best score first.

    Each box takes the person whom it covers best, if it covers half of both and no better box has them. Who is to be
    ignored counts neither as found nor as missed.
    """
    ignored: set[tuple[int, int]] = runpy.run_path(str(truth.score_program))["IGNORED"]
    boxes = {line["frame"]: line["detections"] for line in lines}
    verdicts: list[tuple[float, bool]] = []
    wanted = 0
    for frame in truth.annotated():
        people = {number: boxes_of[frame] for number, boxes_of in truth.people.items() if frame in boxes_of}
        wanted += sum((frame, number) not in ignored for number in people)
        for found in sorted(boxes.get(frame, []), key=lambda found: -found["score"]):
            best = max(people, key=lambda number: iou(people[number], found["box"]), default=None)
            if best is None or iou(people[best], found["box"]) < _ENOUGH_IOU:
                verdicts.append((found["score"], False))
                continue
            del people[best]
            if (frame, best) not in ignored:
                verdicts.append((found["score"], True))
    points, right = [], 0
    for count, (_, good) in enumerate(sorted(verdicts, key=lambda verdict: -verdict[0]), start=1):
        right += good
        points.append((right / wanted, right / count))
    return points
