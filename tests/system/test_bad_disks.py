"""The agent on a disk that can't be used, at start and later: a press counts all the same."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.support.agent_process import AgentProcess, start_cli
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.root import as_root
from tests.support.run import ran

Trouble = Callable[[Path], AbstractContextManager[tuple[Path, Callable[[], object]]]]
"""Makes a place unusable; gives the directory to use and what mends it."""


def storage_part(centre: Centre, change: str, timeout_s: float = 15.0) -> str:
    """Waits until the part storage is told to be degraded or restored; returns the detail."""
    told = centre.wait_for(f"event/part-{change}", lambda m: m.data["part"] == "storage", timeout_s=timeout_s)
    return str(told.data["detail"])


def block(agent: AgentProcess) -> Path:
    """Lets no database be opened until what is returned is removed: a directory lies where the file belongs."""
    agent.storage.mkdir(exist_ok=True)
    in_the_way = agent.storage / "alarms.db"
    in_the_way.mkdir()
    return in_the_way


def test_a_press_counts_while_no_database_can_be_opened_and_is_kept_once_one_can(
    tmp_path: Path, broker: Mosquitto
) -> None:
    agent = AgentProcess(tmp_path, broker.url)
    in_the_way = block(agent)
    with Centre(broker.port) as centre, agent:
        assert str(in_the_way) in storage_part(centre, "degraded")
        agent.press()
        alarm = centre.wait_for_alarm("updated", stage="sent")
        assert alarm.seq > 10**12
        centre.wait_for("security/sequence-restarted")
        assert agent.outputs()["yellow"] == "on"

        in_the_way.rmdir()
        storage_part(centre, "restored", timeout_s=70)
        agent.kill()
        agent.start()
        agent.wait_for_outputs(yellow="on", beacon="flash")
        centre.wait_for("state", lambda m: m.data["state"] == "online" and m.seq > alarm.seq)
        centre.acknowledge(alarm.data["alarm_id"], agent.key)
        agent.wait_for_outputs(green="on")
        centre.wait_for_alarm("updated", stage="registered")


def test_open_alarms_are_taken_up_when_the_disk_answers_only_after_the_start(tmp_path: Path, broker: Mosquitto) -> None:
    """The disk is away at the next start, and so is what the black box holds, as after a power cut."""
    agent = AgentProcess(tmp_path, broker.url)
    with Centre(broker.port) as centre, agent:
        agent.press()
        alarm = centre.wait_for_alarm("updated", stage="sent")
        assert agent.send(signal.SIGTERM) == 0
        real = agent.storage / "alarms.db"
        real.rename(tmp_path / "kept.db")
        in_the_way = block(agent)

        agent.start()
        storage_part(centre, "degraded")
        assert agent.outputs()["yellow"] == "off"

        in_the_way.rmdir()
        (tmp_path / "kept.db").rename(real)
        storage_part(centre, "restored", timeout_s=70)
        agent.wait_for_outputs(yellow="on", beacon="flash")
        centre.acknowledge(alarm.data["alarm_id"], agent.key)
        agent.wait_for_outputs(green="on")


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    """A file system of its own, and of whoever runs the tests."""
    place.mkdir(parents=True)
    options += f",uid={os.geteuid()}"
    mounting = as_root("mount", "-t", "tmpfs", "-o", options, "tmpfs", place)
    if why := ran(*mounting).stderr:
        pytest.skip(f"root may not mount a file system here: {why}")
    try:
        yield place
    finally:
        subprocess.run(as_root("umount", "--lazy", place), check=True)


def fill(disk: Path, piece: int) -> Path:
    """Leave no room for so many bytes more; returns the file that takes it all."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(piece)):
            pass
    return filler


@contextmanager
def file_in_the_way(place: Path) -> Iterator[tuple[Path, Callable[[], object]]]:
    """A directory that can't be made, and what makes it possible."""
    place.touch()
    yield place / "storage", place.unlink


