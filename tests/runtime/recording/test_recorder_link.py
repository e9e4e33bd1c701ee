"""The core's end of the link to a recorder, with a process that a test writes."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from agent.core.camera.recorder_link import AboutClips, BeginClip, KeepingSpec, RecorderSpec
from agent.core.delivery.backoff import Backoff
from agent.runtime.recording.recorder_link import RecorderLink
from agent.runtime.supervision.supervisor import Supervisor
from tests.support.sim_clock import SimClock
from tests.support.wait import wait_for

PRELUDE = """
import json, os, signal, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
lines = link.makefile("rb")
spec = json.loads(lines.readline())["spec"]

def say(**message):
    link.sendall(json.dumps(message).encode() + b"\\n")

def state(detail=""):
    say(t="state", state="degraded" if detail else "ok", detail=detail, pictures=1, ring_s=9.5, ring_bytes=1,
        group_s=1.0, rss_bytes=1)
"""
SERVE = """
state()
for line in lines:
    message = json.loads(line)
    if message["t"] == "stop":
        say(t="ended", clip="c1", why="stopped", seconds=1)
        break
    if message["t"] == "begin":
        say(t="begun", clip=message["clip"], into=message["clip"], begin_ns=1, before_s=9.5)
    state()
"""


HANGS = """
if not spec["hung"]:
    say(t="state", state="degraded", detail="the encoder hw hangs", hangs="hw", pictures=9, ring_s=0, ring_bytes=0,
        group_s=0, rss_bytes=1)
    sys.exit(1)
say(t="state", state="ok", encoder="sw", trouble="hw hung", pictures=1, ring_s=9.5, ring_bytes=1, group_s=1.0,
    rss_bytes=1)
lines.readline()
"""


class Rig:
    """Hears what the link reports."""

    def __init__(self, directory: Path, script: str, key: Path | None = None) -> None:
        program = directory / "recorder.py"
        program.write_text(PRELUDE + script)
        keeping = KeepingSpec(
            directory="", facts={}, key=str(key), certificate=str(key), recipient="", bytes=1, days=1, free_bytes=0
        )
        self.spec = RecorderSpec(camera="front", keeping=keeping, socket="")
        self.states: list[tuple[bool, str]] = []
        self.clips: list[AboutClips] = []
        self.starts = 0
        backoff = Backoff(first_s=0.01, longest_s=0.01)
        self.clock = SimClock()
        self.link = RecorderLink(self.spec, [sys.executable, str(program)], self.clock, backoff)
        self.link.listen(self)

    def on_state(self, works: bool, detail: str) -> None:
        self.states.append((works, detail))

    def on_start(self) -> None:
        self.starts += 1

    def on_clip(self, message: AboutClips) -> None:
        self.clips.append(message)

    def tick(self, now_ns: int) -> None: ...

    def until(self, condition: Callable[[], object]) -> None:
        """Run passes until this is true."""

        def passed() -> bool:
            self.link.run_once(0.01)
            return bool(condition())

        wait_for(passed)


def test_a_recorder_that_works_is_heard_and_says_what_becomes_of_a_clip(tmp_path: Path) -> None:
    rig = Rig(tmp_path, SERVE)
    assert not rig.link.works
    rig.until(lambda: rig.link.works)
    rig.link.submit(lambda: rig.link.send(BeginClip(clip="c1", seconds=1, facts={})))
    rig.until(lambda: rig.clips)
    assert rig.states[-1] == (True, "")
    assert rig.link.state is not None
    assert rig.link.state.ring_s == 9.5
    rig.link.close()


def test_one_that_is_killed_is_told_of_and_started_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path, SERVE)
    rig.until(lambda: rig.link.works)
    assert rig.link.pid is not None
    os.kill(rig.link.pid, signal.SIGKILL)
    rig.until(lambda: not rig.states[-1][0])
    assert "killed by signal 9" in rig.states[-1][1]
    assert not rig.link.works
    rig.clock.advance(timedelta(seconds=1))
    rig.until(lambda: rig.link.works)
    assert rig.starts == 2
    rig.link.close()


def test_one_that_ends_says_why_in_its_last_words(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "state('the key can not be read'); sys.exit(1)")
    rig.until(lambda: rig.states and "ended (1)" in rig.states[-1][1])
    assert "the key can not be read" in rig.states[-1][1]
    rig.link.close()


def test_the_next_recorder_is_told_which_encoder_has_hung_and_its_trouble_reaches_a_person(tmp_path: Path) -> None:
    rig = Rig(tmp_path, HANGS)
    rig.until(lambda: any("the encoder hw hangs" in detail for _, detail in rig.states))
    rig.until(lambda: not rig.link.is_running)
    rig.clock.advance(timedelta(seconds=1))
    rig.until(lambda: (False, "hw hung") in rig.states)
    assert rig.starts == 2
    assert rig.link.works, "it is recorded all the same"
    rig.link.close()


def test_one_that_says_nothing_is_ended(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "state(); lines.read()")
    rig.until(lambda: rig.link.works)
    rig.clock.advance(timedelta(seconds=21))
    rig.until(lambda: rig.states[-1] == (False, "the recorder does not answer; next try in 0 s"))
    rig.link.close()


def test_one_may_take_as_long_to_start_as_a_camera_process(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "lines.read()")
    rig.until(lambda: rig.starts)
    rig.clock.advance(timedelta(seconds=59))
    rig.link.run_once(0)
    assert rig.states == []
    rig.clock.advance(timedelta(seconds=2))
    rig.until(lambda: rig.states == [(False, "the recorder does not answer; next try in 0 s")])
    rig.link.close()


def test_another_spec_starts_it_anew_once_it_has_closed_its_clips(tmp_path: Path) -> None:
    rig = Rig(tmp_path, SERVE)
    rig.until(lambda: rig.link.works)
    first = rig.link.pid
    rig.link.respec(rig.spec)
    rig.link.run_once(0)
    assert rig.link.pid == first, "it is what it has"
    rig.link.respec(replace(rig.spec, masked=True))
    rig.until(lambda: rig.clips)
    rig.until(lambda: rig.link.works and rig.link.pid != first)
    rig.link.close()


def test_an_orderly_end_lets_it_close_its_clips(tmp_path: Path) -> None:
    rig = Rig(tmp_path, SERVE)
    supervisor = Supervisor()
    with rig.link.running(supervisor):
        wait_for(lambda: rig.link.works)
    assert [each.t for each in rig.clips] == ["ended"]
    assert rig.link.pid is None


def test_recorders_that_are_asked_together_end_together(tmp_path: Path) -> None:
    asked, ended = tmp_path / "asked", tmp_path / "ended"
    meets = f"""
import time
state(); lines.readline()
open(f"{asked}-{{os.getpid()}}", "x")
while sum(name.startswith("asked-") for name in os.listdir({str(tmp_path)!r})) < 3: time.sleep(0.01)
open(f"{ended}-{{os.getpid()}}", "x")
"""
    rigs = []
    for name in "abc":
        (tmp_path / name).mkdir()
        rigs.append(Rig(tmp_path / name, meets))
    with ExitStack() as stack:
        for rig in rigs:
            stack.enter_context(rig.link.running(Supervisor()))
        for rig in rigs:
            wait_for(lambda rig=rig: rig.link.works)  # type: ignore[misc]
        for rig in rigs:
            rig.link.leave()
    assert len([*tmp_path.glob("ended-*")]) == 3, "one that had waited for the others in vain was killed"
