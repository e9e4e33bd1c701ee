"""The short form of the fleet, and what its report makes of what it saw."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.campaigns.fleet import report
from tests.campaigns.fleet.__main__ import main
from tests.campaigns.fleet.bare import Baseline
from tests.campaigns.fleet.fleet import Press, Told, missing
from tests.campaigns.fleet.report import Run
from tests.campaigns.fleet.stages import Group, Stage, judge_night

MS = 1_000_000


@pytest.mark.campaign
def test_twenty_devices_lose_nothing_in_a_power_cut_and_a_restart_of_the_broker(tmp_path: Path) -> None:
    found = tmp_path / "fleet.json"
    stages = ["connect", "quiet", "power_cut", "restart"]

    code = main([*f"-n 20 --window 3 --presses 3 --health 5 --json {found}".split(), "--stages", ",".join(stages)])

    assert code in {0, 1}  # on a machine that is busy, latencies may be long
    [run] = json.loads(found.read_text())["runs"]
    assert run["lost"] == 0
    assert run["numbered"] > 20
    assert [stage["name"] for stage in run["stages"]] == stages
    for stage in run["stages"]:
        assert stage["arrived"] == stage["presses"]
        assert stage["messages"] > 0
        assert stage["broker_peak_bytes"] > 0
        assert (stage["back_s"] is None) == (stage["name"] == "quiet")
    assert run["stages"][1]["presses"] == 9
    assert run["stages"][-1]["after_accepting_s"] is not None, "buttons were pressed while the broker was away"
    assert run["baseline"]["handshakes_a_second"] > 0


def run_of(*presses: Press, back_s: float = 10.0, lost: int = 0) -> Run:
    storm = Stage("restart", back_s=back_s, accepting_ns=1000 * MS)
    return Run(20, "a broker", 30.0, Baseline(100.0, 1.0, 1000.0, 0.1), [Stage("quiet"), storm], [*presses], lost=lost)


def press(stage: str, ms: float | None, *, is_up: bool = True, edge_ms: int = 0) -> Press:
    return Press(stage, is_up, edge_ms * MS, None if ms is None else int((edge_ms + ms) * MS))


def test_a_storm_may_take_three_times_the_quiet_or_100_ms() -> None:
    assert run_of(press("quiet", 10), press("restart", 99)).faults() == []
    assert run_of(press("quiet", 50), press("restart", 149)).faults() == []
    assert "restart: p99" in run_of(press("quiet", 10), press("restart", 101)).faults()[0]
    assert "restart: p99" in run_of(press("quiet", 50), press("restart", 151)).faults()[0]


def test_a_press_while_the_broker_is_away_counts_from_its_return() -> None:
    early: dict[str, Any] = {"is_up": False, "edge_ms": 500}
    assert run_of(press("quiet", 1), press("restart", 10_400, **early)).faults() == []
    assert "a press came 10.1 s after" in run_of(press("quiet", 1), press("restart", 10_600, **early)).faults()[0]


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (run_of(press("quiet", 1), lost=2), "2 messages lost"),
        (run_of(press("quiet", 1), press("restart", None)), "1 presses lost"),
        (run_of(press("quiet", 1), back_s=61.0), "99 % were back after 61 s"),
    ],
)
def test_whatever_is_lost_or_late_is_told(run: Run, says: str) -> None:
    assert says in run.faults()[0]


DARK = [Group(frozenset({"a", "b"}), 100.0), Group(frozenset({"c"}), 110.0)]
NIGHT = [
    *(Told("DevicesGone", ("a", "b"), 270.0), Told("DevicesGone", ("c",), 289.0)),
    *(Told("DevicesBack", ("b", "a"), 400.0), Told("DevicesBack", ("c",), 410.0)),
]


def test_a_night_in_which_each_place_is_told_once_and_in_time_has_no_faults() -> None:
    assert judge_night(DARK, NIGHT, 180.0) == ("told gone after 179 s at most", [])
    [late] = judge_night(DARK, NIGHT, 178.0)[1]
    assert "after 179 s" in late


@pytest.mark.parametrize(
    "told",
    [
        NIGHT[1:],
        NIGHT[:3],
        [*NIGHT, Told("DevicesGone", ("d",), 290.0)],
        [Told("DevicesGone", ("a",), 270.0), Told("DevicesGone", ("b",), 270.0), *NIGHT[1:]],
        [Told("DevicesGone", ("a", "b", "c"), 270.0), *NIGHT[2:]],
    ],
)
def test_a_place_that_is_told_never_or_in_parts_or_with_others_is_a_fault(told: list[Told]) -> None:
    assert judge_night(DARK, told, 180.0)[1]


def test_a_number_that_the_centre_has_not_is_missing_and_so_is_a_device_or_an_epoch_that_it_does_not_know() -> None:
    given = {"a": ("e1", 7), "b": ("e1", 5), "c": ("e2", 3)}
    assert missing(given, {"a": ("e1", 7), "b": ("e1", 5), "c": ("e2", 3)}) == 0
    assert missing(given, {"a": ("e1", 5), "c": ("e1", 3)}) == 2 + 5 + 3


def test_the_exponent_is_the_slope_of_the_growth() -> None:
    assert report.exponent([100, 1000, 5000], [1.0, 10.0, 50.0]) == pytest.approx(1.0)
    assert report.exponent([10, 100], [1.0, 100.0]) == pytest.approx(2.0)
    assert report.exponent([10, 100], [3.0, 3.0]) == pytest.approx(0.0)


def test_a_fleet_that_can_not_be_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["-n", "0"], ["-n", "20001"], ["--stages", "flood"]):
        with pytest.raises(SystemExit):
            main(wrong)
    assert "there is no stage flood" in capsys.readouterr().err
