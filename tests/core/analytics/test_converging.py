from collections.abc import Callable, Sequence

import pytest

from agent.core.analytics.converging import Approach, Converging
from agent.core.analytics.tracks import TrackedPerson
from tests.support.moving_boxes import SMALL, upright
from tests.support.street_scene import SECOND, Scene

People = Callable[[float], Sequence[TrackedPerson]]
FROM = ((0.1, 0.7), (0.9, 0.7), (0.25, 0.35), (0.75, 0.35))
"""Where people come from who go to the one in the middle."""
MIDDLE = (0.5, 0.7)


def person(x: float, foot: float, track: int) -> TrackedPerson:
    return upright(x, foot, track, SMALL)


def closing_in(how_many: int, took_s: float = 3.0, near: float = 1.0) -> People:
    """So many come to one in the middle, to within `near` body heights, and stay."""

    def people(at_s: float) -> Sequence[TrackedPerson]:
        here = [person(*MIDDLE, track=1)]
        for number, (x, y) in enumerate(FROM[:how_many], start=2):
            way = ((x - MIDDLE[0]) ** 2 + (y - MIDDLE[1]) ** 2) ** 0.5
            left = max(1 - at_s / took_s, near * SMALL / way)
            here.append(person(MIDDLE[0] + left * (x - MIDDLE[0]), MIDDLE[1] + left * (y - MIDDLE[1]), number))
        return here

    return people


def watched(people: People, seconds: float = 5, least: int = 3, fps: float = 10) -> Approach | None:
    converging = Converging(least)
    for frame in range(round(seconds * fps)):
        converging.update(1000 * SECOND + round(frame * SECOND / fps), people(frame / fps), 1.0)
    return converging.now


@pytest.mark.parametrize("fps", [2, 10, 25])
def test_three_who_close_in_on_one_are_told_and_since_when(fps: float) -> None:
    seen = watched(closing_in(3), fps=fps)

    assert seen is not None
    assert seen.people == 3
    assert 1001 * SECOND < seen.since_ns < 1004 * SECOND


@pytest.mark.parametrize(("how_many", "least", "told"), [(2, 3, False), (2, 2, True), (4, 3, True), (4, 0, False)])
def test_how_many_it_takes_is_a_setting(how_many: int, least: int, told: bool) -> None:
    assert (watched(closing_in(how_many), least=least) is not None) == told


def walks_up(at_s: float) -> Sequence[TrackedPerson]:
    """One comes to three who stand together."""
    group = [person(0.5 + 0.05 * number, 0.7, 2 + number) for number in range(3)]
    return [person(max(0.1, min(0.1 + 0.1 * at_s, 0.45)), 0.7, 1), *group]


def walk_together(at_s: float) -> Sequence[TrackedPerson]:
    return [person(0.05 + 0.05 * number + 0.1 * at_s, 0.7, 1 + number) for number in range(4)]


def stand_together(at_s: float) -> Sequence[TrackedPerson]:
    return [person(0.3 + 0.05 * number + 0.002 * (round(at_s * 10) % 3), 0.7, 1 + number) for number in range(4)]


def pass_by(at_s: float) -> Sequence[TrackedPerson]:
    """Three, one after the other, past one who stands; each is away before the next one comes."""
    return [person(0.5, 0.7, 1)] + [
        person(at, 0.7, number)
        for number in range(2, 5)
        if 0 < (at := 0.3 * (at_s - 4 * (number - 2))) < 1 and at_s > 4 * (number - 2)
    ]


@pytest.mark.parametrize("people", [walks_up, walk_together, stand_together, pass_by])
def test_a_group_that_walks_stands_meets_or_passes_does_not_close_in(people: People) -> None:
    assert watched(people, 8) is None
    assert watched(people, 12) is None


def test_who_comes_slowly_over_minutes_does_not_close_in() -> None:
    assert watched(closing_in(3, took_s=120), 130) is None


def test_it_still_counts_when_the_one_in_the_middle_can_no_longer_be_seen_and_ends_when_all_have_gone() -> None:
    comes = closing_in(3)

    def hidden(at_s: float) -> Sequence[TrackedPerson]:
        return comes(at_s)[1:] if at_s > 4 else comes(at_s)

    def goes(at_s: float) -> Sequence[TrackedPerson]:
        return comes(at_s) if at_s < 4 else comes(max(8 - at_s, 0.0))

    assert watched(hidden, 7) is not None
    assert watched(goes, 9) is None


def test_it_makes_no_event() -> None:
    scene = Scene(fps=10)
    scene.run(5, closing_in(3))

    assert {event.kind for event in scene.told} == {"person-entered"}
