"""How soon each kind of tamper is found on real video and told to be over, how often one is told that is none, and what
it costs: `python -m tests.campaigns.bench_vision.tamper`."""

import time
from pathlib import Path
from typing import Any

import cv2

from agent.adapters import opencv_imaging as imaging
from agent.contract.vocabulary import TamperKind
from tests.support.tampered_video import (
    FRAMES_PER_SECOND,
    PICTURE_KINDS,
    SECOND,
    between,
    frames_of,
    looped,
    process,
    spoil_of,
    tamper_watch,
    watch,
)
from tests.support.vision_media import demo_video, tree_video

BEFORE_S, SPOILED_S, AFTER_S = 20.0, 12.0, 15.0
QUIET_S = 600.0
WIDEST = 4096


def run() -> list[dict[str, Any]]:
    """A row for each kind and video, then one of ten quiet minutes of each video."""
    videos = (demo_video(), tree_video())
    imaging.limit_threads(1)
    return [
        *(tampered(video, kind) for video in videos for kind in PICTURE_KINDS),
        *(quiet(video) for video in videos),
        _cost(videos[0]),
    ]


def tampered(video: Path, kind: TamperKind) -> dict[str, Any]:
    """One kind on one video: seconds until it was found and told to be over, and what else was told."""
    ended_s = BEFORE_S + SPOILED_S
    outcome = watch(looped(video, ended_s + AFTER_S, between(BEFORE_S, ended_s, spoil_of(kind)), WIDEST))
    return {
        "kind": kind.value,
        "video": video.name,
        "found_s": outcome.found_s(kind, BEFORE_S),
        "restored_s": outcome.restored_s(kind, ended_s),
        "false_alarms": len(outcome.kinds) - outcome.kinds.count(kind),
    }


def quiet(video: Path) -> dict[str, Any]:
    """Ten minutes of nothing."""
    outcome = watch(looped(video, QUIET_S, widest=WIDEST))
    return {"kind": f"none, {QUIET_S:.0f} s", "video": video.name, "false_alarms": len(outcome.kinds)}


def _cost(video: Path) -> dict[str, Any]:
    pictures = [cv2.resize(pixels, (1280, 720)) for pixels in frames_of(video)[:100]]
    watcher = tamper_watch()
    began_s = time.thread_time()
    for number in range(600):
        process(watcher, pictures[number % 100], number * SECOND // FRAMES_PER_SECOND)
    return {
        "kind": "none, at 1280x720",
        "video": video.name,
        "false_alarms": 0,
        "ms_a_frame": (time.thread_time() - began_s) / 600 * 1000,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    names = ("kind", "video", "found_s", "restored_s", "false_alarms", "ms_a_frame")
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    lines = [names, ["---"] * len(names), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    print(table(run()))
