import itertools
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ports import Detection
from agent.vision.track import Track
from agent.vision.tracker import WEAK_SHARE
from tests.support.following import SECOND, START_NS, THRESHOLD, Following, H, W, person

WEAK = THRESHOLD * (WEAK_SHARE + 0.1)


def test_one_box_is_not_somebody_and_two_are() -> None:
    following = Following()

    assert [track.real for track in following.show(person(500, 500))] == [False]
    assert [track.real for track in following.show(person(505, 500))] == [True]


def test_one_box_that_does_not_come_again_is_soon_forgotten() -> None:
    following = Following()
    following.show(person(500, 500))

    assert following.show(frames=5) == []


@pytest.mark.parametrize(("height", "body", "real"), [(100, 0.5, 0), (100, 0.56, 1), (50, 0.44, 0), (50, 0.5, 1)])
def test_a_thing_without_joints_is_nobody_however_sure_the_model_is(height: float, body: float, real: int) -> None:
    following = Following()
    following.show(person(500, 500, height, 1.0, body), frames=50)

    assert len(following.real()) == real


def test_one_good_look_at_a_thing_does_not_make_it_somebody() -> None:
    following = Following()
    following.show(person(500, 500, body=0.2), frames=3)
    following.show(person(500, 500, body=1.0))

    assert following.real() == []


def test_whoever_was_seen_well_once_stays_somebody_behind_a_counter() -> None:
    following = Following()
    following.show(person(500, 500, body=0.8), frames=3)
    following.show(person(500, 500, body=0.1), frames=100)

    assert len(following.real()) == 1


def test_weak_boxes_begin_nobody_however_many() -> None:
    assert Following().show(person(500, 500, score=THRESHOLD - 0.01), frames=50) == []


def test_weak_boxes_continue_somebody() -> None:
    following = Following()
    (before,) = following.show(person(500, 500), frames=5)
    for step in range(30):
        following.show(person(505 + 5 * step, 500, score=WEAK))

    (track,) = following.real()
    assert track is before
    assert track.x == pytest.approx(650, abs=3)


def test_a_clear_box_is_preferred_to_a_weak_one_that_is_nearer() -> None:
    following = Following()
    following.show(person(500, 500), frames=5)
    following.show(person(500, 500, score=WEAK), person(520, 500))

    (track,) = following.real()
    assert track.last == person(520, 500)


@pytest.mark.parametrize("per_s", [2, 5, 10, 25])
def test_two_who_cross_keep_their_numbers(per_s: float) -> None:
    following = Following(per_s)
    for frame in range(round(10 * per_s)):
        at_s = frame / per_s
        following.show(person(300 + 80 * at_s, 500), person(1100 - 80 * at_s, 530))

    one, other = sorted(following.real(), key=lambda track: track.id)
    assert (one.id, other.id) == (1, 2)
    assert one.x == pytest.approx(300 + 80 * (10 - 1 / per_s), abs=10)
    assert other.x == pytest.approx(1100 - 80 * (10 - 1 / per_s), abs=10)


