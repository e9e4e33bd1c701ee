from agent.core.camera.delegate_tries import DelegateTries

S = 10**9
MINUTE, DAY = 60 * S, 24 * 3600 * S


def one_try(tries: DelegateTries, began_ns: int, lasts_ns: int, *, ran_after_ns: int | None = None) -> None:
    """A process that ends because of its accelerator."""
    tries.began(began_ns)
    if ran_after_ns is not None:
        tries.ran(began_ns + ran_after_ns)
    tries.failed(began_ns + lasts_ns, "it gave no result")


def test_three_failures_in_a_row_are_enough_and_it_says_why_and_when_it_is_tried_again() -> None:
    tries = DelegateTries()
    for number in range(3):
        assert not tries.given_up
        one_try(tries, number * MINUTE, 12 * S, ran_after_ns=S)

    assert tries.given_up.startswith("it gave no result; so it was 3 times in a row")
    assert not tries.is_due(2 * MINUTE + DAY)
    assert tries.is_due(2 * MINUTE + 12 * S + DAY)


def test_a_failure_after_a_quarter_of_an_hour_without_a_result_is_enough_alone() -> None:
    tries = DelegateTries()
    one_try(tries, 0, 15 * MINUTE)

    assert "so it was once" in tries.given_up


def test_an_accelerator_that_works_for_hours_between_its_failures_is_never_given_up() -> None:
    tries = DelegateTries()
    for number in range(50):
        one_try(tries, number * 60 * MINUTE, 55 * MINUTE, ran_after_ns=10 * S)

    assert not tries.given_up


def test_after_its_rest_it_is_tried_once_and_is_given_up_at_once_if_it_still_fails() -> None:
    tries = DelegateTries()
    for number in range(3):
        one_try(tries, number * MINUTE, 12 * S)
    tries.retry()
    one_try(tries, 2 * DAY, 12 * S)

    assert tries.given_up
    assert not tries.is_due(2 * DAY + MINUTE)


def test_a_first_result_after_failures_is_news_and_no_other() -> None:
    tries = DelegateTries()
    tries.began(0)
    assert not tries.ran(S)
    tries.failed(2 * S, "lost")
    tries.began(3 * S)

    assert [tries.ran(4 * S), tries.ran(5 * S)] == [True, False]
