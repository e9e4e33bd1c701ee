"""What a camera process holds in memory at 1280x720, beside a process that has only run the model."""

from agent.core.camera.link import Heartbeat
from tests.campaigns.bench.child import Child
from tests.campaigns.bench.memory import Memory, of_process
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.stage import RATE, Stage
from tests.support.vision_process import VisionProcess
from tests.support.wait import wait_for

MOST_MIB = 57
_SIZE = (1280, 720)
_PATIENCE_S = 120.0


def row(stage: Stage) -> Row:
    """RSS and PSS, less those of the bare process."""
    frames = stage.effort.memory_frames
    video = stage.scaled(_SIZE, max(frames, 30))
    spec = stage.spec(
        source=f"file:{video}?loop=1", frames_per_second=RATE, snapshot_directory=str(stage.directory / "pictures")
    )
    with Child(
        "-m", "tests.campaigns.bench_vision.bare_model", str(stage.model_file()), str(spec.threads), what="bare"
    ) as child:
        bare = of_process(child.pid)
    with VisionProcess() as vision:
        vision.link.start(spec)
        ours = _after(vision, frames, stage)
    over = ours.rss - bare.rss, ours.pss - bare.pss
    return Row(
        "memory",
        "memory of the camera process at 1280x720, over a bare one: RSS, PSS",
        f"≤ {MOST_MIB} MiB",
        f"{over[0]:.0f}, {over[1]:.0f} MiB",
        max(over) <= MOST_MIB,
        {
            "ours_mib": {"rss": ours.rss, "pss": ours.pss},
            "bare_mib": {"rss": bare.rss, "pss": bare.pss},
        },
    )


def _after(vision: VisionProcess, frames: int, stage: Stage) -> Memory:
    def enough() -> bool:
        beats = vision.link.all_of(Heartbeat)
        seen = beats[-1].frames if beats else 0
        stage.say("memory of the camera process", min(seen, frames), frames)
        return seen >= frames or vision.link.ended.is_set()

    wait_for(enough, _PATIENCE_S, f"{frames} frames")
    return of_process(vision.process.pid)
