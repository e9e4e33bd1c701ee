"""How fast the look loop alone is, and the camera process as a whole, each beside a bare program."""

from collections.abc import Callable
from pathlib import Path
from statistics import mean

from agent.core.camera.link import Heartbeat
from tests.campaigns.bench.child import Child, ChildError
from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.bench.video import at_rate
from tests.support.vision_process import VisionProcess, vision_spec
from tests.support.wait import wait_for

THREADS = 2
"""What a camera's settings say by default."""
FASTEST = 120.0
"""The most frames a second that the settings take: several times what a camera process looks at here."""
_BEATS = 3
"""Seconds of a round: a process tells its rates once a second."""
_ANSWER_S = 60.0


def places(video: Path) -> list[list[int]]:
    """Where the agent looks in the first frames of the video, at the video's pace: regions."""
    with Child("-m", "tests.campaigns.bench.look_loop", str(video), str(THREADS), what="the look loop") as child:
        found: list[list[int]] = child.ask(_ANSWER_S, loop="places")
    return found


def loop_alone(
    video: Path, blocks: int, block_s: float, tell: Callable[[str], None]
) -> tuple[Distribution, Distribution]:
    """The look loop with frames always at hand, and a bare loop on the same frames, block by block in turn."""
    ours: list[float] = []
    bare: list[float] = []
    a_frame: dict[str, list[float]] = {"agent": [], "bare": []}
    with Child("-m", "tests.campaigns.bench.look_loop", str(video), str(THREADS), what="the look loop") as child:
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
    directory: Path, video: Path, bare: Child, rounds: int, tell: Callable[[str], None]
) -> tuple[Distribution, Distribution]:
    """Inferences a second: of the camera process, with a camera faster than it can look, and of a bare program that
    then does what it did in a look: reads as many frames, and looks at as many regions.

    In turn, so that both have the same share of a busy machine; a process that is new looks at everything first, so
    its first seconds do not count.
    """
    bare.ask(_ANSWER_S, seconds=1)
    answer = bare.ask(_ANSWER_S, seconds=1)
    rate = min(answer["looks"] / answer["seconds"], FASTEST)
    fast = at_rate(video, rate, directory / "fast.avi")
    spec = vision_spec(
        directory / "pictures",
        simulate=False,
        source=f"file:{fast}?loop=1",
        frames_per_second=rate,
        inferences_per_second=1000,
        threads=THREADS,
    )
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(1, rounds + 1):
        tell(f"round {number} of {rounds}")
        with VisionProcess() as vision:
            vision.link.start(spec)
            beats = _beats(vision)
        looks = mean(beat.frames_per_second for beat in beats)
        inferences = mean(beat.inferences_per_second for beat in beats)
        answer = bare.ask(_ANSWER_S, seconds=len(beats), regions=inferences / looks, read=rate / looks)
        ours.append(inferences)
        theirs.append(answer["inferences"] / answer["seconds"])
    return Distribution(ours), Distribution(theirs)


def _beats(vision: VisionProcess) -> list[Heartbeat]:
    """Those of a round, after the first second of looking; more where a busy machine let it not look in so many."""
    vision.link.wait_for(Heartbeat, _ANSWER_S, lambda beat: beat.frames > 0)
    first = len(vision.link.all_of(Heartbeat)) + 1

    def since() -> list[Heartbeat]:
        return vision.link.all_of(Heartbeat)[first:]

    wait_for(
        lambda: (
            len(since()) >= _BEATS and any(beat.frames_per_second and beat.inferences_per_second for beat in since())
        ),
        _BEATS + _ANSWER_S,
        "heartbeats of a process that looks",
    )
    return since()
