"""What the agent costs beside the bare model: Python a frame, and inferences a second of the whole camera process."""

import json
import time
from itertools import count, islice

from agent.adapters.child_process import NICENESS
from tests.campaigns.bench import looking
from tests.campaigns.bench.child import ROOT, Child
from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import Stage

MOST_OTHER_SHARE = 0.4
LEAST_SPEED = 0.95
_BLOCK = 10
"""Frames; so few that they are still in the processor's cache, as is one that a camera has just given."""
_BARE_RUNS = 5


def rows(stage: Stage) -> list[Row]:
    """Processor time beside inference, and inferences a second."""
    return [_python(stage), _speed(stage)]


def _python(stage: Stage) -> Row:
    """Block by block in turn on the same frames."""
    replay, single = stage.replay(), stage.bare(threads=1)
    frames = stage.frames()
    other_ms: list[float] = []
    inference_ms: list[float] = []
    for block in range(1, stage.effort.blocks + 1):
        stage.say("cost beside the bare model", block, stage.effort.blocks)
        pictures = list(islice(frames, _BLOCK))
        other_ms.append(sum(replay.process(pixels).other_processor_s for pixels in pictures) / len(pictures) * 1000)
        single.look(pictures[0])
        began_s = time.process_time()
        for _ in range(_BARE_RUNS):
            single.infer()
        inference_ms.append((time.process_time() - began_s) / _BARE_RUNS * 1000)
    other, inference = Distribution(other_ms), Distribution(inference_ms)
    share = other.median / inference.median
    return Row(
        "other_processor_time",
        "Python a frame: processor time but for inference and decoding, beside one bare inference of the same run",
        f"≤ {MOST_OTHER_SHARE}",
        f"{share:.2f} ({other.median:.1f} ms / {inference.median:.1f} ms)",
        share <= MOST_OTHER_SHARE,
        {"other_ms": other.as_dict(), "inference_ms": inference.as_dict()},
    )


def _speed(stage: Stage) -> Row:
    """The camera process and a bare program in turn: the same frames read, regions a look, threads and niceness."""
    program = str(ROOT / "tests" / "campaigns" / "bench" / "bare_look.py")
    command = (program, str(stage.video), str(stage.model_file()), str(looking.THREADS), str(NICENESS))
    rounds = stage.effort.rounds
    with Child(*command, json.dumps(looking.places(stage.video)), what="the bare program") as bare:
        round_of = count(1)
        tell = lambda _text: stage.say("speed beside a bare program", next(round_of), rounds)  # noqa: E731
        ours, theirs = looking.whole_process(stage.directory, stage.video, bare, rounds, tell)
    ratio = ours.median / theirs.median
    return Row(
        "speed",
        "inferences a second of the camera process, beside a bare program that does the same work, as nice",
        f"≥ {LEAST_SPEED:.2f}",
        f"{ratio:.2f} ({ours.median:.0f} / {theirs.median:.0f})",
        ratio >= LEAST_SPEED,
        {"ours": ours.as_dict(), "bare": theirs.as_dict()},
    )
