import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.campaigns.bench import report
from tests.campaigns.bench.child import ROOT, Child, ChildError
from tests.campaigns.bench.distribution import Distribution
from tests.campaigns.bench.figures import Figure, of_percentiles
from tests.support.run import ran

EXPECTED = {
    *(f"{name}_p{percent}" for name in ("press", "new_alarm", "press_beside_vision") for percent in (50, 99)),
    *(f"press_beside_recording_p{percent}" for percent in (50, 99) if find_spec("av")),
    "start_to_ready",
    "start_beside_least",
    *(f"{name}_{kind}" for name in ("core", "core_beside_least", "vision") for kind in ("rss", "pss")),
    "look_loop_fps",
    "camera_process_inferences",
}
ALONE = {
    f"{name}_p{percent}"
    for name in (
        "edge_to_light",
        "edge_to_box",
        "edge_to_disk",
        "box_beside_hanging_disk",
        "light_beside_hanging_disk",
    )
    for percent in (50, 99)
}


@pytest.mark.campaign
@pytest.mark.rare
@pytest.mark.system
@pytest.mark.timeout(700)
def test_the_bench_measures_every_figure_beside_its_baseline(tmp_path: Path) -> None:
    record = tmp_path / "build" / "bench.json"
    command = [sys.executable, "-m", "tests.campaigns.bench", "--quick", "--json", str(record)]
    wide = {**os.environ, "COLUMNS": "200"}
    run = ran(*command, cwd=ROOT, env=wide, timeout=600)
    assert run.returncode == 0, run.stdout + run.stderr
    figures = json.loads(record.read_text())["figures"]
    assert figures.keys() == EXPECTED | ALONE
    for name in EXPECTED:
        assert figures[name]["ours"] > 0
        assert figures[name]["baseline"] > 0
        assert figures[name]["ratio"] == pytest.approx(figures[name]["ours"] / figures[name]["baseline"], rel=0.05)
    for name in EXPECTED | ALONE:
        assert figures[name]["title"] in " ".join(run.stdout.split())


def test_a_percentile_is_a_sample_at_its_rank() -> None:
    samples = Distribution([float(number) for number in range(200, 0, -1)])
    assert [samples.percentile(percent) for percent in (0, 1, 50, 99, 100)] == [1, 2, 100, 198, 200]
    assert len(samples) == 200


def test_a_distribution_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Distribution([])


def test_the_table_has_a_line_for_each_distribution_and_says_what_a_baseline_is() -> None:
    slow, fast = Distribution([2.0, 4.0]), Distribution([1.0, 2.0])
    figures = [
        *of_percentiles("press", "press to light", "bare paho", slow, fast),
        *of_percentiles("edge", "edge to box", "", slow, None),
        Figure("core_rss", "core, RSS", "MiB", 120, 60, against="bare Python"),
    ]
    table = report.markdown({"processor": "a processor", "cores": 2}, figures)
    assert table.splitlines()[2:5] == [
        "| press to light, p50 and p99 | 2, 4 ms | 1, 2 ms | 2.00, 2.00 | bare paho |",
        "| edge to box, p50 and p99 | 2, 4 ms |  |  |  |",
        "| core, RSS | 120 MiB | 60 MiB | 2.00 | bare Python |",
    ]
    assert table.endswith("\n(a processor, 2 cores.)\n")


@pytest.mark.parametrize(
    ("ours", "more_is_better", "reached"), [(12, False, True), (14, False, False), (14, True, True), (12, True, False)]
)
def test_a_goal_is_reached_from_its_own_side(ours: float, more_is_better: bool, reached: bool) -> None:
    figure = Figure("name", "title", "ms", ours, 10, goal=1.3, more_is_better=more_is_better)
    assert figure.reached is reached


def test_a_child_that_fails_is_told_with_its_last_words() -> None:
    child = Child("-c", "raise SystemExit('the reason')", what="the child")
    with pytest.raises(ChildError, match="the child ended with code 1: the reason"), child:
        pass


def test_a_child_that_does_not_answer_is_ended() -> None:
    child = Child("-c", "import sys; sys.stdin.read()", what="the child", start_s=0.2)
    with pytest.raises(ChildError, match=r"the child did not answer within 0\.2 s"), child:
        pass
