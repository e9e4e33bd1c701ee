"""What goes over the interface of a SIM card is counted once, through restarts of agent, modem and machine."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.contract.vocabulary import TimeQuality
from agent.core.diagnosis.data_use import judge_data
from agent.outbox.outbox import Outbox
from agent.runtime.supervision.data_use import DATA, DataUse
from tests.support.context import make_context
from tests.support.drafts import open_outbox
from tests.support.sim_clock import SimClock

MB = 1_000_000


class Modem:
    """`/sys/class/net` with one interface, which the test uses."""

    def __init__(self, directory: Path) -> None:
        self.network = directory
        self.statistics = directory / "wwan0" / "statistics"
        self.statistics.mkdir(parents=True)
        self.counts = {"rx": 5 * MB, "tx": 0}
        self.pass_on()

    def pass_on(self, *, rx: int = 0, tx: int = 0) -> None:
        self.counts = {"rx": self.counts["rx"] + rx, "tx": self.counts["tx"] + tx}
        for way, count in self.counts.items():
            (self.statistics / f"{way}_bytes").write_text(f"{count}\n")

    def restart(self) -> None:
        self.counts = {"rx": 0, "tx": 0}
        self.pass_on()


class Rig:
    def __init__(self, directory: Path, modem: Modem, clock: SimClock) -> None:
        self.directory, self.modem, self.clock = directory, modem, clock
        self.begin()

    def begin(self) -> None:
        self.outbox: Outbox = open_outbox(self.directory, self.clock)
        self.context = make_context(self.outbox, self.clock)
        self.use = DataUse(100 * MB, "wwan0", self.context, self.outbox, network=self.modem.network)
        self.use.tick()

    def wait(self, seconds: float = 10) -> int:
        self.clock.advance(timedelta(seconds=seconds))
        self.use.tick()
        return int(self.use.figures()["month_bytes"])

    def restart(self) -> None:
        self.outbox.close()
        self.begin()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    clock = SimClock(wall=datetime(2026, 11, 28, tzinfo=UTC), quality=TimeQuality.SYNCED)
    rig = Rig(tmp_path / "state", Modem(tmp_path / "net"), clock)
    yield rig
    rig.outbox.close()


def test_both_ways_count_from_the_start_of_the_agent_on(rig: Rig) -> None:
    assert rig.wait() == 0, "what was there before was counted by whoever ran then"
    rig.modem.pass_on(rx=3 * MB, tx=2 * MB)
    assert rig.wait() == 5 * MB


def test_a_modem_that_begins_to_count_again_takes_nothing_back(rig: Rig) -> None:
    rig.modem.pass_on(tx=2 * MB)
    rig.wait()
    rig.modem.restart()
    rig.modem.pass_on(tx=1 * MB)
    assert rig.wait() == 3 * MB


def test_a_modem_that_is_away_is_counted_from_nothing_when_it_is_back(rig: Rig) -> None:
    statistics = rig.modem.statistics
    statistics.rename(away := statistics.with_name("away"))
    assert rig.wait() == 0
    away.rename(statistics)
    rig.modem.restart()
    rig.modem.pass_on(tx=9 * MB)
    assert rig.wait() == 9 * MB


def test_a_restart_of_the_agent_grants_nothing_and_a_new_month_does(rig: Rig) -> None:
    rig.modem.pass_on(rx=101 * MB)
    rig.wait()
    assert rig.use.is_used_up
    rig.restart()
    assert rig.use.is_used_up
    rig.clock.advance(timedelta(days=4))
    rig.wait()
    rig.wait(3600)
    assert not rig.use.is_used_up
    assert rig.wait() == 0


def test_the_centre_hears_once_that_it_is_used_up(rig: Rig) -> None:
    rig.wait()
    assert rig.context.board.parts()[DATA].ok
    rig.modem.pass_on(rx=100 * MB)
    rig.wait()
    assert not rig.context.board.parts()[DATA].ok
    assert "no recordings" in rig.context.board.parts()[DATA].detail


def test_a_disk_is_written_for_every_four_megabytes_or_ten_minutes(rig: Rig) -> None:
    kept: list[str] = []
    keep = rig.outbox.keep

    def noted(key: str, value: str | None) -> threading.Event:
        kept.append(key)
        return keep(key, value)

    rig.outbox.keep = noted  # type: ignore[method-assign]
    for _ in range(59):
        rig.modem.pass_on(tx=1000)
        rig.wait()
    assert len(kept) <= 1
    rig.modem.pass_on(tx=4 * MB)
    rig.wait()
    assert 1 <= len(kept) <= 2


def test_without_an_interface_nothing_is_ever_used_up(rig: Rig) -> None:
    use = DataUse(0, "", rig.context, rig.outbox, network=rig.modem.network)
    rig.modem.pass_on(rx=10**12)
    use.tick()
    assert not use.is_used_up


@pytest.mark.parametrize(("used", "level"), [(50 * MB, "ok"), (91 * MB, "warn"), (100 * MB, "warn"), (None, "unknown")])
def test_the_doctor_says_how_much_is_used(used: int | None, level: str) -> None:
    figures = None if used is None else {"month_bytes": used}
    [found] = judge_data(figures, "wwan0", 100 * MB, exists=True)
    assert found.state == level
    assert used is None or f"{used // MB} of 100 MB went over wwan0" in found.what


def test_the_doctor_misses_an_interface_that_is_not_there() -> None:
    [found] = judge_data(None, "wwan0", 100 * MB, exists=False)
    assert found.state == "fail"
