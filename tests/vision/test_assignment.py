import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vision.assignment import assign

Table = list[list[float | None]]
COST = st.none() | st.floats(0, 100) | st.sampled_from([0.0, 1.0, 2.0])


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows, columns = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    return [[draw(COST) for _ in range(columns)] for _ in range(rows)]


@given(tables())
def test_there_are_as_many_pairs_as_possible_and_no_cheaper_choice_of_them(table: Table) -> None:
    pairs = assign(table)
    cost = sum(cost_of(table, pair) for pair in pairs)
    most, least = best_by_trying_all(table)

    assert len(pairs) == most
    assert cost == pytest.approx(least, abs=1e-6)


@given(tables())
def test_each_row_and_each_column_is_in_one_pair_at_most_and_the_rows_rise(table: Table) -> None:
    pairs = assign(table)
    rows, columns = [row for row, _ in pairs], [column for _, column in pairs]

    assert len(set(columns)) == len(columns)
    assert rows == sorted(set(rows))


@given(tables())
def test_turning_the_table_around_gives_as_good_a_choice(table: Table) -> None:
    turned = [list(column) for column in zip(*table, strict=True)]
    one, other = assign(table), assign(turned)

    assert len(one) == len(other)
    assert sum(cost_of(table, pair) for pair in one) == pytest.approx(
        sum(cost_of(turned, pair) for pair in other), abs=1e-6
    )


@pytest.mark.parametrize("table", [[], [[]], [[], []], [[None]], [[None, None]], [[None], [None]]])
def test_where_nothing_can_be_paired_there_are_no_pairs(table: Table) -> None:
    assert assign(table) == []


def test_a_dear_pair_is_taken_if_it_lets_another_one_be() -> None:
    assert assign([[1, 1000], [1, None]]) == [(0, 1), (1, 0)]


def test_with_equal_costs_everybody_is_paired_and_twice_the_same_way() -> None:
    table: Table = [[0.5] * 7 for _ in range(7)]

    assert len(assign(table)) == 7
    assert assign(table) == assign(table)


@given(st.integers(2, 40))
def test_a_row_that_fits_none_takes_nothing_from_the_others(size: int) -> None:
    table: Table = [[0.1 if row == column else None for column in range(size)] for row in range(size)]
    table[size // 2] = [None] * size

    assert assign(table) == [(row, row) for row in range(size) if row != size // 2]


def cost_of(table: Table, pair: tuple[int, int]) -> float:
    cost = table[pair[0]][pair[1]]
    assert cost is not None
    return cost


def best_by_trying_all(table: Table, row: int = 0, taken: frozenset[int] = frozenset()) -> tuple[int, float]:
    """The most pairs, and what they cost at least."""
    if row == len(table):
        return 0, 0.0
    best = best_by_trying_all(table, row + 1, taken)
    for column, cost in enumerate(table[row]):
        if cost is not None and column not in taken:
            pairs, total = best_by_trying_all(table, row + 1, taken | {column})
            best = min(best, (pairs + 1, total + cost), key=lambda choice: (-choice[0], choice[1]))
    return best
