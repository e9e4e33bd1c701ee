import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.runtime.supervision.health import HealthBoard
from agent.runtime.supervision.status_file import StatusFile
from tests.support.context import reporter
from tests.support.sim_clock import SimClock


class Bench:
    def __init__(self, path: Path | None) -> None:
        self.clock = SimClock()
        self.board = HealthBoard(reporter())
        self.board.add_figures("cameras", lambda: self.cameras)
        self.cameras: dict[str, dict[str, Any]] = {"front": {"frames_per_second": 5.0}}
        self.file = StatusFile(path, self.clock, self.board)


def test_it_says_which_parts_work_and_what_the_cameras_give(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "status.json")
    bench.board.report("uplink", ok=False, detail="no broker")
    bench.file.tick()
    told = json.loads((tmp_path / "status.json").read_text())
    assert told["boottime_ns"] == bench.clock.boottime_ns()
    assert told["parts"] == {"uplink": {"ok": False, "detail": "no broker", "transient": False}}
    assert told["cameras"] == bench.cameras
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_it_is_written_again_after_five_seconds_and_not_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "status.json")
    bench.file.tick()
    (tmp_path / "status.json").unlink()
    bench.clock.advance(timedelta(seconds=4.9))
    bench.file.tick()
    assert not (tmp_path / "status.json").exists()
    bench.clock.advance(timedelta(seconds=0.1))
    bench.file.tick()
    assert (tmp_path / "status.json").exists()


def test_a_directory_that_is_gone_is_told_once_and_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path / "gone" / "status.json")
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            bench.file.tick()
            bench.clock.advance(timedelta(seconds=5))
    assert len(caplog.records) == 1


def test_without_a_place_nothing_is_written(tmp_path: Path) -> None:
    Bench(None).file.tick()
    assert list(tmp_path.iterdir()) == []
