"""What the bench computes itself, on cases that can be counted by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.campaigns.bench.child import ChildError
from tests.campaigns.bench_vision import accuracy, false_alerts, ground_truth, purity, report, tampering
from tests.campaigns.bench_vision.curve import curve
from tests.campaigns.bench_vision.ground_truth import Truth, iou
from tests.campaigns.bench_vision.row import Row, skipped
from tests.campaigns.bench_vision.stillness import frames_until_still
from tests.campaigns.bench_vision.watched import Entered, Watched

A, B = (0.0, 0.0, 10.0, 20.0), (100.0, 0.0, 10.0, 20.0)


def truth(directory: Path, *, ignored: str = "set()") -> Truth:
    """Person 1 stays at A, person 2 walks from B to 20 pixels right of it; frames 1 and 11 are annotated."""
    (directory / "score.py").write_text(f"IGNORED = {ignored}\n")
    return Truth(directory, {1: {1: A, 11: A}, 2: {1: B, 11: (120.0, 0.0, 10.0, 20.0)}})


def line(frame: int, *found: tuple[Any, float], tracks: dict[int, Any] | None = None) -> dict[str, Any]:
    return {
        "frame": frame,
        "inferences": 1,
        "detections": [{"box": box, "score": score} for box, score in found],
        "tracks": [{"id": number, "box": box} for number, box in (tracks or {}).items()],
    }


@pytest.mark.parametrize(
    ("other", "share"), [(A, 1.0), (B, 0.0), ((5.0, 0.0, 10.0, 20.0), 1 / 3), ((10.0, 0.0, 10.0, 20.0), 0.0)]
)
def test_overlap_is_the_share_of_both(other: ground_truth.Box, share: float) -> None:
    assert iou(A, other) == pytest.approx(share)
    assert iou(other, A) == pytest.approx(share)


def test_people_walk_straight_between_annotated_frames(tmp_path: Path) -> None:
    known = truth(tmp_path)
    assert known.at(6) == {1: A, 2: (110.0, 0.0, 10.0, 20.0)}
    assert known.at(11)[2][0] == 120
    assert known.at(12) == {}
    assert known.at(14, beyond=3)[2][0] == pytest.approx(126)
    assert known.at(15, beyond=3) == {}


def test_nobody_knows_where_somebody_was_between_boxes_that_are_far_apart(tmp_path: Path) -> None:
    gone = Truth(tmp_path, {1: {1: A, 31: A}})
    assert gone.at(10) == {}
    assert gone.at(10, beyond=5) == {1: A}
    assert gone.at(1) == gone.at(31) == {1: A}


def test_ground_truth_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert ground_truth.read(tmp_path) is None


def test_ground_truth_is_read_by_person_and_frame(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("")
    (tmp_path / "gt_every_10th_frame.csv").write_text("frame,id,left,top,width,height\n1,9,4,5,6.5,7\n11,9,5,5,6,7\n")
    found = ground_truth.read(tmp_path)
    assert found is not None
    assert found.people == {9: {1: (4, 5, 6.5, 7), 11: (5, 5, 6, 7)}}
    assert found.annotated() == [1, 11]
    assert found.at(121).keys() == {ground_truth.BYSTANDER}


def test_the_curve_goes_down_the_scores(tmp_path: Path) -> None:
    lines = [line(1, (A, 0.9), ((50.0, 50.0, 10.0, 20.0), 0.8), (B, 0.7)), line(11, (A, 0.6), (A, 0.5))]
    points = curve(truth(tmp_path), lines)
    assert points == [(1 / 4, 1), (1 / 4, 1 / 2), (2 / 4, 2 / 3), (3 / 4, 3 / 4), (3 / 4, 3 / 5)]


def test_who_is_to_be_ignored_is_neither_found_nor_missed(tmp_path: Path) -> None:
    points = curve(truth(tmp_path, ignored="{(1, 2)}"), [line(1, (A, 0.9), (B, 0.8))])
    assert points == [(1 / 3, 1)]


def test_what_the_scoring_program_prints_is_taken_as_it_is() -> None:
    scores = accuracy.parse(
        "all: AP50 0.853 (450 boxes) inferences/frame 2.96 mota 0.740 idf1 0.689\n"
        "first half: AP50 0.850 (2 boxes) mota -1\n"
    )
    assert scores == {
        "all": {"AP50": 0.853, "inferences/frame": 2.96, "mota": 0.74, "idf1": 0.689},
        "first half": {"AP50": 0.85, "mota": -1},
    }


def scores(**changes: float) -> accuracy.Scores:
    good = {"AP50": 0.89, "inferences/frame": 3.2, "precision": 0.93, "recall": 0.89, "mota": 0.83, "idf1": 0.67}
    return {part: {**good, **changes} for part in ("all", "first half", "second half")}


@pytest.mark.parametrize(
    ("changes", "reached"),
    [
        ({}, [True, True, True]),
        ({"AP50": 0.879}, [False, True, True]),
        ({"inferences/frame": 3.31}, [False, True, True]),
        ({"precision": 0.919}, [True, False, True]),
        ({"recall": 0.879}, [True, False, True]),
        ({"mota": 0.81, "idf1": 0.9}, [True, True, False]),
        ({"idf1": 0.65}, [True, True, False]),
    ],
)
def test_a_target_is_missed_when_any_of_its_figures_is(changes: dict[str, float], reached: list[bool]) -> None:
    assert [row.reached for row in accuracy.rows(scores(**changes))] == reached


def test_a_scoring_program_that_fails_is_told(tmp_path: Path) -> None:
    known = truth(tmp_path)
    known.score_program.write_text("raise SystemExit('no motmetrics')")
    with pytest.raises(ChildError, match="no motmetrics"):
        accuracy.score(known, [line(1)], tmp_path)


def test_purity_is_the_share_of_the_frames_that_show_the_main_person(tmp_path: Path) -> None:
    lines = [line(frame, tracks={7: A if frame <= 6 else B, 8: (300.0, 0.0, 9.0, 9.0)}) for frame in range(1, 9)]
    first, second = purity.purities(truth(tmp_path), lines, [Entered(3, 7), Entered(4, 8)])
    assert (first.person, first.frames, first.share) == (1, 8, 6 / 8)
    assert (second.person, second.share) == (None, 0)


def test_an_event_without_a_frame_in_which_its_track_was_seen_is_no_person(tmp_path: Path) -> None:
    (found,) = purity.purities(truth(tmp_path), [line(1)], [Entered(1, 5)])
    assert (found.person, found.share, found.frames) == (None, 0, 0)


@pytest.mark.parametrize(("beside", "reached"), [(B, True), (A, False)])
def test_an_event_about_somebody_whom_the_truth_leaves_out_is_none_too_many(
    beside: ground_truth.Box, reached: bool, tmp_path: Path
) -> None:
    places = {number: (50.0 * number, 50.0, 10.0, 20.0) for number in range(1, purity.PEOPLE + 1)}
    known = Truth(tmp_path, {number: {1: box, 11: box} for number, box in places.items()}, {0: {1: B, 11: B}})
    lines = [line(frame, tracks={**places, 90: B if frame % 2 else beside}) for frame in range(1, 12)]
    row = purity.row(known, Watched(lines=lines, entered=[Entered(3, track) for track in (*places, 90)]), "")
    assert row.reached is reached


def test_events_without_ground_truth_are_counted_and_not_judged() -> None:
    watched = Watched(entered=[Entered(1, 1), Entered(2, 2)])
    row = purity.row(None, watched, "no ground truth")
    assert row.figure == "2; no ground truth"
    assert row.verdict == "skipped"


@pytest.mark.parametrize(
    ("inferences", "until"),
    [
        ([0] * 100, 0),
        ([3, 3, 1] + [0] * 100, 2),
        ([3] * 10 + ([0] * 49 + [1]) * 3, 10),
        ([1] + [0] * 48 + [1] + [0] * 50, 1),
        ([1, 0] * 60, None),
        ([0] * 20, None),
    ],
)
def test_a_scene_is_still_when_five_seconds_cost_one_inference(inferences: list[int], until: int | None) -> None:
    assert frames_until_still(inferences) == until


def test_people_are_replaced_by_what_is_behind_them_and_nothing_else_is(tmp_path: Path) -> None:
    background = np.full((60, 200, 3), 10, np.uint8)
    frame = np.full((60, 200, 3), 200, np.uint8)
    (painted,) = false_alerts.painted_out(iter([frame]), background, truth(tmp_path))
    assert (painted[:30, :15] == 10).all()
    assert (painted[:30, 95:115] == 10).all()
    assert (painted[:, 16:94] == 200).all()
    assert (painted[31:] == 200).all()
    assert (frame == 200).all()


def test_the_background_is_what_is_there_most_of_the_time() -> None:
    pictures = [np.full((2, 2, 3), level, np.uint8) for level in (10, 10, 250)]
    assert (false_alerts.median_background(pictures) == 10).all()


def test_a_background_flickers_as_its_video_does() -> None:
    random = np.random.default_rng(3)
    frames = [np.clip(random.normal(100, 5, (40, 40, 3)), 0, 255).astype(np.uint8) for _ in range(3)]
    background = np.full((40, 40, 3), 60, np.uint8)
    *_, last = false_alerts.noisy(iter(frames), background)
    assert abs(float(last.mean()) - 60) < 1
    assert 3.5 < float(last.std()) < 6.5


def test_the_table_says_of_each_figure_whether_it_is_reached() -> None:
    rows = [Row("a", "First", "≥ 1", "2", True), skipped("b", "Second", "0", "no ground truth")]
    table = report.markdown({"processor": "a processor", "cores": 4}, rows)["vision figures"]
    assert "| First | ≥ 1 | 2 | ok |\n| Second | 0 | no ground truth | skipped |\n" in table
    assert table.endswith("\n(a processor, 4 cores.)\n")


def outcome(kind: str, found_s: float | None, restored_s: float | None, false_alarms: int = 0) -> dict[str, Any]:
    return {"kind": kind, "found_s": found_s, "restored_s": restored_s, "false_alarms": false_alarms}


@pytest.mark.parametrize(
    ("outcomes", "reached", "said"),
    [
        ([outcome("covered", 2, 4), outcome("covered", 3, 1)], True, "covered 3.0, 4.0; 0 false"),
        ([outcome("covered", 5.1, 4)], False, "covered 5.1, 4.0"),
        ([outcome("covered", 2, 10.1)], False, "covered 2.0, 10.1"),
        ([outcome("covered", None, 3), outcome("covered", 2, 3)], False, "covered never, 3.0"),
        ([outcome("covered", 2, 3, false_alarms=1)], False, "1 false"),
        ([outcome("covered", 2, 3), {"kind": "none", "false_alarms": 2}], False, "covered 2.0, 3.0; 2 false"),
    ],
)
def test_tamper_must_be_found_and_ended_in_time_without_a_false_alarm(
    outcomes: list[dict[str, Any]], reached: bool, said: str
) -> None:
    row = tampering.row(outcomes)
    assert row.reached is reached
    assert said in row.figure
