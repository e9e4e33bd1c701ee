import random
from collections.abc import Iterable, Iterator

import pytest

from agent.core.presence import Entered, Left, Person, Presence

SECOND = 1_000_000_000
PERSON = Person(0.8, (0.1, 0.2, 0.3, 0.4))


def watch(presence: Presence, frames: Iterable[tuple[int, int]]) -> list[Entered | Left]:
    """Feed (time, number of people) and collect what happened."""
    changes = (presence.update(at, [PERSON] * count) for at, count in frames)
    return [change for change in changes if change is not None]


def at_rate(fps: float, start_s: float, end_s: float, count: int = 1) -> Iterator[tuple[int, int]]:
    for index in range(round(start_s * fps), round(end_s * fps)):
        yield round(index * SECOND / fps), count


def walk_through(fps: float, recall: float, false_rate: float, seed: int) -> list[tuple[int, int]]:
    """30 s empty, 15 s with one person, 30 s empty; each frame misses or invents with its own chance."""
    dice = random.Random(seed)
    chances = [(0.0, 30.0, false_rate), (30.0, 45.0, recall), (45.0, 75.0, false_rate)]
    return [(at, int(dice.random() < chance)) for start, end, chance in chances for at, _ in at_rate(fps, start, end)]


@pytest.mark.parametrize("fps", [5.0, 10.0, 25.0])
@pytest.mark.parametrize("seed", range(20))
def test_one_person_seen_in_six_frames_of_ten_enters_once_and_leaves_once(fps: float, seed: int) -> None:
    changes = watch(Presence(0.5, 3.0), walk_through(fps, 0.6, 0.0, seed))

    assert [type(change) for change in changes] == [Entered, Left]
    entered, left = changes
    assert isinstance(left, Left)
    assert 30 <= entered.boottime_ns / SECOND < 33
    assert 43 < left.boottime_ns / SECOND <= 45
    assert left.duration_ms == (left.boottime_ns - entered.boottime_ns) // 1_000_000
    assert left.persons_max == 1


@pytest.mark.parametrize("seed", range(20))
def test_single_false_detections_neither_bring_somebody_in_nor_keep_them_in(seed: int) -> None:
    changes = watch(Presence(0.5, 3.0), walk_through(10, 0.6, 0.03, seed))

    assert [type(change) for change in changes] == [Entered, Left]


def test_a_person_who_is_always_seen_enters_after_the_set_time() -> None:
    presence = Presence(0.5, 3.0)
    entered_at = [at for at, count in at_rate(10, 0, 5) if presence.update(at, [PERSON] * count)]

    assert entered_at == [round(0.5 * SECOND)]


def test_an_empty_view_ends_presence_after_the_set_time() -> None:
    presence = Presence(0.5, 3.0)
    watch(presence, at_rate(10, 0, 2))
    left_at = [at for at, _ in at_rate(10, 2, 9) if presence.update(at, [])]

    assert left_at == [round(4.9 * SECOND)]  # last seen at 1.9 s


def test_seconds_decide_and_not_the_number_of_frames() -> None:
    slow = Presence(2.0, 3.0)
    fast = Presence(2.0, 3.0)

    assert watch(slow, at_rate(2, 0, 1.6)) == []
    assert watch(fast, at_rate(100, 0, 1.6)) == []
    assert watch(slow, at_rate(2, 1.6, 4)) != []
    assert watch(fast, at_rate(100, 1.6, 4)) != []


def test_one_glimpse_at_a_low_frame_rate_is_not_enough() -> None:
    presence = Presence(0.5, 3.0)

    assert watch(presence, [(0, 0), (SECOND, 1), (2 * SECOND, 0), (3 * SECOND, 0)]) == []
    assert presence.persons == 0


