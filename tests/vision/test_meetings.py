"""Who is who where boxes lie: two people in one box, and a box of half a person."""

from dataclasses import replace

import pytest

from agent.ports import Detection
from agent.vision.track import Track
from tests.support.following import Following, person

IN_THE_OPEN = [
    [(328, 161, 32, 76, 0.9), (232, 176, 34, 81, 0.5)],
    [(239, 178, 26, 77, 0.9), (325, 162, 32, 74, 0.9)],
    [(316, 164, 31, 74, 0.9), (242, 180, 33, 81, 0.9)],
    [(312, 164, 33, 76, 0.9), (245, 180, 34, 80, 0.9)],
    [(307, 164, 36, 79, 0.9), (245, 181, 40, 75, 0.9)],
    [(302, 163, 35, 81, 0.8), (252, 184, 33, 77, 0.7)],
    [(300, 164, 38, 79, 0.9), (253, 186, 38, 75, 0.8)],
    [(295, 165, 39, 81, 0.9), (256, 186, 37, 77, 0.7)],
    [(291, 170, 34, 84, 0.9), (267, 182, 29, 84, 0.9)],
    [(282, 172, 43, 84, 0.9), (266, 178, 31, 82, 0.3)],
    [(275, 174, 47, 92, 1.0)],
    [(280, 173, 33, 97, 1.0)],
    [(281, 173, 34, 97, 1.0)],
    [(279, 174, 39, 93, 1.0)],
    [(278, 177, 45, 97, 0.9)],
    [(273, 180, 52, 89, 0.9)],
    [(272, 180, 34, 86, 1.0), (301, 192, 33, 86, 0.8)],
    [(271, 181, 37, 88, 0.7), (304, 190, 33, 84, 0.5)],
    [(270, 183, 38, 88, 0.8), (307, 192, 33, 81, 0.4)],
    [(268, 183, 39, 87, 0.9), (305, 194, 38, 84, 0.7)],
    [(266, 183, 45, 82, 1.0), (310, 195, 40, 84, 0.8)],
    [(266, 186, 46, 83, 1.0), (315, 196, 42, 87, 0.8)],
    [(265, 187, 43, 86, 1.0), (320, 199, 39, 83, 0.9)],
]
"""The boxes of two people who pass each other in the PETS video, frame by frame: left, top, width, height, score."""
BEHIND_A_SIGN = [
    [(365, 213, 40, 93, 1.0)],
    [(369, 215, 43, 92, 1.0)],
    [(381, 215, 32, 95, 0.9), (483, 220, 32, 89, 0.9)],
    [(477, 218, 36, 91, 1.0), (383, 216, 31, 96, 0.9)],
    [(390, 215, 29, 97, 1.0), (466, 217, 43, 91, 1.0)],
    [(461, 218, 36, 87, 1.0), (395, 221, 33, 93, 0.9)],
    [(455, 215, 37, 88, 1.0)],
    [(448, 215, 42, 88, 0.7)],
    [(451, 213, 33, 88, 0.8)],
    [(430, 213, 46, 102, 1.0)],
    [(429, 212, 42, 105, 1.0)],
    [(431, 211, 35, 112, 0.9)],
    [(433, 214, 33, 112, 1.0)],
    [(432, 225, 40, 104, 1.0)],
    [(445, 231, 38, 98, 1.0)],
    [(450, 232, 40, 99, 1.0)],
    [(454, 232, 43, 104, 1.0)],
    [(463, 237, 42, 103, 1.0)],
    [(468, 237, 40, 104, 1.0)],
    [(473, 238, 35, 105, 1.0), (396, 205, 35, 82, 0.8)],
    [(388, 202, 32, 83, 1.0), (480, 239, 35, 113, 1.0)],
    [(380, 201, 40, 83, 0.9)],
    [(376, 202, 42, 81, 0.9)],
]
"""And of two of whom first one is hidden behind a sign, and then the other."""


def both(one: Detection, other: Detection) -> Detection:
    """The box that two people give who overlap."""
    left, top = min(one.left, other.left), min(one.top, other.top)
    right = max(one.left + one.width, other.left + other.width)
    bottom = max(one.top + one.height, other.top + other.height)
    return Detection(left, top, right - left, bottom - top, 0.9)


