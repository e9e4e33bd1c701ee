"""`python -m tests.campaigns.evidence.presses`: the power goes two seconds after a press, while a recorder records.

The recorder is the real one, with the pictures of a camera process. Its card is a file system of its own, and what a
power cut leaves is a copy of that file system's disk, without what was in memory only.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import psutil

from agent.core.camera.recorder_link import ClipEnded, EndClip, RecorderState
from agent.core.link_lines import encode
from agent.recorder.keeping import keeping_of
from tests.campaigns.evidence.__main__ import mounted
from tests.recorder.test_app import Camera
from tests.support.recorder_process import Card, Process
from tests.support.vision_stand_ins import boottime_ns
from tests.support.wait import wait_for

AFTER_S = 2.0
LEAST_BEFORE_S = 5.0
_IMAGE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Left:
    """What a cut has left of a clip, in seconds from the press."""

    verifies: bool
    before_s: float
    after_s: float


def stopped(process: psutil.Process) -> bool:
    """Whether none of its threads runs any more, not even in the kernel."""
    states = [Path(f"/proc/{process.pid}/task/{thread.id}/stat").read_text() for thread in process.threads()]
    return all(state.rpartition(")")[2].split()[0] in {"T", "t"} for state in states)


def press(card: Card, recorder: Process, image: Path, directory: Path) -> Left:
    """Press, cut, and look at what is there."""
    pressed_ns = boottime_ns()
    clip = recorder.begin(60, ring_s=0)
    time.sleep(max(AFTER_S - (boottime_ns() - pressed_ns) / 1e9, 0))
    after = directory / "after.img"
    # What is on the disk at one moment: nothing may be written while it is copied.
    process = psutil.Process(recorder.process.pid)
    process.suspend()
    wait_for(lambda: stopped(process), what="a recorder that stands still")
    shutil.copyfile(image, after)
    process.resume()
    recorder.link.sendall(encode(EndClip(clip=clip)))
    recorder.wait_for(lambda said: isinstance(said, ClipEnded) and said.clip == clip)
    with mounted(after, directory / "after") as mount:
        kept = mount / "yard"
        keeping = replace(card.spec.keeping, directory=str(kept))
        after_cut = keeping_of(replace(card.spec, keeping=keeping))
        after_cut.clips.recover()
        os.close(after_cut.claim)
        with redirect_stdout(StringIO()) as said:
            verifies = card.verify(clip, recorder, directory=kept) == 0
        if not verifies:
            print(said.getvalue())
        lines = [json.loads(line) for line in (kept / f"{clip}.manifest").read_text().splitlines()]
    times = [(line["begin_ns"], line["end_ns"]) for line in lines if line.get("kind") == "fragment"]
    after.unlink()
    if not times:
        return Left(verifies, 0, 0)
    return Left(verifies, (pressed_ns - times[0][0]) / 1e9, (times[-1][1] - pressed_ns) / 1e9)


def main() -> int:
    """Press and cut, and return 1 unless each cut has left what it must."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.evidence.presses", description=__doc__)
    parser.add_argument("--presses", type=int, default=50)
    count = parser.parse_args().presses
    if os.geteuid() != 0:
        print("NOT RUN: a file system of its own needs root")
        return 0
    left: list[Left] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        directory, image = Path(name), Path(name) / "card.img"
        with image.open("wb") as file:
            file.truncate(_IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
        mount = stack.enter_context(mounted(image, directory / "card"))
        card = Card(directory, frames_per_second=5, keep_in=mount / "yard")
        os.sync()
        stack.callback(Camera(Path(card.spec.socket)).close)
        recorder = Process(card.spec)
        stack.callback(recorder.close)
        recorder.wait_for(lambda said: isinstance(said, RecorderState) and said.ring_s >= card.spec.ring_s - 1)
        for number in range(count):
            left.append(press(card, recorder, image, directory))
            if not left[-1].verifies or left[-1].before_s < LEAST_BEFORE_S:
                print(f"press {number}: {left[-1]}")
    good = sum(each.verifies and each.before_s >= LEAST_BEFORE_S for each in left)
    print(f"{good} of {count} power cuts {AFTER_S:g} s after a press left a clip that verifies, and at least")
    print(f"{LEAST_BEFORE_S:g} s before it: {min(each.before_s for each in left):.1f} s before the press at least, and")
    print(f"from {min(each.after_s for each in left):.1f} to {max(each.after_s for each in left):.1f} s after it")
    return 0 if good == count else 1


if __name__ == "__main__":
    sys.exit(main())
