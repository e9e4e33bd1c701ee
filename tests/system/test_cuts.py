"""A power cut right at a close: afterwards the kiosk and the centre are of one mind, and nobody has to do anything."""

import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from edge_centre.key_files import make_key
from tests.support.agent_process import AgentProcess, start_cli
from tests.support.centre import Centre, Message
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for
from tests.system.test_stop_without_disk import HANGING_DISK

CUTS = int(os.environ.get("CUTS", "2"))
"""So many of each kind; the environment may ask for more."""
OTHER_BOOT = """
import os
from pathlib import Path
from agent.adapters import system_clock
system_clock._BOOT_ID = Path(os.environ["BOOT_FILE"])
"""


class Kiosk(AgentProcess):
    """One whose power can be cut, and whose disk can hang."""

    def __init__(self, directory: Path, broker: Mosquitto) -> None:
        self.hang, self._boot, self._disk = directory / "hang", directory / "boot", directory / "disk"
        environ = {"HANG_FILE": str(self.hang), "BOOT_FILE": str(self._boot)}
        super().__init__(
            directory, broker.url, program=(sys.executable, "-c", OTHER_BOOT + HANGING_DISK), environ=environ
        )
        self._boot.write_text(str(uuid.uuid4()))
        self.console_key = directory / "keys" / f"{make_key('operator', directory / 'keys').kid}.key.json"

    def keep_disk(self) -> None:
        """What is on it now is all that the next cut leaves; nothing moves while it is copied, as at a cut."""
        shutil.rmtree(self._disk, ignore_errors=True)
        agent = psutil.Process(self.pid)
        agent.suspend()
        shutil.copytree(self.storage, self._disk, ignore=shutil.ignore_patterns("*.sock"))
        agent.resume()

    def spoil(self, names: list[str]) -> None:
        """At the next cut these databases are overwritten."""
        for name in names:
            (self._disk / f"{name}-wal").unlink(missing_ok=True)
            (self._disk / name).write_bytes(b"this is no database at all, but longer than a header " * 1000)

    def cut_power(self) -> None:
        """The process is gone, and with it memory and what the disk was not told to keep; then it starts."""
        self.kill()
        shutil.rmtree(self.storage)
        shutil.rmtree(self.directory / "run", ignore_errors=True)
        self._disk.rename(self.storage)
        self._boot.write_text(str(uuid.uuid4()))
        self.start()


@contextmanager
def console(kiosk: Kiosk) -> Iterator[None]:
    """The tool of the centre that answers by itself."""
    said = kiosk.directory / "console.txt"
    options = ("--as-centre", "centre", "--answer-tests", "--key", kiosk.console_key)
    with said.open("wb") as output:
        process = start_cli("watch", "--config", kiosk.config, *options, stdout=output)
    try:
        wait_for(lambda: "ONLINE" in said.read_text(), what="a console that hears the kiosk")
        yield
    finally:
        process.kill()
        process.wait()


def newest(centre: Centre, alarm_id: str) -> Message:
    """What the centre knows of an alarm."""
    return max((m for m in centre.messages("alarm/") if m.data["alarm_id"] == alarm_id), key=lambda m: m.seq)


def agree(kiosk: Kiosk, centre: Centre, alarm_id: str, after_seq: int) -> bool:
    """Whether the kiosk has spoken since the cut and shows what the centre knows; a close that was told is a close."""
    told = [m for m in centre.messages("alarm/") if m.data["alarm_id"] == alarm_id]
    is_closed = newest(centre, alarm_id).data["stage"] == "closed"
    has_spoken = newest(centre, alarm_id).seq > after_seq
    was_closed = any(m.data["stage"] == "closed" for m in told)
    return has_spoken and is_closed == was_closed and is_closed == (kiosk.outputs()["yellow"] == "off")


