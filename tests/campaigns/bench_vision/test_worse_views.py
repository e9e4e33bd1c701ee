"""The measuring set: variants with their truth, budgets, close views and clips of one's own."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.core.errors import UsageError
from tests.campaigns.bench_vision import budgets, clips, close_views, entries, near, report, stress
from tests.campaigns.bench_vision.effort import QUICK
from tests.campaigns.bench_vision.ground_truth import Box, Truth
from tests.campaigns.bench_vision.row import Row
from tests.campaigns.bench_vision.scored_run import ScoredRun, event_score
from tests.campaigns.bench_vision.stage import Pixels, Stage
from tests.campaigns.bench_vision.variants import VARIANTS
from tests.campaigns.bench_vision.view import View, view_of
from tests.campaigns.bench_vision.watched import Entered, Watched
from tests.support.near_scene import NearScene
from tests.support.vision_media import write_video

SIZE = (768, 576)


def street() -> Pixels:
    """A textured grey picture."""
    texture = np.random.default_rng(5).normal(110, 12, (SIZE[1], SIZE[0], 3))
    return np.asarray(np.clip(cv2.GaussianBlur(texture, (0, 0), 1.5), 0, 255), np.uint8)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_of_a_frame_is_the_same_each_time_and_leaves_the_frame_alone(name: str) -> None:
    picture = street()
    first, second = (VARIANTS[name].make(picture, 17) for _ in range(2))
    assert first.dtype == np.uint8
    assert (first == second).all()
    assert (picture == street()).all()


@pytest.mark.parametrize("name", ["half", "double", "fisheye", "rotated", "day"])
@pytest.mark.parametrize("box", [(60.0, 80.0, 40.0, 90.0), (360.0, 250.0, 40.0, 90.0), (690.0, 440.0, 40.0, 90.0)])
def test_a_box_is_mapped_to_where_a_variant_shows_what_is_in_it(name: str, box: Box) -> None:
    left, top, width, height = box
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    middle = (round(left + width / 2), round(top + height / 2))
    cv2.ellipse(picture, middle, (round(width / 2), round(height / 2)), 0, 0, 360, (255, 255, 255), -1)
    shown = VARIANTS[name].make(picture, 1)[:, :, 0] > 100
    rows, columns = np.nonzero(shown.any(axis=1))[0], np.nonzero(shown.any(axis=0))[0]
    found = (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert VARIANTS[name].box(box, SIZE) == pytest.approx(found, abs=3)


def test_the_truth_of_a_variant_is_written_for_the_frames_that_were_looked_at(tmp_path: Path) -> None:
    truth = Truth(tmp_path, {3: {1: (10, 20, 30, 40), 11: (12, 20, 30, 40)}}, {0: {1: (0, 0, 4, 4)}})
    half = truth.mapped(lambda box: VARIANTS["half"].box(box, SIZE))
    half.write(tmp_path / "truth.csv", {11, 12})
    assert (tmp_path / "truth.csv").read_text().split() == ["frame,id,left,top,width,height", "11,3,6.0,10.0,15.0,20.0"]
    assert half.others == {0: {1: (0, 0, 2, 2)}}


def test_dark_keeps_three_tenths_of_the_light_and_night_a_quarter() -> None:
    picture = street()
    assert VARIANTS["dark"].make(picture, 1).mean() < 0.4 * picture.mean()
    assert VARIANTS["night25"].make(picture, 1).mean() == pytest.approx(picture.mean() / 4, rel=0.1)


@pytest.mark.parametrize(
    ("came", "alarms", "found", "missed", "false"),
    [
        ([], [], 0, 0, 0),
        ([5], [5], 1, 0, 0),
        ([5], [15], 1, 0, 0),
        ([5], [15.1], 0, 1, 1),
        ([5], [4.9], 0, 1, 1),
        ([5], [6, 7], 1, 0, 1),
        ([5, 6], [7, 8], 2, 0, 0),
        ([0, 9], [9.5, 10.5], 2, 0, 0),
        ([1, 2, 3], [4], 1, 2, 0),
    ],
)
def test_an_alarm_is_true_within_ten_seconds_of_an_entry_that_has_no_alarm_yet(
    came: list[float], alarms: list[float], found: int, missed: int, false: int
) -> None:
    score = entries.score(came, alarms)
    assert (score.found, score.missed, score.false) == (found, missed, false)


def test_a_false_alarm_weighs_more_than_a_miss_in_operational_alert() -> None:
    assert entries.Score(10, 0, 0).f1 == 1
    assert entries.Score(0, 3, 0).f1 == 0
    assert entries.Score(5, 5, 0).f1 == pytest.approx(1.65 * 0.5 / (0.5 + 0.65))
    assert entries.Score(5, 0, 5).f1 == pytest.approx(1.65 * 0.5 / (1 + 0.65 * 0.5))
    assert entries.Score(5, 0, 5).f1 < entries.Score(5, 5, 0).f1


def test_an_event_about_somebody_whom_the_truth_leaves_out_is_neither_true_nor_false(tmp_path: Path) -> None:
    here, there = (0.0, 0.0, 10.0, 20.0), (50.0, 0.0, 10.0, 20.0)
    truth = Truth(tmp_path, {1: {11: here, 21: here}}, {0: {11: there, 21: there}})
    lines = [{"frame": 12, "tracks": [{"id": 7, "box": list(here)}, {"id": 8, "box": list(there)}]}]
    watched = Watched(lines=lines, entered=[Entered(12, 7), Entered(12, 8)])
    score = event_score(truth, watched)
    assert (score.found, score.missed, score.false) == (1, 0, 0)


def scored(hardly_s: float | None = None, people: int = 19, **scores: float) -> ScoredRun:
    good = {"AP50": 0.9, "mota": 0.9, "recall": 0.9, "precision": 0.9, "idf1": 0.9}
    return ScoredRun({**good, **scores}, people, entries.Score(19, 0, 0), hardly_s)


@pytest.mark.parametrize(
    ("name", "found", "reached"),
    [
        ("day", scored(), True),
        ("day", scored(AP50=0.81), False),
        ("day", scored(people=18), False),
        ("day", scored(hardly_s=50.0), False),
        ("night25", scored(hardly_s=59.0, people=15), True),
        ("night25", scored(people=15), False),
        ("night25", scored(hardly_s=61.0), False),
        ("rotated", scored(hardly_s=24.0, mota=-0.1), True),
        ("dark", scored(mota=0.71), False),
        ("dark", scored(hardly_s=10.0), True),
    ],
)
def test_a_variant_has_its_own_target_and_may_or_must_be_told_as_hardly_visible(
    name: str, found: ScoredRun, reached: bool
) -> None:
    assert stress.row(name, found).reached is reached


def test_a_budget_is_the_mean_of_its_starts_and_names_the_profiles_that_have_it() -> None:
    row = budgets.row(6, [scored(recall=0.68, mota=0.5), scored(recall=0.74, mota=0.6)])
    assert row.reached
    assert row.cells["recall"] == "0.71"
    assert "camera-pi4" in row.cells["profiles"]
    assert not budgets.row(12, [scored(recall=0.79)]).reached
    assert "the default" in budgets.profiles_at(20)


def test_each_kind_of_row_has_a_table_with_its_columns() -> None:
    rows = [
        stress.row("dark", scored()),
        Row("b", "Second", "0", "no ground truth", sheet=stress.SHEET),
        Row("a", "First", "≥ 1", "2", True),
    ]
    tables = report.markdown({"processor": "a processor", "cores": 4}, rows)
    first, second = tables["vision figures"], tables["vision variants"]
    assert "| First | ≥ 1 | 2 | ok |" in first
    assert "| dark | MOTA ≥ 0.72 | walking, groups that cross |" in second
    assert "| Second | 0 | no ground truth | " in second
    assert len({line.count("|") for line in second.splitlines() if line.startswith("|")}) == 1


@pytest.mark.parametrize(
    ("view", "reached"),
    [
        (View("a", 0.05, 0.95, 2.0), True),
        (View("a", 0.06, 1.0, 1.0), False),
        (View("a", 0.0, 0.94, 1.0), False),
        (View("a", 0.0, 1.0, 2.1), False),
        (View("a", 0.0, 1.0, None), False),
    ],
)
def test_people_who_stand_close_must_be_seen_soon_and_counted_right(view: View, reached: bool) -> None:
    assert close_views.row_of([view], 0).reached is reached
    assert all(row.reached is reached for row in near.rows_of([view], "")[:3]) or not reached
    assert not close_views.row_of([view], 1).reached


def test_a_view_is_right_where_it_shows_as_many_as_there_are_in_each_frame() -> None:
    watched = Watched(lines=[{"tracks": [1]}] * 40, persons=[2] * 40)
    there = [near.persons_at("store-aisle-detection", frame) for frame in range(40)]
    assert near.persons_at("hips-up-eat", 0) == 1
    assert there == [2] * 18 + [3] * 22
    assert view_of("aisle", watched, there).right == 0
    assert view_of("aisle", watched, there[::-1]).right == pytest.approx(18 / 20)


@pytest.mark.parametrize("name", close_views.KINDS)
def test_a_close_view_shows_somebody_where_its_name_says(name: str) -> None:
    people = close_views.KINDS[name]
    shown, empty = (NearScene(group, SIZE, noise=0).at(0.0).astype(int) for group in (people, ()))
    other = np.abs(shown - empty).max(axis=2) > 30
    assert other.any()
    assert len(people) == ["one", "two", "three", "four"].index(name.partition(",")[0]) + 1
    edges = {"below": other[-2], "above": other[1], "left": other[:, 1], "right": other[:, -2]}
    for edge, line in edges.items():
        if f"cut {edge}" in name:
            assert line.any(), edge
    if "whole" in name:
        assert not any(line.any() for line in edges.values())


def test_a_clip_of_ones_own_is_scored_by_its_truth(tmp_path: Path) -> None:
    write_video(tmp_path / "yard.avi", 20, 10)
    (tmp_path / "yard.csv").write_text("second,event\n0.5,entered\n1.5,left\n")
    write_video(tmp_path / "empty.avi", 20, 10)
    (tmp_path / "empty.csv").write_text("second,event\n")
    stage = Stage(tmp_path, tmp_path / "yard.avi", QUICK, lambda text, done, of: None)
    empty, yard = clips.rows(stage, clips.read(tmp_path))
    assert (empty.reached, empty.cells["entered"], empty.cells["false"]) == (True, "0 of 0", "0")
    assert (yard.reached, yard.cells["entered"], yard.cells["left"]) == (False, "0 of 1", "0 of 1")


def test_a_truth_beyond_the_end_of_its_video_is_refused_before_any_clip_is_looked_at(tmp_path: Path) -> None:
    for name, truth in (("a", "second,event\n"), ("yard", "second,event\n30,entered\n1,entered\n")):
        write_video(tmp_path / f"{name}.avi", 20, 10)
        (tmp_path / f"{name}.csv").write_text(truth)
    shown: list[str] = []
    stage = Stage(tmp_path, tmp_path / "yard.avi", QUICK, lambda text, done, of: shown.append(text))
    with pytest.raises(UsageError, match=r"yard\.csv, line 2: 30 s is after the video's end, 2\.0 s"):
        clips.rows(stage, clips.read(tmp_path))
    assert not shown


@pytest.mark.parametrize(
    ("truth", "why"),
    [
        (None, r"yard\.mp4 has no truth beside it: write yard\.csv, at least its heading second,event"),
        ("", r"line 1: the heading must be second,event"),
        ("second;event\n", r"line 1: the heading must be second,event, and is 'second;event'"),
        ("second,event\n1.5,came\n", r"yard\.csv, line 2: '1\.5,came' is not"),
        ("second,event\n1.5\n", r"line 2: '1\.5' is not"),
        ("second,event\n1,entered\nsoon,left\n", r"line 3: 'soon' is no number"),
        ("second,event\n-1,entered\n", r"line 2: '-1' is no number"),
        ("second,event\nnan,entered\n", r"line 2: 'nan' is no number"),
        ("second,event\n1,entered\n5,left\n6,left\n", r"line 4: nobody is there who could leave at 6 s"),
        ("second,event\n12,entered\n12,left\n5,left\n", r"line 4: nobody is there who could leave at 5 s"),
    ],
)
def test_a_truth_that_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, truth: str | None, why: str) -> None:
    (tmp_path / "yard.mp4").touch()
    if truth is not None:
        (tmp_path / "yard.csv").write_text(truth)
    with pytest.raises(UsageError, match=why):
        clips.read(tmp_path)


def test_a_directory_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no video"):
        clips.read(tmp_path)
    with pytest.raises(UsageError, match="is no directory"):
        clips.read(tmp_path / "gone")
