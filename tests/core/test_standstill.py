from agent.core.standstill import Standstill

S = 10**9


def test_a_part_whose_counter_stays_stands_still_and_moves_on_again() -> None:
    watch = Standstill(30 * S)
    for second in range(30):
        assert watch.tick({"a": second, "b": 7}, second * S) == frozenset()
    assert watch.tick({"a": 29, "b": 7}, 30 * S - 1) == frozenset()
    assert watch.tick({"a": 30, "b": 7}, 30 * S) == {"b"}
    assert watch.tick({"a": 31, "b": 8}, 31 * S) == frozenset()


def test_a_part_that_has_nothing_to_do_is_not_expected_to_move() -> None:
    watch = Standstill(30 * S)
    for second in range(100):
        assert watch.tick({"mqtt": None}, second * S) == frozenset()
    for second in range(100, 130):
        assert watch.tick({"mqtt": 5}, second * S) == frozenset()
    assert watch.tick({"mqtt": 5}, 130 * S) == {"mqtt"}


def test_time_in_which_nobody_looked_counts_against_nobody() -> None:
    watch = Standstill(30 * S)
    watch.tick({"a": 1}, 0)
    assert watch.tick({"a": 1}, 8 * 3600 * S) == frozenset()
    assert watch.tick({"a": 2}, 8 * 3600 * S + S) == frozenset()


def test_a_part_that_is_gone_is_forgotten() -> None:
    watch = Standstill(2 * S)
    for second in range(3):
        watch.tick({"a": 1}, second * S)
    assert watch.tick({}, 3 * S) == frozenset()
    assert watch.tick({"a": 1}, 4 * S) == frozenset()
