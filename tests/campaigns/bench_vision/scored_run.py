"""One replay of PETS, or of a variant of it, and what it scored."""

from dataclasses import dataclass
from itertools import islice

from tests.campaigns.bench_vision import accuracy, entries, purity
from tests.campaigns.bench_vision.ground_truth import STEP, Truth
from tests.campaigns.bench_vision.stage import RATE, Stage
from tests.campaigns.bench_vision.variants import VARIANTS
from tests.campaigns.bench_vision.watched import Watched, watch

_SIZE = (768, 576)
HARDLY = "hardly-able-to-see"


@dataclass(frozen=True, slots=True)
class ScoredRun:
    """`scores` is what score.py prints for the whole video; `people` how many of those in the ground truth have an
    event; `hardly_s` when the camera first reported that it is hardly able to see, None if it never did.
    """

    scores: dict[str, float]
    people: int
    events: entries.Score
    hardly_s: float | None


def run(
    stage: Stage, truth: Truth, title: str, *, budget: float | None = None, start: int = 0, variant: str = "day"
) -> ScoredRun:
    """Replay the video from frame `start` + 1 on, with so many inferences a second or the settings' own."""
    made, total = VARIANTS[variant], stage.total - start
    replay = stage.replay() if budget is None else stage.replay(inferences_per_second=budget)
    pictures = (made.make(pixels, number) for number, pixels in enumerate(stage.frames(), start=1) if number > start)
    watched = watch(replay, islice(pictures, total), lambda done: stage.say(title, done, total)).moved(start)
    mapped = truth.mapped(lambda box: made.box(box, _SIZE))
    return ScoredRun(
        accuracy.score(mapped, watched.lines, stage.directory)["all"],
        people(mapped, watched),
        event_score(mapped, watched, start),
        next((frame / RATE for frame, name in watched.alerts if name.startswith(HARDLY)), None),
    )


def people(truth: Truth, watched: Watched) -> int:
    """How many of the people have an event."""
    found = purity.purities(truth, watched.lines, watched.entered)
    return len({each.person for each in found} & truth.people.keys())


def event_score(truth: Truth, watched: Watched, start: int = 0) -> entries.Score:
    """Entries told in time. Whom the ground truth leaves out may be told or not."""
    found = purity.purities(truth, watched.lines, watched.entered)
    alarms = [each.event.frame / RATE for each in found if each.person not in truth.others]
    # Somebody was there at the start, or has come since the annotated frame before their first.
    came = [max(min(boxes), start) / RATE for boxes in truth.people.values()]
    return entries.score(came, alarms, early_s=STEP / RATE)
