"""Who is counted as seen, on boxes that can be counted by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.core.errors import UsageError
from tests.campaigns.bench_vision import who
from tests.campaigns.bench_vision.who import Count, Person, add, covered, row, wilson

A, B = (0.0, 0.0, 10.0, 20.0), (100.0, 0.0, 10.0, 20.0)
HALF_OF_A = (0.0, 0.0, 10.0, 9.0)
HEADING = "file,row,x,y,w,h,note\n"


def directory(path: Path, lines: str, heading: str = HEADING) -> Path:
    cv2.imwrite(str(path / "street.png"), np.zeros((8, 8, 3), np.uint8))
    (path / "people.csv").write_text(heading + lines)
    return path


def test_one_track_covers_one_person_the_closest() -> None:
    assert covered({A: 0.5, (1.0, 0.0, 10.0, 20.0): 0.5}, [A]) == {A}


def test_a_box_that_covers_less_than_half_finds_only_people_partly_hidden() -> None:
    counts: dict[str, Count] = {}
    add(counts, "a.jpg", [Person("children", A, "")], [[HALF_OF_A]])
    add(counts, "b.jpg", [Person(who.HIDDEN, A, "")], [[HALF_OF_A]])
    assert [(name, count.found) for name, count in counts.items()] == [("children", 0), (who.HIDDEN, 1)]
    assert counts["children"].missed == [f"a.jpg {A}"]


def test_found_in_any_frame_but_a_track_at_one_moment_only_in_the_last() -> None:
    counts: dict[str, Count] = {}
    add(counts, "a.jpg", [Person("crowds", A, ""), Person("crowds", B, "")], [[A], [B]])
    assert (counts["crowds"].people, counts["crowds"].pictures) == (2, 1)
    assert (counts["crowds"].found, counts["crowds"].at_once) == (2, 1)


def test_one_person_counts_in_each_of_their_rows() -> None:
    counts: dict[str, Count] = {}
    add(counts, "a.jpg", [Person("children", A, ""), Person("umbrellas", A, "")], [[A]])
    assert {name: count.found for name, count in counts.items()} == {"children": 1, "umbrellas": 1}


def test_the_interval_is_wilsons() -> None:
    assert wilson(8, 10) == pytest.approx((0.490, 0.943), abs=0.001)
    assert wilson(0, 10)[0] == pytest.approx(0.0)
    assert wilson(10, 10)[1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "found", "at_once", "verdict"),
    [("cyclists", 9, 0, "ok"), ("cyclists", 8, 8, "miss"), ("crowds", 9, 6, "miss"), ("children", 0, 0, "")],
)
def test_a_row_is_held_to_its_own_target(name: str, found: int, at_once: int, verdict: str) -> None:
    assert row(name, Count(people=10, pictures=3, found=found, at_once=at_once)).verdict == verdict


def test_a_picture_is_played_for_three_seconds_and_never_stands_quite_still() -> None:
    frames = list(who.film(np.full((8, 8, 3), 128, np.uint8)))
    assert len(frames) == 30
    assert not np.array_equal(frames[0], frames[1])
    assert np.array_equal(frames[0], next(who.film(np.full((8, 8, 3), 128, np.uint8))))


def test_people_are_read_by_picture(tmp_path: Path) -> None:
    pictures = who.read(directory(tmp_path, "street.png,children,1,2,3,4,a boy\nstreet.png,crowds,1,2,3,4,\n"))
    box = (1.0, 2.0, 3.0, 4.0)
    assert pictures == {tmp_path / "street.png": [Person("children", box, "a boy"), Person("crowds", box, "")]}


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("", "names nobody"),
        ("street.png,children,1,2,0,4,\n", "line 2: '1,2,0,4' is no box"),
        ("street.png,children,nan,2,3,4,\n", "is no box"),
        ("road.png,children,1,2,3,4,\n", "there is no picture"),
        ("street.png,children,1,2,3\n", "line 2: 'street.png,children,1,2,3' is not file,row"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused(tmp_path: Path, lines: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        who.read(directory(tmp_path, lines))


def test_a_directory_without_the_file_of_boxes_is_refused_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--people wants pictures and people\.csv"):
        who.read(tmp_path)
