"""Frames a second: the look loop alone, and the camera process as a whole, each beside a bare program."""

from collections.abc import Callable
from pathlib import Path
from statistics import mean

from agent.core.link import Heartbeat
from tests.bench.child import Child, ChildError
from tests.bench.distribution import Distribution
from tests.bench.video import at_rate
from tests.support.vision_process import VisionProcess, vision_spec
from tests.support.wait import wait_for

THREADS = 2
"""What a camera's settings say by default."""
_HEADROOM = 1.25
_ANSWER_S = 60.0


def places(video: Path) -> list[list[list[int]]]:
    """Where the agent looks in the first frames of the video, at the video's pace: regions for each frame."""
    with Child("-m", "tests.bench.look_loop", str(video), str(THREADS), what="the look loop") as child:
        found: list[list[list[int]]] = child.ask(_ANSWER_S, loop="places")
    return found


def loop_alone(
    video: Path, blocks: int, block_s: float, tell: Callable[[str], None]
) -> tuple[Distribution, Distribution]:
    """The look loop with frames always at hand, and a bare loop on the same frames, block by block in turn."""
    ours: list[float] = []
    bare: list[float] = []
    a_frame: dict[str, list[float]] = {"agent": [], "bare": []}
    with Child("-m", "tests.bench.look_loop", str(video), str(THREADS), what="the look loop") as child:
        for which in ("agent", "bare"):
            child.ask(_ANSWER_S, loop=which, seconds=block_s / 2)
        for block in range(1, blocks + 1):
            tell(f"block {block} of {blocks}")
            turns = [("agent", ours), ("bare", bare)]
            for which, rates in turns if block % 2 else reversed(turns):
                answer = child.ask(_ANSWER_S, loop=which, seconds=block_s)
                rates.append(answer["frames"] / answer["seconds"])
                a_frame[which].append(answer["inferences"] / answer["frames"])
        if answer["persons"] == 0:
            raise ChildError("the look loop saw nobody in a video that shows people, so its speed means nothing")
    if not 0.85 < mean(a_frame["agent"]) / mean(a_frame["bare"]) < 1.15:
        raise ChildError(f"the two loops did not do the same work: {a_frame} inferences a frame")
    return Distribution(ours), Distribution(bare)


def whole_process(
    directory: Path, video: Path, bare: Child, beats: int, tell: Callable[[str], None]
) -> tuple[Distribution, Distribution]:
    """The camera process, with a camera a little faster than it can look, and a bare program that decodes and looks.

    It may make as many inferences as the bare program does. One second a sample.
    """
    tell("the bare program")
    bare.ask(_ANSWER_S, seconds=1)
    answers = [bare.ask(_ANSWER_S, seconds=1) for _ in range(beats)]
    rates = [answer["frames"] / answer["seconds"] for answer in answers]
    inferences = [answer["inferences"] / answer["seconds"] for answer in answers]
    fast = at_rate(video, max(rates) * _HEADROOM, directory / "fast.avi")
    spec = vision_spec(
        directory / "pictures",
        simulate=False,
        source=f"file:{fast}?loop=1",
        frames_per_second=max(rates) * _HEADROOM,
        inferences_per_second=max(inferences),
        threads=THREADS,
    )
    tell("the camera process")
    with VisionProcess() as vision:
        vision.link.start(spec)
        vision.link.wait_for(Heartbeat, _ANSWER_S, lambda beat: beat.frames > 0)
        seen = len(vision.link.all_of(Heartbeat)) + 1
        wait_for(lambda: len(vision.link.all_of(Heartbeat)) >= seen + beats, beats + _ANSWER_S, "heartbeats")
        heard = vision.link.all_of(Heartbeat)[seen : seen + beats]
    return Distribution(beat.frames_per_second for beat in heard), Distribution(rates)
