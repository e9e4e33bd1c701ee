"""The short form of `make chaos`: a few of everything."""

import json
import sys
from pathlib import Path

import pytest

from tests.campaigns.bench.child import ROOT
from tests.support.run import ran


@pytest.mark.campaign
@pytest.mark.system
@pytest.mark.timeout(700)
def test_a_short_storm_loses_nothing_doubles_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    record = tmp_path / "chaos.json"
    command = [sys.executable, "-m", "tests.campaigns.chaos", "--short", "--seed", "5", "--json", str(record)]
    run = ran(*command, cwd=ROOT, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    told = json.loads(record.read_text())
    storm, peers, backlog = told["storm"], told["peers"], told["backlog"]
    assert storm["kills"] >= 4
    assert storm["presses_made"] > 0
    assert (storm["lost"], storm["duplicated_ids"], storm["duplicated_seqs"], storm["out_of_order"]) == (0, 0, 0, 0)
    assert {count for counts in peers["arrived_of_20"].values() for count in counts} == {20}
    assert backlog["arrived"] == backlog["messages"] == 3_000
    assert backlog["less_important_first"] == 0
