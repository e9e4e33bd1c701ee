"""The whole bench, a small part of everything."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.campaigns.bench.child import ROOT
from tests.campaigns.bench_vision import budgets
from tests.campaigns.bench_vision.variants import VARIANTS
from tests.support.run import ran

NEED_TRUTH = {
    *("average_precision", "reported_boxes", "identities", "entries"),
    *(f"variant_{name}" for name in VARIANTS),
    *(f"budget_{budget:g}" for budget in budgets.TARGETS),
}
NEED_VIEWS = {"near_nobody", "near_announced", "near_persons", "near_hands"}
MEASURED = {
    "near_cut_outs",
    "start",
    "still",
    "still_processor",
    "other_processor_time",
    "speed",
    "negatives",
    "nobody_bins",
    "nobody_people_painted_out",
    "nobody_all",
    "budget",
    "memory",
    "tamper",
    "arrival",
}


@pytest.mark.campaign
@pytest.mark.rare
@pytest.mark.system
@pytest.mark.timeout(700)
def test_the_bench_measures_every_row_beside_its_target(tmp_path: Path) -> None:
    record = tmp_path / "build" / "bench-vision.json"
    command = [sys.executable, "-m", "tests.campaigns.bench_vision", "--quick", "--json", str(record)]
    environment = {**os.environ, "COLUMNS": "400", "EDGE_TEST_PETS": str(tmp_path)}
    environment["EDGE_TEST_NEAR_VIEWS"] = str(tmp_path)
    run = ran(*command, cwd=ROOT, env=environment, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    rows = json.loads(record.read_text())["rows"]
    other_kinds = {name for name in rows.keys() - MEASURED if name.startswith("nobody_")}
    assert rows.keys() - other_kinds == NEED_TRUTH | NEED_VIEWS | MEASURED | {"announced"}
    for name in NEED_TRUTH | {"announced"}:
        assert rows[name]["reached"] is None
        assert f"no ground truth in {tmp_path}" in rows[name]["figure"]
    for name in NEED_VIEWS:
        assert rows[name]["reached"] is None
        assert f"no videos in {tmp_path}" in rows[name]["figure"]
    for name in MEASURED:
        assert rows[name]["reached"] is not None, rows[name]
        assert rows[name]["title"] in run.stdout
    assert rows["budget"]["reached"], "a budget that is not kept is no matter of a slow machine"
    for picture in ("inferences", "processor"):
        assert record.with_name(f"bench-vision-{picture}.svg").read_text().startswith("<?xml")
