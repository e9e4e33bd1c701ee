"""The short form of `make walk`: a press in earnest at each step, and two power cuts."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.agent_process import REPOSITORY
from tests.support.run import ran


@pytest.mark.campaign
@pytest.mark.system
@pytest.mark.timeout(700)
def test_a_press_in_earnest_at_any_step_of_a_walk_is_told_as_actual_and_a_power_cut_costs_a_step_at_most(
    tmp_path: Path,
) -> None:
    record = tmp_path / "walk.json"
    command = [sys.executable, "-m", "tests.campaigns.commissioning", "--presses", "1", "--cuts", "2", "--json", record]
    done = ran(*command, cwd=REPOSITORY, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(record.read_text())
    assert len(said["told"]) == 17
    assert {status for told in said["told"].values() for status in told} == {"actual"}
    assert list(said["cuts"]) == ["label", "self-test"]
