"""The recorder as a process, with the keys of a device and of a province, on a real card."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.camera.recorder_link import ClipEnded, RecorderState, StartRecorder
from agent.core.link_lines import encode
from agent.recorder.__main__ import NICENESS, OOM_SCORE
from tests.recorder.test_app import Camera
from tests.support.recorder_process import Card, Process
from tests.support.wait import wait_for

pytestmark = pytest.mark.recording


@pytest.fixture
def card(tmp_path: Path, opened: ExitStack) -> Card:
    """The card of a device whose camera gives pictures to whatever recorder there is."""
    card = Card(tmp_path)
    opened.callback(Camera(Path(card.spec.socket)).close)
    return card


def test_a_recorder_that_is_killed_leaves_a_clip_that_verifies_and_the_next_one_goes_on(
    card: Card, opened: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Process(card.spec)
    opened.callback(first.close)
    cut = first.begin(60)
    size = (card.directory / f"{cut}.clip").stat().st_size
    wait_for(lambda: (card.directory / f"{cut}.clip").stat().st_size > size, what="another fragment on the card")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, first.process.pid) == min(own + NICENESS, 19)
    assert int(Path(f"/proc/{first.process.pid}/oom_score_adj").read_text()) == OOM_SCORE
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()

    second = Process(card.spec)
    opened.callback(second.close)
    whole = second.begin(2)
    second.wait_for(lambda said: isinstance(said, ClipEnded) and said.clip == whole)
    assert second.end() == 0

    for clip in (cut, whole):
        assert card.verify(clip, first, second) == 0, capsys.readouterr().out


def test_an_interrupt_of_the_terminal_is_left_to_the_core_and_its_end_closes_the_clip(
    card: Card, opened: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = Process(card.spec)
    opened.callback(recorder.close)
    clip = recorder.begin(60)
    recorder.process.send_signal(signal.SIGINT)
    recorder.process.send_signal(signal.SIGTERM)
    recorder.wait_for(lambda said: isinstance(said, RecorderState))
    recorder.link.shutdown(socket.SHUT_WR)
    recorder.wait_for(lambda said: isinstance(said, ClipEnded) and said.why == "the agent ended")

    assert recorder.end() == 0
    assert card.verify(clip, recorder) == 0, capsys.readouterr().out


def test_without_its_key_it_says_so_in_one_line(tmp_path: Path) -> None:
    card = Card(tmp_path)
    keeping = replace(card.spec.keeping, key=str(tmp_path / "none"))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-m", "agent.recorder", "--fd", str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True)
        ours.sendall(encode(StartRecorder(spec=replace(card.spec, keeping=keeping))))
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert "none" in errors
