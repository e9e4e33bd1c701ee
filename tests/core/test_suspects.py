from agent.core.suspects import Suspects


def test_a_message_that_ends_connections_alone_is_convicted_and_no_other() -> None:
    suspects = Suspects()
    suspects.lost([1, 2, 3])
    assert not suspects.goes_alone(1)
    suspects.lost([1, 2, 3])
    assert [suspects.goes_alone(place) for place in (1, 2, 3, 4)] == [True, True, True, False]

    suspects.settled(1)
    suspects.settled(3)
    for _ in range(2):
        suspects.lost([2])
        assert not suspects.convicted(2)
    suspects.lost([2])

    assert suspects.convicted(2)
    assert not suspects.goes_alone(1)


def test_a_network_that_comes_and_goes_convicts_nobody_who_is_not_alone() -> None:
    suspects = Suspects()
    for _ in range(100):
        suspects.lost([1, 2])

    assert not suspects.convicted(1)
    assert not suspects.convicted(2)


def test_a_connection_that_dies_with_nothing_under_way_suspects_nobody() -> None:
    suspects = Suspects()
    for _ in range(10):
        suspects.lost([])

    assert not suspects.goes_alone(1)


def test_a_convicted_message_lets_others_pass_ever_longer_up_to_a_minute() -> None:
    suspects = Suspects()
    for _ in range(5):
        suspects.lost([7])
    assert suspects.convicted(7)

    rests = []
    for _ in range(5):
        rests.append(suspects.rest_s(7))
        suspects.lost([7])
    assert rests == [8, 16, 32, 60, 60]


def test_what_the_broker_has_answered_begins_anew() -> None:
    suspects = Suspects()
    for _ in range(5):
        suspects.lost([1])
    assert suspects.convicted(1)

    suspects.settled(1)
    for _ in range(3):
        assert not suspects.convicted(1)
        suspects.lost([1])
    assert not suspects.convicted(1)


def test_a_convict_rests_longer_each_time_and_never_longer_than_a_minute() -> None:
    suspects = Suspects()
    rests = []
    for _ in range(9):
        suspects.lost([1])
        if suspects.convicted(1):
            rests.append(suspects.rest_s(1))

    assert rests == [8, 16, 32, 60, 60]
    assert suspects.rest_s(2) == 1


def test_one_loss_makes_no_suspect_and_a_first_loss_alone_is_no_strike() -> None:
    suspects = Suspects()
    suspects.lost([1])

    assert not suspects.goes_alone(1)
    suspects.lost([1])
    suspects.lost([1])
    suspects.lost([1])
    assert not suspects.convicted(1)
