"""The log goes to a pipe, and whoever should read it does not: journald that hangs, a terminal that is held."""

import fcntl
import os
import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.agent_process import AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

_FEW_LINES = """
import sys
from agent.__main__ import main
from agent.runtime.supervision.log_stream import LogStream
LogStream.__init__.__defaults__ = (20,)
sys.exit(main())
"""
_SMALL_PIPE = 4096
PRESSES = 150


class UnreadLog(AbstractContextManager["UnreadLog"]):
    """What an agent in this directory logs to: a small pipe, of which nothing is read until `read` is called."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "agent.log"
        os.mkfifo(self._path)
        self._pipe = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, _SMALL_PIPE)
        self._read = b""

    def read(self) -> str:
        """All that can be read by now."""
        try:
            while piece := os.read(self._pipe, 1 << 16):
                self._read += piece
        except BlockingIOError:
            pass
        return self._read.decode()

    def __exit__(self, *_: object) -> None:
        # A file where the pipe was: the log is printed at the end.
        self._path.unlink()
        self._path.write_text(self.read())
        os.close(self._pipe)


def test_presses_arrive_while_nobody_reads_the_log_and_it_says_afterwards_what_was_dropped(
    tmp_path: Path, broker: Mosquitto
) -> None:
    unread = UnreadLog(tmp_path)
    agent = AgentProcess(tmp_path, broker.url, program=(sys.executable, "-c", _FEW_LINES), log={"level": "debug"})
    with Centre(broker.port) as centre, agent, unread:
        agent.press_many("police", PRESSES, interval_s=0.02, hold_s=0.005)
        centre.wait_for_alarm("updated", press_count=PRESSES)
        wait_for(lambda: "lines were dropped" in unread.read(), what="a word on what was dropped")
        agent.press()
        centre.wait_for_alarm("updated", press_count=PRESSES + 1)


def test_an_agent_whose_log_nobody_reads_ends_when_it_is_asked_to(tmp_path: Path, broker: Mosquitto) -> None:
    unread = UnreadLog(tmp_path)
    agent = AgentProcess(tmp_path, broker.url, program=(sys.executable, "-c", _FEW_LINES), log={"level": "debug"})
    with agent, unread:
        agent.press_many("police", PRESSES, interval_s=0.02, hold_s=0.005)
        assert agent.send(signal.SIGTERM, timeout_s=20) == 0


def test_what_ends_the_agent_is_still_said(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, "mqtt://127.0.0.1:1")
    with agent:
        second = run_cli("run", "--simulate", "--config", agent.config)
        assert second.returncode == 1
        assert "edge-agent: " in second.stderr
