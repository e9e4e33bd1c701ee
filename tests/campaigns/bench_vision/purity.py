"""Whether each person who is announced is one person."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.campaigns.bench_vision.ground_truth import STEP, Truth, iou
from tests.campaigns.bench_vision.row import Row, skipped
from tests.campaigns.bench_vision.watched import Entered, Watched

PEOPLE = 19
LEAST_SHARE = 0.8
_LEAST_IOU = 0.3
"""Between annotated frames people don't walk quite straight."""
_ROW = (
    "announced",
    "person-entered on PETS",
    f"{PEOPLE} for {PEOPLE} people, each ≥ {LEAST_SHARE:.0%} one person",
)


@dataclass(frozen=True, slots=True)
class Purity:
    """Of one event: the person whom most frames of its track show, and the share of those frames."""

    event: Entered
    person: int | None
    share: float
    frames: int


def purities(truth: Truth, lines: list[dict[str, Any]], entered: list[Entered]) -> list[Purity]:
    """One an event, over all frames in which its track was seen."""
    shown: dict[int, list[int | None]] = {event.track: [] for event in entered}
    for line in lines:
        people = truth.at(line["frame"], beyond=STEP - 1)
        for track in line["tracks"]:
            if track["id"] in shown:
                overlaps = {number: iou(box, track["box"]) for number, box in people.items()}
                best = max(overlaps, key=lambda number: overlaps[number], default=None)
                shown[track["id"]].append(None if best is None or overlaps[best] < _LEAST_IOU else best)
    return [_purity(event, shown[event.track]) for event in entered]


def _purity(event: Entered, shown: list[int | None]) -> Purity:
    known = Counter(number for number in shown if number is not None)
    if not known:
        return Purity(event, None, 0.0, len(shown))
    person, frames = known.most_common(1)[0]
    return Purity(event, person, frames / len(shown), len(shown))


def row(truth: Truth | None, watched: Watched, why: str) -> Row:
    """Count and purity; without ground truth nobody can say whom an event is about.

    One event about somebody whom the truth leaves out is about a person, and not one too many.
    """
    count = len(watched.entered)
    if truth is None:
        return skipped(*_ROW, f"{count}; {why}")
    every = purities(truth, watched.lines, watched.entered)
    found = [each for each in every if each.person not in truth.others or each.share < LEAST_SHARE]
    beside, count = len(every) - len(found), len(found)
    mixed = [each for each in found if each.share < LEAST_SHARE]
    persons = {each.person for each in found} & truth.people.keys()
    figure = f"{count}, {count - len(mixed)} of them one person; {len(persons)} of {PEOPLE} people have one"
    figure += f"; and {beside} about somebody whom the truth leaves out" if beside else ""
    values = [
        {"frame": each.event.frame, "track": each.event.track, "person": each.person, "share": round(each.share, 3)}
        for each in every
    ]
    reached = count == len(persons) == PEOPLE and not mixed and beside <= len(truth.others)
    return Row(*_ROW, figure, reached, {"events": values})
