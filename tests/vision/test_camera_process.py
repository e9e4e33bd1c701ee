"""The camera process as a process: how it starts, how it ends, and what it leaves on stderr."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.adapters.child_process import NICENESS, OOM_SCORE
from agent.core.camera.link import Failed, Heartbeat, Hello, Stop
from tests.support.vision_process import VisionProcess, vision_spec
from tests.support.wait import wait_for

pytestmark = [pytest.mark.system, pytest.mark.eyes]


def test_stop_ends_it_with_code_0(tmp_path: Path) -> None:
    with VisionProcess() as vision:
        vision.link.start(vision_spec(tmp_path))
        hello = vision.link.wait_for(Hello)
        vision.link.say(Stop())
        code, _ = vision.ended()

    assert hello.pid == vision.process.pid
    assert code == 0


def test_it_gives_way_to_the_core(tmp_path: Path) -> None:
    with VisionProcess() as vision:
        vision.link.start(vision_spec(tmp_path))
        vision.link.wait_for(Hello)
        niceness = os.getpriority(os.PRIO_PROCESS, vision.process.pid)
        oom_score = int(Path(f"/proc/{vision.process.pid}/oom_score_adj").read_text())

    assert niceness == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
    assert oom_score == OOM_SCORE


def test_an_interrupt_from_the_terminal_is_left_to_the_core(tmp_path: Path) -> None:
    with VisionProcess() as vision:
        vision.link.start(vision_spec(tmp_path))
        vision.link.wait_for(Hello)
        vision.process.send_signal(signal.SIGINT)
        beats = len(vision.link.all_of(Heartbeat))
        wait_for(lambda: len(vision.link.all_of(Heartbeat)) >= beats + 2, what="two more heartbeats")
        vision.link.say(Stop())
        code, _ = vision.ended()

    assert code == 0


@pytest.mark.parametrize("before_start", [True, False])
def test_it_ends_when_the_core_hangs_up(tmp_path: Path, before_start: bool) -> None:
    with VisionProcess() as vision:
        if not before_start:
            vision.link.start(vision_spec(tmp_path))
            vision.link.wait_for(Hello)
        vision.link.hang_up()
        code, _ = vision.ended()

    assert code == 1


def test_it_ends_when_the_core_is_killed_while_it_can_not_read_the_link() -> None:
    """The link's other end stays open here, as it does in a process that was stopped in the driver."""
    core = """
import os, socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen([sys.executable, "-m", "agent.vision", "--fd", str(theirs.fileno())],
                         pass_fds=[theirs.fileno(), ours.fileno()])
print(child.pid, flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen([sys.executable, "-c", core], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    wait_for(lambda: _oom_score(child) == OOM_SCORE, what="the start of the child")
    parent.kill()
    parent.communicate()

    wait_for(lambda: not _is_alive(child), what="the end of the child")


def test_a_missing_model_is_a_failure_with_a_reason_in_one_line(tmp_path: Path) -> None:
    with VisionProcess() as vision:
        vision.link.start(vision_spec(tmp_path, model="no-such-model"))
        code, errors = vision.ended()

    assert code == 1
    assert errors.count("\n") == 1
    assert errors.startswith("camera process: model 'no-such-model' is not in ")


def test_a_password_in_the_source_is_neither_shown_nor_on_the_command_line(tmp_path: Path) -> None:
    with VisionProcess() as vision:
        vision.link.start(vision_spec(tmp_path, source="rtsp://user:geheim-9@127.0.0.1:1/x"))
        beat = vision.link.wait_for_state("degraded", "can't be opened")
        command = Path(f"/proc/{vision.process.pid}/cmdline").read_bytes()
        vision.link.say(Stop())
        code, errors = vision.ended()

    assert code == 0
    assert "geheim-9" not in errors + beat.detail + command.decode()


def test_nonsense_on_the_link_is_a_failure_and_the_core_hears_why() -> None:
    with VisionProcess() as vision:
        vision.link._connection.sendall(b"nonsense\n")
        code, errors = vision.ended()
        failed = vision.link.wait_for(Failed)

    assert code == 1
    assert "bad line on the vision link" in errors
    assert failed.detail in errors


def _oom_score(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())
    except OSError:
        return 0


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False