@pytest.mark.parametrize("hidden_s", [0.3, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("pace", [0, 60, -60])
def test_who_is_hidden_for_up_to_two_seconds_keeps_the_number(hidden_s: float, pace: float) -> None:
    following = Following()
    for frame in range(80):
        at_s = frame / 10
        hidden = 4 <= at_s < 4 + hidden_s
        tracks = following.show(*([] if hidden else [person(1000 + pace * at_s, 500)]))
        assert [track.id for track in tracks] == [1]
        assert (tracks[0].last is None) == hidden


def test_who_does_not_come_back_is_given_up() -> None:
    following = Following()
    following.show(person(500, 500), frames=10)

    assert following.show(frames=50) == []


@settings(max_examples=60)
@given(st.floats(0, 2 * math.pi), st.floats(0.1, 5), st.floats(0.5, 2), st.floats(0.5, 1))
def test_one_jumped_box_neither_keeps_a_track_nor_becomes_somebody(
    direction: float, far: float, size: float, score: float
) -> None:
    following = Following()
    for step in range(30):
        following.show(person(800 + 4 * step, 600))
    following.show(
        person(920 + 100 * far * math.cos(direction), 600 + 100 * far * math.sin(direction), 100 * size, score)
    )
    for step in range(31, 50):
        following.show(person(800 + 4 * step, 600))

    (track,) = following.real()
    assert track.id == 1
    assert (track.x, track.y) == pytest.approx((996, 600), abs=5)
    assert track.height == pytest.approx(100, abs=5)
    assert len(following.tracker.tracks) == 1


@given(st.lists(st.booleans(), min_size=30, max_size=60))
def test_who_flickers_at_random_has_one_number_as_long_as_no_gap_is_long(shown: list[bool]) -> None:
    gaps = [sum(1 for _ in run) for found, run in itertools.groupby(shown) if not found]
    following = Following()
    following.show(person(500, 500), frames=3)
    for found in shown:
        following.show(*([person(500, 500)] if found else []))

    if max(gaps, default=0) <= 20:
        assert [track.id for track in following.real()] == [1]


@pytest.mark.parametrize("every", [1, 2, 3, 5, 8, 10])
def test_who_walks_and_is_looked_at_in_few_frames_is_followed_as_well(every: int) -> None:
    following = Following()
    for frame in range(150):
        looked = frame % every == 0
        tracks = following.show(*([person(200 + 4 * frame, 500)] if looked else []), looked=looked)
        assert [track.id for track in tracks] == [1]
        if frame > 60:
            assert tracks[0].x == pytest.approx(200 + 4 * frame, abs=12)


@settings(max_examples=40)
@given(st.lists(st.sampled_from([1, 1, 1, 2, 3, 5]), min_size=40, max_size=80))
def test_skipped_frames_and_changes_of_the_rate_lose_nobody(steps: list[int]) -> None:
    following = Following(25)
    at = 0
    for step in steps:
        at += step
        following.now_ns = START_NS + at * SECOND // 25
        assert [track.id for track in following.show(person(200 + 2 * at, 500))] == [1]
    assert following.real()[0].x == pytest.approx(200 + 2 * at, abs=10)


def test_time_in_which_nobody_looked_is_no_miss() -> None:
    following = Following()
    following.show(person(500, 500), frames=5)
    (track,) = following.show(looked=False, frames=600)

    assert track.real
    assert track.last == person(500, 500)
    assert track.missed_s == 0
    assert track.score == 0.9


def test_a_look_that_misses_somebody_counts_as_a_score_of_zero() -> None:
    following = Following()
    following.show(person(500, 500), frames=10)
    scores = [following.show()[0].score for _ in range(8)]

    assert scores[0] == 0.9
    assert scores[-1] == 0
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("jump_s", [-1000, -1, 0, 20])
def test_a_step_of_the_time_loses_nobody_who_is_still_there(jump_s: int) -> None:
    following = Following()
    following.show(person(500, 500), frames=10)
    following.now_ns += jump_s * SECOND
    tracks = following.show(person(500, 500), frames=10)

    assert [track.id for track in tracks] == [1]
    assert math.isfinite(tracks[0].x)
    assert tracks[0].x == pytest.approx(500, abs=1)


@pytest.mark.parametrize(
    ("x", "y", "pace_x", "pace_y"), [(1700, 500, 150, 0), (300, 500, -150, 0), (500, 700, 0, 150), (500, 400, 0, -150)]
)
def test_who_leaves_over_an_edge_is_forgotten_at_once(x: float, y: float, pace_x: float, pace_y: float) -> None:
    following = Following()
    for frame in range(60):
        box = person(x + pace_x * frame / 10, y + pace_y * frame / 10)
        left, top = max(box.left, 0), max(box.top, 0)
        right, bottom = min(box.left + box.width, W), min(box.top + box.height, H)
        inside = right - left > 8 and bottom - top > 20
        following.show(*([Detection(left, top, right - left, bottom - top, 0.9)] if inside else []))

    assert following.tracker.tracks == []


NUMBERS = st.floats(-1e5, 1e5)
BOXES = st.builds(Detection, NUMBERS, NUMBERS, st.floats(1e-6, 1e6), st.floats(1e-6, 1e6), st.floats(0, 1))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.lists(BOXES, max_size=5), st.integers(-SECOND, 3 * SECOND), st.booleans()), max_size=15))
def test_whatever_is_found_tracks_are_sound_and_no_number_is_given_twice(
    frames: list[tuple[list[Detection], int, bool]],
) -> None:
    following = Following()
    given_: dict[int, Track] = {}
    for found, step_ns, looked in frames:
        following.now_ns += step_ns
        for track in following.show(*found, looked=looked):
            assert given_.setdefault(track.id, track) is track
            assert all(math.isfinite(number) for number in (*track.box, track.pace_x, track.pace_y))
            assert track.width > 0
            assert track.height > 0
            assert 0 <= track.score <= 1
    assert sorted(given_) == list(given_)


@pytest.mark.parametrize("away_s", [60, 86_400])
def test_who_stands_there_after_a_long_time_without_pictures_is_somebody_else(away_s: int) -> None:
    following = Following()
    following.show(person(500, 500), frames=10)
    following.now_ns += away_s * SECOND
    following.show(person(500, 500), frames=3)

    assert [track.id for track in following.real()] == [2]


def test_numbers_go_on_after_everybody_is_forgotten() -> None:
    following = Following()
    following.show(person(500, 500), frames=3)
    following.tracker.forget()

    assert [track.id for track in following.show(person(500, 500), frames=3)] == [2]


def test_each_box_belongs_to_one_person_at_most() -> None:
    following = Following()
    following.show(person(500, 500), person(560, 500), frames=5)
    following.tracker.expect(following.now_ns)
    pairs = following.tracker.update([person(530, 500)], lambda _: True, W, H)

    assert len(pairs) == 1


def test_a_hundred_people_are_followed_without_a_mistake_and_quickly() -> None:
    following = Following()
    began_s = time.process_time()
    for frame in range(20):
        people = [
            person(60 + 180 * column + 3 * frame, 120 + 95 * row, 60)
            for row, column in itertools.product(range(10), range(10))
        ]
        following.show(*people)

    assert [track.id for track in following.real()] == list(range(1, 101))
    assert time.process_time() - began_s < 20 * 0.5


def test_who_turns_round_where_nobody_looked_is_where_the_picture_says() -> None:
    following = Following()
    for step in range(10):
        following.show(person(500 + 8 * step, 500))
    (track,) = following.real()
    for step in range(1, 16):
        following.follow(-8.0, 0.0)
        assert track.x == pytest.approx(572 - 8 * step, abs=4)

    assert following.show(person(452, 500)) == [track]
    assert track.pace_x == pytest.approx(-80, abs=15)


def test_who_comes_up_behind_somebody_who_has_walked_off_is_another_person() -> None:
    following = Following()
    (first,) = following.show(person(500, 500, height=300), frames=10)
    following.show(frames=5)

    behind = person(500, 460, height=80)
    following.show(behind, frames=2)

    assert [track.last for track in following.real() if track is not first] == [behind]