@contextmanager
def read_only_disk(place: Path) -> Iterator[tuple[Path, Callable[[], object]]]:
    """A directory that can't be written, and what makes it writable."""
    with small_disk(place, "size=50m") as disk:
        (disk / "storage").mkdir()

        def remount(how: str) -> None:
            subprocess.run(as_root("mount", "-o", f"remount,{how}", disk), check=True)

        remount("ro")
        yield disk / "storage", partial(remount, "rw")


@pytest.mark.parametrize("trouble", [file_in_the_way, read_only_disk])
def test_an_agent_without_a_directory_that_it_may_write_says_so_and_goes_on(
    tmp_path: Path,
    broker: Mosquitto,
    trouble: Trouble,
) -> None:
    """Without simulation, which needs the directory for itself, and so without pins."""
    with trouble(tmp_path / "place") as (directory, mend), Centre(broker.port) as centre:
        agent = AgentProcess(
            tmp_path / "kiosk",
            broker.url,
            storage={"directory": str(directory), "keep_free_bytes": 0},
            buttons=[],
            lights={},
            cameras=[{"name": "front", "source": f"file:{tmp_path}/nothing.avi"}],
        )
        process = start_cli("run", "--config", agent.config, stderr=subprocess.PIPE)
        try:
            assert "give the agent a directory that it may write" in storage_part(centre, "degraded")
            centre.wait_for("health", lambda m: m.data["parts"]["storage"]["state"] == "degraded")

            mend()
            storage_part(centre, "restored", timeout_s=70)
            assert (directory / "alarms.db").exists()
        finally:
            process.terminate()
            errors = process.communicate(timeout=30)[1]
            print(errors)
        assert process.returncode == 0
        assert "Traceback" not in errors


@pytest.mark.parametrize("name", ["alarms.db", "telemetry.db"])
def test_a_damaged_database_is_replaced_at_the_start_and_told(tmp_path: Path, broker: Mosquitto, name: str) -> None:
    agent = AgentProcess(tmp_path, broker.url)
    agent.storage.mkdir()
    (agent.storage / name).write_bytes(b"this is no database, and longer than a page's header" * 100)
    with Centre(broker.port) as centre, agent:
        told = centre.wait_for("security/storage-damaged")
        assert told.data["detail"]["file"] == name
        assert (agent.storage / f"{name}.damaged-1").exists()
        agent.press()
        centre.wait_for_alarm("updated", stage="sent")


def test_a_disk_that_is_full_costs_events_before_alarms_and_recovers(tmp_path: Path, broker: Mosquitto) -> None:
    with small_disk(tmp_path / "disk", "size=2m") as disk:
        storage = {"directory": str(disk / "storage"), "keep_free_bytes": 0}
        agent = AgentProcess(tmp_path / "kiosk", broker.url, storage=storage)
        agent.storage = disk / "storage"
        with Centre(broker.port) as centre, agent:
            filler = fill(disk, 1024)
            pressed = 0
            while "is full" not in agent.log() and pressed < 500:
                agent.press()
                pressed += 1
            agent.press()
            assert "full" in storage_part(centre, "degraded")
            centre.wait_for_alarm("updated", press_count=pressed + 1)

            filler.unlink()
            storage_part(centre, "restored", timeout_s=20)
            agent.kill()
            agent.start()
            agent.wait_for_outputs(yellow="on")


@pytest.mark.parametrize("left", [0, 64 * 1024])
def test_an_agent_that_starts_on_a_full_disk_says_so_once_and_its_buttons_work(
    tmp_path: Path, broker: Mosquitto, left: int
) -> None:
    with small_disk(tmp_path / "disk", "size=2m") as disk:
        agent = AgentProcess(tmp_path / "kiosk", broker.url, storage={"directory": str(disk / "storage")})
        agent.storage = disk / "storage"
        filler = fill(disk, 4096)
        os.truncate(filler, filler.stat().st_size - left)
        with Centre(broker.port) as centre, agent:
            agent.press()
            centre.wait_for_alarm("updated", stage="sent")
            agent.wait_for_outputs(yellow="on")
            assert "full" in storage_part(centre, "degraded")
            complaints = [line for line in agent.log().splitlines() if "ERROR" in line and "is full" in line]
            assert len([line for line in complaints if " store: " in line]) == 1
            filler.unlink()
            storage_part(centre, "restored", timeout_s=70)
