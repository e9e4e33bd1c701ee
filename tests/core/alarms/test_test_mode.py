from agent.core.alarms.test_mode import TestMode


def test_without_test_mode_no_press_is_a_test() -> None:
    trial = TestMode()
    assert trial.ends_ns is None
    assert not trial.covers("police", 5)


def test_only_an_edge_within_its_time_is_a_test() -> None:
    trial = TestMode()
    trial.begin(None, 10, 20)
    assert trial.ends_ns == 20
    assert [trial.covers("police", at) for at in (9, 10, 19, 20)] == [False, True, True, False]


def test_only_presses_of_the_named_input_are_tests() -> None:
    trial = TestMode()
    trial.begin("police", 10, 20)
    assert trial.covers("police", 15)
    assert not trial.covers("clinic", 15)


def test_after_its_end_every_press_is_in_earnest() -> None:
    trial = TestMode()
    trial.begin(None, 10, 20)
    trial.end()
    assert trial.ends_ns is None
    assert not trial.covers("police", 15)
