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
import numpy.typing as npt
import psutil

from agent.adapters import opencv_imaging as imaging
from agent.adapters.tflite_interpreter import load_tflite
from agent.core.camera.recorder_link import ClipEnded, EndClip, RecorderSpec, RecorderState
from agent.core.link_lines import encode
from agent.models.store import ModelStore
from agent.ports import Frame
from agent.vision.frame_slot import FrameSlot
from agent.vision.recorder_feed import RecorderFeed
from tests.support.recorder_process import Card, Process
from tests.support.rtsp_server import RtspServer
from tests.support.vision_media import MODELS, demo_video, model_directories
from tests.support.vision_stand_ins import boottime_ns
from tests.support.wait import wait_for

Pixels = npt.NDArray[np.uint8]
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


def wide() -> Iterator[Pixels]:
    """The demo's video over and over, 1280 x 720: mirrored at its sides."""
    while True:
        capture = cv2.VideoCapture(str(demo_video()))
        while (read := capture.read())[0]:
            tall = cv2.resize(read[1], (960, SIZE[1]))
            yield np.asarray(cv2.copyMakeBorder(tall, 0, 0, 160, 160, cv2.BORDER_REFLECT), np.uint8)


class Fed:
    """A recorder and a bare encoder that get the same pictures, in time."""

    def __init__(self, directory: Path, rate: float, stack: ExitStack) -> None:
        spec = Card(directory, ring_s=RING_S, frames_per_second=rate).spec
        self._slot = FrameSlot()
        self._feed = RecorderFeed(spec.socket, "yard", False, self._slot, imaging.i420, 1 / rate)
        stack.callback(self._feed.close)
        self.recorder = stack.enter_context(recorder(spec))
        self.bare = stack.enter_context(bare("encode", *map(str, SIZE), f"{rate:g}"))
        self._pictures, self._rate, self._number = wide(), rate, 0
        self.feed_s = 0.0
        """Of this thread's processor, for the hand-over."""
        wait_for(Path(spec.socket).exists, what="the recorder")

    def run(self, seconds: float) -> None:
        """Give pictures for so long."""
        until = self._number + round(seconds * self._rate)
        began, first = time.monotonic(), self._number
        while self._number < until:
            picture = next(self._pictures)
            time.sleep(max(began + (self._number - first) / self._rate - time.monotonic(), 0))
            self._number += 1
            self._slot.put(Frame(picture, boottime_ns(), self._number))
            before = time.thread_time()
            wait_for(self._feed.run_once, what="a picture sent")
            self.feed_s += time.thread_time() - before
            assert self.bare.stdin is not None
            self.bare.stdin.write(imaging.i420(picture).tobytes())
            self.bare.stdin.flush()


def memory(directory: Path) -> None:
    """Compare a recorder that encodes, with its full ring, to PyAV alone."""
    with ExitStack() as stack:
        fed = Fed(directory / "pictures", 12, stack)
        idle = stack.enter_context(bare("import"))
        fed.run(RING_S + 5)
        state = fed.recorder.wait_for(lambda said: isinstance(said, RecorderState) and said.ring_s >= RING_S)
        assert isinstance(state, RecorderState)
        ours, loaded, encodes = map(Memory.of, (fed.recorder.process.pid, idle.pid, fed.bare.pid))
    print(f"memory at {SIZE[0]} x {SIZE[1]} with {state.ring_s:.0f} s, {state.encoder}, in MiB (written, and its own):")
    print(f"  recorder {ours.resident:.1f} ({ours.own:.1f}), of it the ring {state.ring_bytes / 2**20:.1f}")
    for what, other in (("is loaded", loaded), ("encodes the same pictures", encodes)):
        more, own = ours.resident - other.resident, ours.own - other.own
        print(
            f"  PyAV that {what} {other.resident:.1f} ({other.own:.1f}): the recorder has {more:.1f} ({own:.1f}) more"
        )
    print(f"  goal: {MEMORY_GOAL_MIB} more", flush=True)


def rates(directory: Path, seconds: float) -> None:
    """What each rate costs the processor, beside bare PyAV that encodes the same, and inferences of the model."""
    manifest, path, content = ModelStore([Path(entry) for entry in model_directories()]).load(MODELS[0])
    model = load_tflite(path, content, 1)
    model.input_view()[...] = 0
    print(f"processor at {SIZE[0]} x {SIZE[1]}, 1200 kbit/s, with an open clip; {manifest.name} on one thread:")
    for rate in (5, 10, 12, 15):
        with ExitStack() as stack:
            fed = Fed(directory / f"rate-{rate}", rate, stack)
            fed.run(3)
            fed.recorder.begin(3600, 0)
            pids = (fed.recorder.process.pid, fed.bare.pid)
            before, fed.feed_s = [taken_s(each) for each in pids], 0.0
            fed.run(seconds)
            ours, plain = (taken_s(each) - was for each, was in zip(pids, before, strict=True))
            given, began = fed.feed_s, time.thread_time()
            for _ in range(40):
                model.run()
            inference = (time.thread_time() - began) / 40
            clips = sum(each.stat().st_size for each in (directory / f"rate-{rate}" / "evidence").rglob("*.clip"))
        print(
            f"  {rate:2} a second: recorder {ours / seconds:.1%} of a core, hand-over {given / seconds:.1%}, bare "
            f"{plain / seconds:.1%}: {(ours + given) / plain:.2f} times; {(ours + given) / seconds / inference:.1f} "
            f"inferences of {inference * 1000:.1f} ms; the clip {clips * 8 / (seconds + 3) / 1000:.0f} kbit/s",
            flush=True,
        )


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
    parser.add_argument("--only", choices=("memory", "processor", "rates"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if asked.only in {None, "rates"}:
            rates(Path(name), asked.seconds / 2)
        if asked.only in {None, "memory"}:
            memory(Path(name))
        return 0 if asked.only in {"memory", "rates"} or processor(Path(name), asked.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
