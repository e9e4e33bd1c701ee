from agent.core.delivery.poison import CLEARED, Suspicion


def after(*losses: bool) -> Suspicion:
    """Of a message with which connections died; True: with no other."""
    suspicion = CLEARED
    for alone in losses:
        suspicion = suspicion.lost(alone=alone)
    return suspicion


def test_a_message_goes_alone_after_the_second_connection_that_died_with_it() -> None:
    assert [after(*[False] * losses).goes_alone for losses in range(4)] == [False, False, True, True]
    assert [after(*[True] * losses).goes_alone for losses in range(4)] == [False, False, True, True]


def test_a_message_that_ends_three_connections_alone_once_it_goes_alone_is_convicted() -> None:
    assert [after(False, False, *[True] * alone).quarantined for alone in range(5)] == [False, False, False, True, True]


def test_connections_that_died_with_it_alone_before_it_was_suspected_convict_nobody() -> None:
    assert [after(*[True] * alone).quarantined for alone in range(7)] == [False] * 5 + [True] * 2


def test_a_network_that_comes_and_goes_convicts_nobody_who_is_not_alone() -> None:
    assert not after(*[False] * 100).quarantined


def test_a_convict_rests_longer_each_time_and_never_longer_than_a_minute() -> None:
    assert [after(*[True] * losses).rest_s for losses in range(5, 10)] == [8, 16, 32, 60, 60]
    assert after().rest_s == 1
