"""`python -m tests.campaigns.bench_recorder`: what a recorder takes of memory and processor, beside bare PyAV."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import psutil

from agent.adapters import opencv_imaging as imaging
from agent.core.camera.recorder_link import (
    RecorderSpec,
    RecorderState,
)
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
_MIB = 1024 * 1024
_ENCODE = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=2000 ! rtph264pay"


@contextmanager
def child(*arguments: str, pass_fds: tuple[int, ...] = ()) -> Iterator[psutil.Process]:
    """A Python of ours that is killed at the end, with its own children."""
    with subprocess.Popen([sys.executable, *arguments], pass_fds=pass_fds) as process:
        watched = psutil.Process(process.pid)
        try:
            yield watched
        finally:
            for each in (*watched.children(recursive=True), watched):
                each.kill()


@contextmanager
def recorder(spec: RecorderSpec) -> Iterator[Process]:
    """A recorder that is killed at the end, with its child."""
    running = Process(spec, trusted=False)
    try:
        yield running
    finally:
        running.close()


def bare_mib() -> float:
    """What PyAV takes when it is loaded."""
    with child("-m", "tests.campaigns.bench_recorder.bare", "import") as process:
        time.sleep(2)
        return float(process.memory_info().rss) / _MIB


def memory_mib(directory: Path) -> tuple[float, float]:
    """What a recorder takes that encodes five pictures a second, and its full ring in it, in MiB."""
    spec = Card(directory / "pictures", ring_s=RING_S).spec
    slot = FrameSlot()
    feed = RecorderFeed(spec.socket, "yard", False, slot, imaging.i420, 0.2)
    capture = cv2.VideoCapture(str(demo_video()))
    with recorder(spec) as running:
        wait_for(Path(spec.socket).exists, what="the recorder")
        began, number = time.monotonic(), 0
        while time.monotonic() - began < RING_S + 5:
            _, pixels = capture.read()
            number += 1
            slot.put(Frame(np.asarray(cv2.resize(pixels, SIZE), np.uint8), boottime_ns(), number))
            wait_for(feed.run_once, what="a picture sent")
        taken = psutil.Process(running.process.pid).memory_info().rss / _MIB
        state = running.wait_for(lambda said: isinstance(said, RecorderState) and said.ring_s >= RING_S)
        assert isinstance(state, RecorderState)
        feed.close()
    print(f"  ({state.encoder}, {state.ring_s:.1f} s in the ring)")
    return taken, state.ring_bytes / _MIB


def processor(directory: Path, seconds: float) -> tuple[float, float]:
    """What a recorder with an open clip, and a bare remux, take of a core for a stream of 25 pictures a second."""

    def taken(process: psutil.Process) -> float:
        times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    with RtspServer(25, _ENCODE, SIZE) as server:
        arguments = ("tests.campaigns.bench_recorder.bare", "remux", server.url(), str(directory / "bare.mp4"))
        spec = Card(directory / "stream", ring_s=RING_S, stream=server.url()).spec
        with child("-m", *arguments) as plain, recorder(spec) as running:
            ours = psutil.Process(running.process.pid)
            running.begin(3600)
            began, before = time.monotonic(), (taken(ours), taken(plain))
            time.sleep(seconds)
            lasted = time.monotonic() - began
            shares = (taken(ours) - before[0]) / lasted, (taken(plain) - before[1]) / lasted
            resident = [each.memory_info().rss / _MIB for each in (ours, *ours.children(), plain)]
    print("  (memory: recorder {:.1f} MiB, its child {:.1f}, bare remux {:.1f})".format(*resident))
    return shares


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.bench_recorder", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long the processor is measured")
    parser.add_argument("--only", choices=("memory", "processor"))
    asked = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if asked.only != "processor":
            bare, (ours, ring) = bare_mib(), memory_mib(directory)
            good &= ours - bare <= MEMORY_GOAL_MIB
            print(f"memory at 1280 x 720 with {RING_S} s: {ours:.1f} MiB, {ring:.1f} of it the ring;")
            print(f"  {ours - bare:.1f} over bare PyAV ({bare:.1f}), goal {MEMORY_GOAL_MIB}", flush=True)
        if asked.only != "memory":
            share, remux = processor(directory, asked.seconds)
            good &= share / remux <= PROCESSOR_GOAL
            print(f"processor for 25 pictures a second: {share:.2%} of a core, {share / remux:.2f} times a bare remux")
            print(f"  ({remux:.2%}), goal {PROCESSOR_GOAL}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