@pytest.mark.parametrize(("boxes", "from_the_left"), [(IN_THE_OPEN, [1, 2]), (BEHIND_A_SIGN, [2, 1])])
def test_two_who_pass_and_are_in_one_box_meanwhile_keep_their_numbers(
    boxes: list[list[tuple[float, float, float, float, float]]], from_the_left: list[int]
) -> None:
    following = Following()
    for found in boxes:
        following.show(*(Detection(*box) for box in found))

    assert [track.id for track in sorted(following.real(), key=lambda track: track.x)] == from_the_left


def test_who_stands_is_not_drawn_to_the_one_who_stands_beside_them() -> None:
    following = Following()
    one, other = person(500, 500), person(530, 500)
    following.show(one, other, frames=20)
    following.show(both(one, other), frames=3)

    first, second = following.real()
    assert first.x == pytest.approx(500, abs=5)
    assert second.x == pytest.approx(530, abs=5)
    assert (first.width, second.width) == pytest.approx((40, 40), abs=10)


def test_a_box_of_somebody_alone_is_followed_by_its_middle() -> None:
    following = Following()
    following.show(person(500, 500), frames=20)
    (track,) = following.show(Detection(480, 400, 60, 100, 0.9))  # they step out: one edge stays

    assert track.x == pytest.approx(506.5, abs=1.5)


def seen_above_a_wall(x: float) -> Detection:
    """Somebody whose legs are hidden."""
    whole = person(x, 500)
    return Detection(whole.left, whole.top, whole.width, 0.6 * whole.height, 0.9)


def test_legs_that_are_hidden_for_a_moment_are_no_step_away_from_the_camera() -> None:
    following = Following()
    for frame in range(40):
        x = 500 + 6 * frame
        (track,) = following.show(seen_above_a_wall(x) if 20 <= frame < 23 else person(x, 500))
        assert track.id == 1
        assert track.x == pytest.approx(x, abs=8)
        assert track.y == pytest.approx(500, abs=20)
    assert track.pace_y == pytest.approx(0, abs=5)


def test_half_a_poster_that_comes_into_view_has_not_travelled() -> None:
    following, whole = Following(), person(500, 900, 600)
    half = replace(whole, height=0.58 * whole.height)
    (track,) = following.show(half, frames=20)
    stood_at = track.y

    tracks = following.show(whole, frames=10)

    assert [each.y for each in tracks if each.id == track.id and each.y > stood_at + 0.2 * whole.height] == []


def walks(following: Following, away_m: float, pace_m_per_s: float, seconds: float) -> list[tuple[Track, float]]:
    """The track after each frame, and where the foot really was, of somebody whose head is at the height of the
    camera: however far they are, the upper edge of their box stays."""
    seen = []
    for frame in range(round(seconds * following.per_s)):
        height = 1500 / (away_m + pace_m_per_s * frame / following.per_s)
        (track,) = following.show(person(1000, 100 + height, height))
        seen.append((track, track.y - (100 + height)))
    return seen


@pytest.mark.parametrize("per_s", [3, 5, 10, 25])
def test_the_foot_of_who_comes_nearer_does_not_lag(per_s: float) -> None:
    for track, lag in walks(Following(per_s), 12, -1.4, 6)[8:]:
        assert track.id == 1
        assert abs(lag) < 0.05 * track.height


@pytest.mark.parametrize("per_s", [3, 5, 10, 25])
def test_the_foot_of_who_walks_away_does_not_lag(per_s: float) -> None:
    for track, lag in walks(Following(per_s), 5, 1.4, 6):
        assert track.id == 1
        assert abs(lag) < 0.25 * track.height


def test_who_comes_up_where_somebody_was_lost_grows_as_somebody_alone_does() -> None:
    following = Following()
    following.show(person(500, 900, height=300), frames=10)
    following.show(frames=11)
    for step in range(12):
        following.show(person(500, 700 + 8 * step, height=100 + 8 * step))

    assert max(track.height for track in following.real() if track.last) == pytest.approx(180, abs=15)
