from hypothesis import given
from hypothesis import strategies as st

from agent.core.delivery.paths import Paths

S = 10**9


def test_paths_are_tried_in_turn_until_one_carries() -> None:
    paths = Paths(3)
    tried = []
    for _ in range(4):
        tried.append(paths.next())
        paths.failed(tried[-1], 0)

    assert tried == [0, 1, 2, 0]
    assert paths.failures == 4
    assert paths.untried
    paths.connected(1, 0)
    assert paths.failures == 0
    assert not paths.untried


def test_a_round_is_over_when_every_path_that_there_is_to_try_has_failed() -> None:
    paths = Paths(3)
    rounds = []
    for _ in range(7):
        rounds.append(paths.rounds)
        paths.failed(paths.next(), 0)
    assert rounds == [0, 0, 0, 1, 1, 1, 2]

    paths.connected(0, 0)
    rounds = []
    for at in range(0, 500 * S, 100 * S):
        rounds.append(paths.rounds)
        other = paths.other(at)
        assert other is not None
        paths.failed(other, at)
    assert rounds == [0, 0, 1, 1, 2]
    paths.connected(1, 0)
    assert paths.rounds == 0


def test_the_rounds_of_the_only_path_are_its_failures() -> None:
    paths = Paths(1)
    paths.connected(0, 0)
    assert paths.rounds == 0
    for _ in range(2):
        paths.failed(0, 0)
    assert paths.rounds == 2


def test_after_a_loss_the_next_one_is_tried() -> None:
    paths = Paths(2)
    paths.connected(0, 0)
    paths.failed(0, 100 * S)

    assert paths.next() == 1


def test_an_alarm_that_does_not_get_through_is_tried_on_every_other_path() -> None:
    paths = Paths(3)
    paths.connected(1, 0)

    assert [paths.other(S), paths.other(S)] == [2, 0]
    assert paths.other(S) is None


def test_the_only_path_has_no_other() -> None:
    paths = Paths(1)
    paths.connected(0, 0)

    assert paths.other(S) is None
    assert not paths.return_due(10_000 * S)


def test_moves_because_of_an_alarm_that_nobody_takes_get_rarer_up_to_one_a_minute() -> None:
    paths = Paths(2)
    paths.connected(0, 0)
    moves = []
    for second in range(300):
        path = paths.other(second * S)
        if path is not None:
            paths.connected(path, second * S)
            moves.append(second)

    assert moves == [0, 2, 6, 14, 30, 62, 122, 182, 242]


def test_after_two_calm_minutes_the_pauses_start_over() -> None:
    paths = Paths(2)
    paths.connected(0, 0)

    assert [at for at in (*range(15), *range(134, 137)) if paths.other(at * S) is not None] == [0, 2, 6, 14, 134, 136]


def test_a_reason_counts_once() -> None:
    paths = Paths(2)

    assert paths.ask("a1/delayed")
    assert not paths.ask("a1/delayed")
    assert paths.ask("a1/unconfirmed")


def test_the_first_is_looked_at_again_after_the_time_of_the_settings() -> None:
    paths = Paths(2, return_after_s=300)
    paths.connected(1, 0)

    assert not paths.return_due(299 * S)
    assert paths.return_due(300 * S)
    assert paths.first_again(300 * S) == 0
    paths.connected(0, 301 * S)
    assert not paths.return_due(10_000 * S)


def test_a_first_path_that_does_not_answer_is_looked_at_ever_more_seldom_up_to_once_an_hour() -> None:
    paths = Paths(2, return_after_s=300)
    paths.connected(1, 0)
    looks = []
    for second in range(0, 15_000, 10):
        if paths.return_due(second * S):
            paths.first_again(second * S)
            looks.append(second)
            paths.failed(0, second * S)

    gaps = [later - earlier for earlier, later in zip([0, *looks], looks, strict=False)]
    assert gaps == [300, 600, 1200, 2400, 3600, 3600]


