import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.facts import Edge
from agent.core.inputs.contact import Contact

MS = 1_000_000


def presses(contact: Contact, *edges: tuple[int, bool]) -> list[int]:
    """The times, in ms, of the edges that begin a press; nothing follows the last one."""
    found = []
    for at, active in [*edges, (None, False)]:
        if (doubtful_ns := contact.tick(10**18 if at is None else at * MS)) is not None:
            found.append(doubtful_ns // MS)
        if at is not None and contact.press(Edge("police", active, at * MS)):
            found.append(at)
    return found


def test_a_press_is_told_at_its_first_edge() -> None:
    assert presses(Contact(30), (100, True)) == [100]


def test_a_train_of_bounces_is_one_press() -> None:
    train = [(100, True), (101, False), (103, True), (104, False), (110, True), (400, False), (402, True), (403, False)]

    assert presses(Contact(30), *train) == [100]


def test_a_quick_second_press_after_a_clean_release_counts() -> None:
    assert presses(Contact(30), (100, True), (150, False), (180, True)) == [100, 180]


def test_a_press_just_inside_the_debounce_time_is_a_bounce() -> None:
    assert presses(Contact(30), (100, True), (150, False), (179, True)) == [100]


def test_a_press_after_bounces_of_the_release_counts_from_the_last_of_them() -> None:
    edges = [(100, True), (500, False), (505, True), (507, False), (536, True), (540, False), (571, True)]

    assert presses(Contact(30), *edges) == [100, 571]


def test_a_button_that_is_held_at_start_is_a_press() -> None:
    assert Contact(30).press(Edge("police", True, 5, at_start=True))


def test_releases_alone_are_no_press() -> None:
    assert presses(Contact(30), (1, False), (2, False), (900, False)) == []


def test_without_debounce_every_closing_counts() -> None:
    edges = [(100, True), (100, False), (100, True), (101, False), (102, True)]

    assert presses(Contact(0), *edges) == [100, 100, 102]


@settings(deadline=None, database=None)
@given(
    debounce=st.integers(0, 100),
    holds=st.lists(st.tuples(st.integers(1, 5_000), st.integers(0, 300)), min_size=1, max_size=20),
)
def test_a_press_is_missed_only_when_the_contact_was_open_for_less_than_the_debounce_time(
    debounce: int, holds: list[tuple[int, int]]
) -> None:
    contact, now, count, expected, last_gap = Contact(debounce), 0, 0, 0, debounce
    for hold, gap in holds:
        expected += last_gap >= debounce
        count += len(presses(contact, (now, True), (now + hold, False)))
        now, last_gap = now + hold + gap, gap

    assert count == expected


@pytest.mark.parametrize("debounce", [0, 1, 30, 1000])
def test_the_first_press_never_waits(debounce: int) -> None:
    assert presses(Contact(debounce), (0, True)) == [0]


def test_a_press_counts_although_the_edge_of_the_release_before_it_was_missed() -> None:
    contact = Contact(debounce_ms=30)
    assert contact.press(Edge("police", True, 1_000_000_000))
    assert not contact.press(Edge("police", True, 1_010_000_000)), "a bounce whose opening was missed"
    assert contact.due_ns() is None

    assert not contact.press(Edge("police", True, 6_000_000_000)), "so may letting go begin, when it bounces"
    assert contact.due_ns() == 6_030_000_000
    assert contact.tick(6_029_999_999) is None
    assert contact.tick(6_030_000_000) == 6_000_000_000
    assert contact.tick(6_060_000_000) is contact.due_ns() is None


@pytest.mark.parametrize(
    "release", [((400, True), (402, False)), ((400, True), (401, True), (402, False), (402, True), (403, False))]
)
def test_a_release_whose_bounces_begin_with_an_edge_of_closing_is_no_press(
    release: tuple[tuple[int, bool], ...],
) -> None:
    assert presses(Contact(30), (100, True), *release) == [100]


def test_a_press_whose_release_before_was_missed_counts_once_though_it_bounces() -> None:
    assert presses(Contact(30), (100, True), (400, True), (401, True), (440, False)) == [100, 400]


def test_the_level_at_start_does_not_repeat_a_press_that_was_seen_already() -> None:
    contact = Contact(debounce_ms=30)
    assert contact.press(Edge("police", True, 1_000_000_000))
    assert not contact.press(Edge("police", True, 2_000_000_000, at_start=True))


def test_a_press_counts_although_the_closing_before_its_last_release_was_missed() -> None:
    edges = [(100, True), (500, False), (900, False), (910, True)]

    assert presses(Contact(30), *edges) == [100, 910], "it has been open since 500, as far as anybody knows"


@pytest.mark.parametrize(("after_ms", "counts"), [(29, False), (30, True)])
def test_a_second_closing_is_a_bounce_for_as_long_as_the_debounce_time(after_ms: int, counts: bool) -> None:
    assert presses(Contact(30), (100, True), (100 + after_ms, True)) == [100] + [100 + after_ms] * counts
