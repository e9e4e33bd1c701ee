"""`make run`, which `make run` calls: with a terminal, without one, and interrupted."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from tests.support.run import ran
from tests.support.wait import wait_for

DEMO = [sys.executable, "-m", "deploy.lab", "demo"]


class Terminal:
    """The demo behind a pseudo-terminal, as a person has it."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int) -> None:
        self.process = process
        self._master = master
        self.shown = ""

    def until(self, text: str) -> None:
        """Read until the screen has shown `text`."""

        def seen() -> bool:
            with suppress(BlockingIOError, OSError):
                self.shown += os.read(self._master, 65536).decode(errors="replace")
            return text in re.sub(r"\x1b\[[0-9;]*m", "", self.shown)

        wait_for(seen, timeout_s=30, what=f"{text!r} on the screen; it shows {self.shown[-800:]}")

    def key(self, key: str) -> None:
        """Press a key."""
        os.write(self._master, key.encode())


@contextmanager
def terminal(directory: Path) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    environment = {**os.environ, "TMPDIR": str(directory), "COLUMNS": "160", "LINES": "40"}
    with subprocess.Popen(
        DEMO, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=environment
    ) as process:
        os.close(slave)
        try:
            yield Terminal(process, master)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(60)
            os.close(master)


def story(directory: Path, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "TMPDIR": str(directory), **variables}
    return ran(*DEMO, *options, stdin=subprocess.DEVNULL, timeout=90, env=environment)


@pytest.mark.long
def test_without_a_terminal_and_a_browser_the_story_is_told_and_every_step_was_seen(tmp_path: Path) -> None:
    done = story(tmp_path, PATH="/nowhere")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT SEEN" not in done.stdout
    assert "sends nobody out" in done.stdout
    assert "EXERCISE, not a real alarm: panic RAISED" in done.stdout
    assert len(re.findall(r"^  ok  ", done.stdout, re.MULTILINE)) == 12
    assert len(re.findall(r"^Skipping the story at the page: there is no \w+\.$", done.stdout, re.MULTILINE)) == 1
    picture = re.search(r"picture of (\d+) bytes: (\S+demo-alarm\.jpg)$", done.stdout, re.MULTILINE)
    assert picture is not None
    assert Path(picture[2]).stat().st_size == int(picture[1])
    assert cv2.imread(picture[2]) is not None
    assert list(tmp_path.iterdir()) == []
    # What it says of the recording, somebody else finds too.
    assert re.search(r"^The 1[0123] seconds before the press: verified\.", done.stdout, re.MULTILINE)
    check = re.search(r"check it yourself: \S*edge-centre (evidence verify .*)$", done.stdout, re.MULTILINE)
    film = re.search(r"a film that any player opens: (.*)$", done.stdout, re.MULTILINE)
    assert check is not None
    assert film is not None
    assert ran(sys.executable, "-m", "edge_centre", *check[1].split()).returncode == 0
    shown = ran("ffprobe", "-v", "warning", "-show_entries", "format=duration", "-of", "csv=p=0", film[1])
    assert shown.stderr == ""
    assert float(shown.stdout) > 18


def test_a_step_that_is_not_seen_makes_the_story_fail(tmp_path: Path) -> None:
    video = tmp_path / "nobody.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 240))
    for _ in range(30):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()

    done = story(tmp_path, "--video", str(video), "--patience", "3")

    assert done.returncode == 1
    assert re.search(r"the camera has seen a person +NOT SEEN", done.stdout)


def test_with_a_terminal_keys_press_answer_close_and_quit_and_a_second_open_alarm_is_not_forgotten(
    tmp_path: Path,
) -> None:
    with terminal(tmp_path) as screen:
        screen.until("q quit")
        screen.key("m")
        screen.until("medical SENT")
        screen.key("pppp")
        screen.until('You pressed "police" 4 times')
        screen.until("panic SENT, presses 4")
        screen.key("a")
        screen.until(
            '"police": succeeded (registered by Thandi (the-demo)). Green waits for an answer to "medical" as well.'
        )
        screen.key("a")
        screen.until("yellow on   green on   beacon flash")
        screen.key("c")
        screen.until('signed ack for "police": succeeded (closed by Thandi (the-demo)). 1 more open.')
        screen.key("c")
        screen.until('signed ack for "medical": succeeded (closed by Thandi (the-demo)).')
        screen.until("yellow off   green off")
        screen.key("c")
        screen.until("There is no open alarm to answer.")
        screen.key("q")
        assert screen.process.wait(60) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_process_and_no_file_behind(tmp_path: Path, number: signal.Signals) -> None:
    with terminal(tmp_path) as screen:
        screen.until("q quit")
        children = psutil.Process(screen.process.pid).children(recursive=True)
        assert len(children) >= 2
        screen.process.send_signal(number)
        assert screen.process.wait(60) == 130
    assert not [child for child in children if child.is_running()]
    assert list(tmp_path.iterdir()) == []
