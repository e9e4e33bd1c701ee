from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.adapters.time_service import TimeService


def service(tmp_path: Path, *processes: str, answer: str = "exit 1") -> TimeService:
    for number, name in enumerate(processes, start=100):
        directory = tmp_path / "proc" / str(number)
        directory.mkdir(parents=True)
        (directory / "comm").write_text(f"{name}\n")
    ask = tmp_path / "timedatectl"
    ask.write_text(f"#!/bin/sh\n{answer}\n")
    ask.chmod(0o755)
    return TimeService(tmp_path / "proc", tmp_path / "sys", str(ask))


@pytest.mark.parametrize(
    ("processes", "name"),
    [([], None), (["bash", "systemd-journal"], None), (["chronyd"], "chronyd"), (["ntpd"], "ntpd")],
)
def test_the_service_that_sets_the_clock_is_found_by_its_process(
    tmp_path: Path, processes: list[str], name: str | None
) -> None:
    assert service(tmp_path, *processes).name() == name


def test_timesyncd_is_asked_for_its_server(tmp_path: Path) -> None:
    """The kernel cuts the names of processes to 15 characters."""
    found = service(tmp_path, "systemd-timesyn", answer="echo 0.debian.pool.ntp.org")
    assert found.name() == "systemd-timesyncd, from 0.debian.pool.ntp.org"


@pytest.mark.parametrize("answer", ["exit 1", "echo"])
def test_timesyncd_without_a_server_is_named_all_the_same(tmp_path: Path, answer: str) -> None:
    assert service(tmp_path, "systemd-timesyn", answer=answer).name() == "systemd-timesyncd"


def test_the_battery_clock_is_read_where_there_is_one(tmp_path: Path) -> None:
    found = service(tmp_path)
    assert found.battery_clock() is None
    clock = tmp_path / "sys/class/rtc/rtc0"
    clock.mkdir(parents=True)
    (clock / "since_epoch").write_text("1780000000\n")
    assert found.battery_clock() == datetime.fromtimestamp(1780000000, UTC)
    (clock / "since_epoch").write_text("\n")
    assert found.battery_clock() is None
