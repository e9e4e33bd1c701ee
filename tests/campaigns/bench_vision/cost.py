"""What the agent costs beside the bare model, block by block in turn on the same frames."""

import time
from itertools import islice

from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import Stage

MOST_OTHER_SHARE = 0.4
LEAST_SPEED = 0.95
_BLOCK = 10
"""Frames; so few that they are still in the processor's cache, as is one that a camera has just given."""
_BARE_RUNS = 5


def rows(stage: Stage) -> list[Row]:
    """Processor time beside inference, and inferences a second: both do the same number, in one process."""
    replay = stage.replay()
    bare, single = stage.bare(threads=0), stage.bare(threads=1)
    frames = stage.frames()
    other_ms: list[float] = []
    inference_ms: list[float] = []
    speeds: list[float] = []
    for block in range(1, stage.effort.blocks + 1):
        stage.say("cost beside the bare model", block, stage.effort.blocks)
        pictures = list(islice(frames, _BLOCK))
        began_s = time.perf_counter()
        looks = [replay.process(pixels) for pixels in pictures]
        ours_s = time.perf_counter() - began_s
        regions = [(look.frame.pixels, region) for look in looks for region in look.seen.regions]
        began_s = time.perf_counter()
        for pixels, (left, top, width, height) in regions:
            bare.look(pixels[max(top, 0) : top + height, max(left, 0) : left + width])
        speeds.append((time.perf_counter() - began_s) / ours_s)
        other_ms.append(sum(look.other_processor_s for look in looks) / len(looks) * 1000)
        single.look(pictures[0])
        began_s = time.process_time()
        for _ in range(_BARE_RUNS):
            single.infer()
        inference_ms.append((time.process_time() - began_s) / _BARE_RUNS * 1000)
    other, inference, speed = Distribution(other_ms), Distribution(inference_ms), Distribution(speeds)
    share = other.median / inference.median
    return [
        Row(
            "other_processor_time",
            "Python a frame: processor time but for inference and decoding, beside one bare inference of the same run",
            f"≤ {MOST_OTHER_SHARE}",
            f"{share:.2f} ({other.median:.1f} ms / {inference.median:.1f} ms)",
            share <= MOST_OTHER_SHARE,
            {"other_ms": other.as_dict(), "inference_ms": inference.as_dict()},
        ),
        Row(
            "speed",
            "inferences a second beside a bare loop: same regions, threads and niceness",
            f"≥ {LEAST_SPEED:.2f}",
            f"{speed.median:.2f}",
            speed.median >= LEAST_SPEED,
            {"ratio": speed.as_dict()},
        ),
    ]
