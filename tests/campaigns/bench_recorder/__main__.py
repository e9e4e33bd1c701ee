"""`python -m tests.campaigns.bench_recorder`: what a recorder takes of memory and processor, beside bare PyAV."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import psutil

from agent.adapters import opencv_imaging as imaging
from agent.core.camera.recorder_link import ClipEnded, EndClip, RecorderSpec, RecorderState
from agent.core.link_lines import encode
from agent.ports import Frame
from agent.vision.frame_slot import FrameSlot
from agent.vision.recorder_feed import RecorderFeed
from tests.support.recorder_process import Card, Process
from tests.support.rtsp_server import RtspServer
from tests.support.vision_media import demo_video
from tests.support.vision_stand_ins import boottime_ns
from tests.support.wait import wait_for

SIZE = (1280, 720)
RING_S = 30
MEMORY_GOAL_MIB, PROCESSOR_GOAL = 35, 1.2
_BARE = "tests.campaigns.bench_recorder.bare"
_ENCODE = (
    "videoconvert ! agingtv ! videoconvert ! "  # noise, so that it is 2 Mbit/s
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=2000 ! rtph264pay"
)


@contextmanager
def bare(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """PyAV alone, which is killed at the end."""
    with subprocess.Popen([sys.executable, "-m", _BARE, *arguments], stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def recorder(spec: RecorderSpec) -> Iterator[Process]:
    """A recorder that is killed at the end, with its child."""
    running = Process(spec, trusted=False)
    try:
        yield running
    finally:
        running.close()


class Memory(NamedTuple):
    """What a process takes, in MiB."""

    resident: float
    own: float
    """What it has written, and shares with nobody."""

    @classmethod
    def of(cls, pid: int) -> "Memory":
        """Read it."""
        rows = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        sizes = {row[0]: int(row[1]) / 1024 for row in rows}
        return cls(sizes["Rss:"], sizes["Private_Dirty:"])


def memory(directory: Path) -> None:
    """Compare a recorder that encodes five pictures a second, with its full ring, to PyAV alone."""
    spec = Card(directory / "pictures", ring_s=RING_S).spec
    slot = FrameSlot()
    feed = RecorderFeed(spec.socket, "yard", False, slot, imaging.i420, 0.2)
    capture = cv2.VideoCapture(str(demo_video()))
    with recorder(spec) as running, bare("import") as idle, bare("encode", *map(str, SIZE)) as plain:
        assert plain.stdin is not None
        wait_for(Path(spec.socket).exists, what="the recorder")
        began, number = time.monotonic(), 0
        while time.monotonic() - began < RING_S + 5:
            _, pixels = capture.read()
            number += 1
            picture = np.asarray(cv2.resize(pixels, SIZE), np.uint8)
            slot.put(Frame(picture, boottime_ns(), number))
            wait_for(feed.run_once, what="a picture sent")
            plain.stdin.write(imaging.i420(picture).tobytes())
        state = running.wait_for(lambda said: isinstance(said, RecorderState) and said.ring_s >= RING_S)
        assert isinstance(state, RecorderState)
        ours, loaded, encodes = map(Memory.of, (running.process.pid, idle.pid, plain.pid))
        feed.close()
    print(f"memory at {SIZE[0]} x {SIZE[1]} with {state.ring_s:.0f} s, {state.encoder}, in MiB (written, and its own):")
    print(f"  recorder {ours.resident:.1f} ({ours.own:.1f}), of it the ring {state.ring_bytes / 2**20:.1f}")
    for what, other in (("is loaded", loaded), ("encodes the same pictures", encodes)):
        more, own = ours.resident - other.resident, ours.own - other.own
        print(
            f"  PyAV that {what} {other.resident:.1f} ({other.own:.1f}): the recorder has {more:.1f} ({own:.1f}) more"
        )
    print(f"  goal: {MEMORY_GOAL_MIB} more", flush=True)


def taken_s(pid: int) -> float:
    """Seconds of processor that a process has taken, from the scheduler's own count."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def processor(directory: Path, seconds: float) -> bool:
    """Compare a recorder of a network camera, at rest and with an open clip, to a bare remux of the same stream."""
    with ExitStack() as stack:
        server = stack.enter_context(RtspServer(25, _ENCODE, SIZE))
        spec = Card(directory / "stream", ring_s=RING_S, stream=server.url()).spec
        plain = stack.enter_context(bare("remux", server.url(), str(directory / "bare.mp4"))).pid
        synced = stack.enter_context(bare("remux", server.url(), str(directory / "synced.mp4"), "sync")).pid
        running = stack.enter_context(recorder(spec))
        running.wait_for(lambda said: isinstance(said, RecorderState) and said.ring_s >= RING_S)
        [child] = psutil.Process(running.process.pid).children()
        ours = (running.process.pid, child.pid)
        resident = [f"{Memory.of(each).resident:.1f}" for each in (*ours, plain)]
        print(f"memory of a network camera's recorder, its child, and a remux, in MiB: {', '.join(resident)}")

        def times(other: int) -> float:
            before, began = [taken_s(each) for each in (*ours, other)], time.monotonic()
            time.sleep(seconds)
            lasted = time.monotonic() - began
            own, reads, remux = (
                (taken_s(each) - was) / lasted for each, was in zip((*ours, other), before, strict=True)
            )
            times = (own + reads) / remux
            print(f"  recorder {own:.2%} of a core, its child {reads:.2%}, a remux {remux:.2%}: {times:.2f} times")
            return times

        print("processor at rest:")
        rest = times(plain)
        clip = press(running)
        print("processor with an open clip:")
        recording = times(synced)
        for _ in range(4):
            running.link.sendall(encode(EndClip(clip=clip)))
            running.wait_for(lambda said: isinstance(said, ClipEnded))
            time.sleep(RING_S + 2)
            clip = press(running)
        print(f"  goal: {PROCESSOR_GOAL} times")
        return max(rest, recording) <= PROCESSOR_GOAL


def press(running: Process) -> str:
    """Begin a clip, and say how long it takes until what was in memory is on the disk and signed."""
    began = time.monotonic()
    clip = running.begin(3600, 0)
    print(f"from a press to {RING_S} s on the disk: {(time.monotonic() - began) * 1000:.0f} ms", flush=True)
    return clip


def main() -> int:
    """Measure, print, and return 1 if the processor's goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.bench_recorder", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long the processor is measured, twice")
    parser.add_argument("--only", choices=("memory", "processor"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if asked.only != "processor":
            memory(Path(name))
        return 0 if asked.only == "memory" or processor(Path(name), asked.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