def test_what_failed_in_calm_hours_makes_no_alarm_wait() -> None:
    paths = Paths(2, return_after_s=300)
    paths.connected(1, 0)
    for hour in range(1, 5):
        paths.first_again(hour * 3600 * S)
        paths.failed(0, hour * 3600 * S)
        assert paths.unwatched(hour * 3600 * S) == 0
        paths.failed(0, hour * 3600 * S)
    assert paths.rounds == 0

    for at in (20_000 * S, 23_600 * S):
        assert paths.other(at) == 0
        assert paths.rounds == 0
        paths.failed(0, at)
        assert paths.rounds == 1
    assert paths.other(23_700 * S) == 0
    assert paths.rounds == 1


def test_a_first_path_that_flaps_is_trusted_less_each_time_until_it_has_been_stable() -> None:
    paths = Paths(2, return_after_s=300)
    now = 0

    def waits() -> int:
        """Lose the first, go on with the second, and return how long until the first is looked at."""
        nonlocal now
        paths.failed(0, now * S)
        paths.connected(1, now * S)
        began = now
        while not paths.return_due(now * S):
            now += 10
        paths.first_again(now * S)
        paths.connected(0, now * S)
        return now - began

    paths.connected(0, 0)
    now += 5
    assert waits() == 300
    now += 5
    assert waits() == 600
    now += 5
    assert waits() == 1200
    now += 400
    assert waits() == 300


def test_a_path_on_which_nobody_watches_is_left_at_once_and_then_ever_more_seldom() -> None:
    paths = Paths(2, return_after_s=300)
    paths.connected(0, 0)
    moves = []
    for second in range(0, 14_000, 10):
        path = paths.unwatched(second * S)
        if path is not None:
            moves.append(second)
            paths.connected(path, second * S)
    assert moves == [0, 300, 900, 2100, 4500, 8100, 11_700]

    paths.watched()
    assert paths.unwatched(14_000 * S) is not None
    assert Paths(1).unwatched(0) is None


def wanted(paths: Paths, what: str, now: int) -> int | None:
    match what:
        case "other":
            return paths.other(now)
        case "unwatched":
            return paths.unwatched(now)
        case "watched":
            paths.watched()
        case "first" if paths.return_due(now):
            return paths.first_again(now)
    return None


@given(
    st.integers(2, 4),
    st.lists(
        st.tuples(st.sampled_from(["lose", "other", "first", "unwatched", "watched"]), st.booleans()), max_size=60
    ),
)
def test_no_path_is_left_out_for_ever_and_none_is_tried_beside_itself(
    count: int, events: list[tuple[str, bool]]
) -> None:
    paths = Paths(count, return_after_s=10)
    current: int | None = None
    now = 0
    for what, works in events:
        now += 30 * S
        if current is None or what == "lose":
            if current is not None:
                paths.failed(current, now)
                assert paths.next() != current
            target: int | None = paths.next()
            current = None
        else:
            target = wanted(paths, what, now)
        if target is None:
            continue
        assert 0 <= target < count
        assert target != current
        if works:
            paths.connected(target, now)
            current = target
        else:
            paths.failed(target, now)
    if current is not None:
        paths.failed(current, now)
    tried = set()
    for _ in range(count):
        tried.add(paths.next())
        paths.failed(paths.next(), now)
    assert tried == set(range(count))


def test_of_many_reasons_the_oldest_is_forgotten_first() -> None:
    paths = Paths(2)
    for number in range(256):
        assert paths.ask(f"a{number}")
    assert not paths.ask("a0")

    assert paths.ask("a256")
    assert not paths.ask("a256")
    assert not paths.ask("a1")
    assert paths.ask("a0")


def test_without_a_connection_or_another_path_nobody_moves_though_nobody_watches() -> None:
    assert Paths(2).unwatched(0) is None

    alone = Paths(1)
    alone.connected(0, 0)
    assert alone.unwatched(0) is None


def test_the_first_alarm_after_a_start_moves_at_once_to_every_other_path() -> None:
    paths = Paths(2)
    paths.connected(0, 0)

    assert paths.other(0) == 1
    assert paths.other(0) is None
    assert paths.other(120 * S) is not None


def test_a_first_path_that_was_stable_for_just_the_time_of_the_settings_is_trusted_again() -> None:
    paths = Paths(2)
    paths.connected(1, 0)
    paths.first_again(300 * S)
    paths.connected(0, 300 * S)
    paths.failed(0, 600 * S)
    paths.connected(1, 600 * S)

    assert not paths.return_due(899 * S)
    assert paths.return_due(900 * S)
