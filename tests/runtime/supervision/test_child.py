"""A process of the core's that goes wrong, in each way that one can, at each of the core's ends."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from agent.core.delivery.upload_link import Put
from agent.core.link_lines import LONGEST_LINE
from agent.runtime.live.push import CameraPush, StreamRules
from agent.runtime.sending.uploader import Uploader
from agent.runtime.supervision.child import Child
from tests.runtime.recording.test_recorder_link import Rig as RecorderRig
from tests.support.camera_process import Rig as CameraRig
from tests.support.sim_clock import SimClock
from tests.support.wait import wait_for

PRELUDE = """
import os, signal, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
link.recv(1 << 20)
"""
ENDS = {
    "dies in the middle of a line": 'link.sendall(b\'{"t": "st\'); os.kill(os.getpid(), signal.SIGKILL)',
    "says a line of ten megabytes": "link.sendall(b'x' * 10_000_000); signal.pause()",
    "closes its link and lives on": "link.close(); signal.pause()",
    "says nothing": "signal.pause()",
    "is stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
    "leaves its link to one of its own": r"os.fork() and os._exit(0); link.sendall(b'\n' * 200); signal.pause()",
    "says nothing in many lines": "while True: link.sendall(b'\\n' * 65536)",
    "talks nonsense for ever": 'while True: link.sendall(b\'\\xff\\x00 {}\\n[1]\\n{"t": "nobody"}\\n\' * 100)',
}
"""Each ends with no process of it left, and a reason for a person."""


class NearEnd:
    """One of the core's ends: `once` is one pass of its thread, which returns the reason once there is one."""

    def __init__(self, child: Child[Any], clock: SimClock, once: Callable[[], str | None]) -> None:
        self.child = child
        self.clock = clock
        self.once = once


def camera(directory: Path, program: Path, stack: ExitStack) -> NearEnd:
    rig = CameraRig(directory, SimClock())
    link = rig.link("", command=[sys.executable, str(program)])
    stack.callback(link.close)

    def once() -> str | None:
        link.run_once(0.01)
        return rig.failures[0] if rig.failures else None

    return NearEnd(link._child, rig.clock, once)


def recorder(directory: Path, program: Path, stack: ExitStack) -> NearEnd:
    rig = RecorderRig(directory, "")
    (directory / "recorder.py").write_bytes(program.read_bytes())
    stack.callback(rig.link.close)

    def once() -> str | None:
        rig.link.run_once(0.01)
        return rig.states[0][1] if rig.states else None

    return NearEnd(rig.link._child, rig.clock, once)


def uploader(_: Path, program: Path, stack: ExitStack) -> NearEnd:
    clock = SimClock()
    made = Uploader([sys.executable, str(program)], clock)
    stack.callback(made.close)
    made.put(Put(1, "a.mp4", "https://store/1"))

    def once() -> str | None:
        done = made.look()
        return None if done is None else done.detail

    return NearEnd(made._child, clock, once)


def push(directory: Path, program: Path, stack: ExitStack) -> NearEnd:
    clock = SimClock()
    nobody: Any = None
    rules = StreamRules([sys.executable, str(program)], nobody, "rtsps://media/{camera}", directory)
    made = CameraPush(rules, "front", clock.boottime_ns() + 10**12, clock)
    stack.callback(made.close)
    stack.callback(made.kill)

    def once() -> str | None:
        why = made.tick(clock.boottime_ns() + 10**12, holds=False)[1]
        if why:
            made.kill()
        return why

    return NearEnd(made._child, clock, once)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def running(directory: Path) -> list[int]:
    """The processes whose program is in this directory."""
    return [
        each.pid for each in psutil.process_iter(["cmdline"]) if str(directory) in " ".join(each.info["cmdline"] or ())
    ]


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("end", [camera, recorder, uploader, push])
def test_a_process_that_goes_wrong_is_ended_with_a_reason_and_holds_nobody_up(
    end: Callable[[Path, Path, ExitStack], NearEnd], how: str, tmp_path: Path, stack: ExitStack
) -> None:
    program = tmp_path / "child.py"
    program.write_text(PRELUDE + ENDS[how])
    near = end(tmp_path, program, stack)

    def passed() -> str | None:
        why = near.once()
        near.clock.advance(timedelta(seconds=0.5))
        assert len(near.child._in) <= LONGEST_LINE + 64 * 1024, "what a process says fills the core's memory"
        return why

    why = wait_for(passed, what=f"a reason why one ends that {how}")
    assert why
    wait_for(lambda: not running(tmp_path), what="the end of all that was started")
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
