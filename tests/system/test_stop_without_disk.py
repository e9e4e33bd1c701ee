"""An orderly stop while the disk does not answer: it ends, and nothing is forgotten."""

import signal
import sys
from pathlib import Path

import pytest

from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto

HANGING_DISK = """
import os, sys, threading
from pathlib import Path

def hanging(sync):
    def do(descriptor):
        if Path(os.environ["HANG_FILE"]).exists():
            threading.Event().wait()
        sync(descriptor)
    return do

os.fdatasync, os.fsync = hanging(os.fdatasync), hanging(os.fsync)
from agent.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("pressed_before", [True, False], ids=["after a press", "before a press"])
def test_a_stop_ends_while_the_disk_hangs_and_the_next_start_knows_the_alarm(
    tmp_path: Path, broker: Mosquitto, pressed_before: bool
) -> None:
    hang = tmp_path / "hang"
    program = (sys.executable, "-c", HANGING_DISK)
    agent = AgentProcess(tmp_path, broker.url, program=program, environ={"HANG_FILE": str(hang)})
    with Centre(broker.port) as centre, agent:
        if not pressed_before:
            hang.touch()
        agent.press()
        alarm = centre.wait_for_alarm("updated", stage="sent")
        hang.touch()
        assert agent.send(signal.SIGTERM, timeout_s=20) == 0
        assert "the disk does not answer" in agent.log()
        last = centre.wait_for("state", lambda m: m.data["state"] == "offline")

        hang.unlink()
        agent.start()
        agent.wait_for_outputs(yellow="on", beacon="flash")
        centre.wait_for("state", lambda m: m.data["state"] == "online" and m.seq > last.seq)
        centre.acknowledge(alarm.data["alarm_id"], agent.key)
        agent.wait_for_outputs(green="on")