def test_a_camera_that_was_away_for_an_hour_has_shown_no_absence() -> None:
    presence = Presence(0.5, 3.0)
    watch(presence, at_rate(10, 0, 2))

    assert presence.update(3600 * SECOND, []) is None
    assert watch(presence, [(3600 * SECOND + SECOND // 10, 1)]) == []
    assert presence.persons == 1


def test_with_no_waiting_time_the_first_frame_decides() -> None:
    assert isinstance(Presence(0, 3).update(5, [PERSON]), Entered)


def test_two_people_are_counted_and_the_greatest_number_is_reported() -> None:
    presence = Presence(0.5, 3.0)
    watch(presence, at_rate(10, 0, 2, count=1))
    watch(presence, at_rate(10, 2, 4, count=2))
    assert presence.persons == 2
    watch(presence, at_rate(10, 4, 8, count=1))
    assert presence.persons == 1
    [left] = watch(presence, at_rate(10, 8, 12, count=0))

    assert isinstance(left, Left)
    assert left.persons_max == 2


def test_the_second_visit_is_counted_afresh() -> None:
    presence = Presence(0.5, 3.0)
    watch(presence, at_rate(10, 0, 2, count=3))
    watch(presence, at_rate(10, 2, 8, count=0))
    [entered] = watch(presence, at_rate(10, 8, 10, count=1))
    [left] = watch(presence, at_rate(10, 10, 16, count=0))

    assert isinstance(entered, Entered)
    assert entered.persons == 1
    assert isinstance(left, Left)
    assert left.persons_max == 1


def test_entering_names_the_clearest_view_of_this_sighting() -> None:
    presence = Presence(0.5, 3.0)
    better = Person(0.95, (0.5, 0.5, 0.1, 0.1))
    watch(presence, at_rate(10, 0, 2))  # an earlier visit
    watch(presence, at_rate(10, 2, 8, count=0))
    presence.update(8 * SECOND, [Person(0.6, PERSON.box)])
    presence.update(8 * SECOND + SECOND // 10, [better])
    [entered] = watch(presence, at_rate(10, 8.2, 9))

    assert isinstance(entered, Entered)
    assert entered.best == better
    assert entered.boottime_ns == 8 * SECOND


def test_the_view_of_an_earlier_visit_is_not_shown_for_the_next_one() -> None:
    presence = Presence(0.5, 3.0)
    clear, dim = Person(0.95, PERSON.box), Person(0.6, (0.7, 0.1, 0.1, 0.2))
    for at, _ in at_rate(10, 0, 2):
        presence.update(at, [clear])
    watch(presence, at_rate(10, 2, 8, count=0))
    entered = [change for at, _ in at_rate(10, 8, 10) if (change := presence.update(at, [dim]))]

    assert [change.best for change in entered if isinstance(change, Entered)] == [dim]


def test_of_two_views_that_are_as_clear_the_first_is_shown() -> None:
    presence = Presence(0.5, 3.0)
    presence.update(100 * SECOND, [PERSON])
    later = Person(PERSON.score, (0.9, 0.9, 0.1, 0.1))
    entered = [change for at, _ in at_rate(10, 100.1, 101) if (change := presence.update(at, [later]))]

    assert entered == [Entered(100 * SECOND, 1, PERSON)]


def test_who_is_there_in_the_first_frame_came_at_that_frame() -> None:
    presence = Presence(0.5, 3.0)
    entered = watch(presence, at_rate(10, 100, 101))

    assert entered == [Entered(100 * SECOND, 1, PERSON)]


def test_who_comes_in_the_frame_after_somebody_has_left_is_somebody_else() -> None:
    presence = Presence(0.5, 3.0)
    watch(presence, at_rate(10, 100, 102))
    [left] = watch(presence, at_rate(10, 102, 105, count=0))
    [entered] = watch(presence, at_rate(10, 105, 106))

    assert left == Left(round(101.9 * SECOND), 1900, 1)
    assert entered == Entered(105 * SECOND, 1, PERSON)


def test_a_glimpse_that_was_not_followed_is_forgotten() -> None:
    presence = Presence(0.5, 3.0)
    watch(presence, [*at_rate(10, 100, 100.1), *at_rate(10, 100.1, 110, count=0)])
    [entered] = watch(presence, at_rate(10, 110, 111))

    assert entered.boottime_ns == 110 * SECOND


def test_the_first_frame_of_somebody_shortens_no_wait() -> None:
    presence = Presence(0.5, 3.0)
    watch(presence, at_rate(10, 0, 1, count=0))
    entered_at = [at for at, _ in at_rate(10, 1, 3) if presence.update(at, [PERSON])]

    assert entered_at == [round(1.5 * SECOND)]


def test_the_length_of_a_visit_is_a_whole_number_of_milliseconds() -> None:
    presence = Presence(0.5, 3.0)
    watch(presence, at_rate(7, 0, 2))
    [left] = watch(presence, at_rate(7, 2, 8, count=0))

    assert isinstance(left, Left)
    assert isinstance(left.duration_ms, int)
    assert left.duration_ms == left.boottime_ns // 1_000_000