@pytest.mark.parametrize("disk_hangs", [False, True], ids=["the disk works", "the disk hangs"])
@pytest.mark.parametrize("at", ["lamps", "message"])
def test_after_a_cut_right_at_a_close_kiosk_and_centre_are_of_one_mind(
    tmp_path: Path, broker: Mosquitto, at: str, disk_hangs: bool
) -> None:
    kiosk = Kiosk(tmp_path, broker)
    dark_s, agreed_s, over = [], [], set[str]()
    with kiosk, Centre(broker.port) as centre, console(kiosk):
        for _ in range(CUTS):
            kiosk.press()
            alarm_id = centre.wait_for("alarm/", lambda m: m.data["alarm_id"] not in over).data["alarm_id"]
            over.add(alarm_id)
            centre.acknowledge(alarm_id, kiosk.key)
            centre.wait_for_alarm("updated", alarm_id=alarm_id, stage="registered")
            kiosk.keep_disk()
            if disk_hangs:
                kiosk.hang.touch()
            began_s = time.monotonic()
            centre.acknowledge(alarm_id, kiosk.key, "closed", press_count=1)
            kiosk.wait_for_outputs(yellow="off", green="off")
            dark_s.append(time.monotonic() - began_s)
            if at == "message":
                closed = centre.wait_for_alarm("closed", alarm_id=alarm_id)
                assert closed.data.get("durable", True) is not disk_hangs
            kiosk.hang.unlink(missing_ok=True)
            kiosk.cut_power()

            began_s = time.monotonic()
            is_agreed = partial(agree, kiosk, centre, alarm_id, after_seq=1000 * len(over))
            wait_for(is_agreed, what="one mind of kiosk and centre")
            agreed_s.append(time.monotonic() - began_s)
            if newest(centre, alarm_id).data["stage"] != "closed":  # it had no result, so it is sent again
                centre.acknowledge(alarm_id, kiosk.key, "closed", press_count=1)
                centre.wait_for_alarm("closed", alarm_id=alarm_id)
        print(
            [(m.type, m.seq, m.data.get("stage"), m.data.get("code"), m.data.get("detail")) for m in centre.messages()]
        )
    print(f"{CUTS} cuts: dark after {max(dark_s):.2f} s, of one mind after {max(agreed_s):.2f} s at the most")
    assert max(dark_s) < 2.0, "as long as a close waits for a disk"
    assert max(agreed_s) < 10.0


def test_a_close_that_waits_for_a_disk_holds_no_press_up_and_the_operator_is_told(
    tmp_path: Path, broker: Mosquitto
) -> None:
    kiosk = Kiosk(tmp_path, broker)
    with kiosk, Centre(broker.port) as centre:
        kiosk.press()
        first = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
        kiosk.hang.touch()
        command = centre.acknowledge(first, kiosk.key, "closed", press_count=1)
        kiosk.wait_for_outputs(yellow="off")
        kiosk.press()
        raised = centre.wait_for("alarm/", lambda m: m.data["alarm_id"] != first and m.data["stage"] == "raised")
        closed = centre.wait_for_alarm("closed", alarm_id=first)
        result = centre.result(command)
        open_then = [m.data["open"] for m in centre.messages("alarms") if m.seq < closed.seq][-1]
        kiosk.hang.unlink()
    assert raised.arrived_ns < closed.arrived_ns
    assert (closed.data["durable"], result["status"], result["code"]) == (False, "succeeded", "not-durable")
    assert first in {alarm["alarm_id"] for alarm in open_then}


def test_a_database_that_is_overwritten_takes_no_open_alarm_along_and_two_are_told(
    tmp_path: Path, broker: Mosquitto
) -> None:
    kiosk = Kiosk(tmp_path, broker)
    with kiosk, Centre(broker.port) as centre:
        kiosk.press()
        alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
        kiosk.keep_disk()
        for names in (["alarms.db"], ["alarms.db", "telemetry.db"]):
            kiosk.spoil(names)
            kiosk.cut_power()
            assert kiosk.outputs()["yellow"] == ("on" if names == ["alarms.db"] else "off")
            centre.wait_for("alarm/", lambda m: m.data["alarm_id"] == alarm_id and m.seq > 1000)
            kiosk.keep_disk()
        told = centre.wait_for("security/alarms-lost")
    assert (told.data["severity"], told.data["detail"]) == ("alert", {"alarm_ids": [], "all_known": False})
