import pytest

from agent.contract.host_state import REPEAT_S
from agent.core.delivery.centres import Centres

S = 10**9


def online(centres: Centres, now_s: float) -> bool | None:
    watched = centres.watched(round(now_s * S))
    return None if watched is None else watched.online


def make(*, required: bool = True, names: tuple[str, ...] = ()) -> Centres:
    centres = Centres(required=required, names=names)
    centres.connected(0)
    return centres


def test_without_a_connection_nothing_is_known() -> None:
    centres = Centres(required=True)
    assert online(centres, 100) is None

    centres.connected(0)
    centres.heard("jhb", True, 0)
    assert online(centres, 1) is True
    centres.disconnected(S)
    assert online(centres, 2) is None


def test_what_another_broker_said_does_not_count_on_this_one() -> None:
    centres = make()
    centres.heard("jhb", True, 0)
    centres.connected(10 * S)

    assert online(centres, 99) is None
    assert online(centres, 100) is False


def test_a_centre_that_does_not_repeat_that_it_watches_is_gone_after_three_minutes_and_back_with_a_word() -> None:
    centres = make()
    centres.heard("jhb", True, 0)
    centres.heard("jhb", True, 60 * S)
    assert online(centres, 239.9) is True
    assert centres.somebody(int(239.9 * S))

    assert online(centres, 240) is False, "a broker or node that crashed has told no will"
    assert not centres.somebody(240 * S)
    told = centres.watched(240 * S)
    assert told is not None
    assert told.detail == "jhb: has not said for 180 s that it watches"

    centres.heard("jhb", True, 241 * S)
    assert online(centres, 241) is True


def test_what_brokers_have_retained_of_a_dead_centre_does_not_pass_for_its_word_again_and_again() -> None:
    """Two brokers that have lost the will: the device goes from one to the other, and hears a stale `true` at each."""
    centres = make(names=("jhb", "pta"))
    centres.heard("jhb", True, 0, retained=True)
    assert online(centres, 1) is True, "at a start there is nothing better to go by"

    verdicts = []
    for now_s in range(200, 2000, 40):
        centres.connected(now_s * S)
        centres.heard("jhb", True, now_s * S, retained=True)
        verdicts.append(online(centres, now_s + 39))
        assert not centres.somebody(now_s * S)
    assert set(verdicts) == {False}

    centres.heard("jhb", True, 2000 * S)
    assert online(centres, 2000) is True, "one word of its own is enough"
    centres.connected(2179 * S)
    centres.heard("jhb", True, 2179 * S, retained=True)
    assert online(centres, 2179) is True
    centres.connected(2179 * S)
    centres.heard("pta", False, 2179 * S)
    centres.heard("jhb", True, 2180 * S, retained=True)
    assert online(centres, 2180) is None, "what it said three minutes ago is no more than silence"
    centres.heard("pta", True, 2180 * S)
    centres.heard("pta", False, 2180 * S)
    centres.heard("jhb", False, 2180 * S)
    centres.heard("jhb", True, 2180 * S, retained=True)
    assert not centres.somebody(2180 * S), "neither another centre's word nor its own of not watching"


def test_a_link_that_drops_again_and_again_does_not_hide_that_nobody_watches() -> None:
    centres = make()
    for began_s in (0, 100, 200):
        centres.connected(began_s * S)
        centres.disconnected((began_s + 40) * S)
    centres.connected(300 * S)
    assert online(centres, 300) is False

    centres.heard("jhb", True, 310 * S)
    centres.connected(320 * S)
    assert online(centres, 410 - 1 / S) is None, "somebody was there: they have the time to repeat it here"


def test_one_centre_that_watches_is_enough() -> None:
    centres = make()
    centres.heard("jhb", False, 0)
    centres.heard("pta", True, 0)

    assert centres.watched(0) is not None
    assert online(centres, 0) is True


def test_a_centre_that_was_heard_and_left_is_not_watching_whether_or_not_one_is_required() -> None:
    for required in (True, False):
        centres = make(required=required)
        centres.heard("jhb", True, 0)
        centres.heard("jhb", False, 0)

        assert online(centres, 90) is False


@pytest.mark.parametrize(("required", "watched"), [(True, False), (False, True)])
def test_a_centre_that_was_never_heard_counts_only_where_one_is_required(required: bool, watched: bool) -> None:
    centres = make(required=required)

    assert online(centres, 90 - 1 / S) is None
    assert online(centres, 90) is watched


def test_a_cleared_state_is_forgotten() -> None:
    centres = make(required=False)
    centres.heard("jhb", False, 0)
    centres.heard("jhb", None, 0)
    centres.heard("never-there", None, 0)

    assert online(centres, 90) is True


def test_with_names_only_these_count() -> None:
    centres = make(names=("jhb",))
    centres.heard("somebody", True, 0)
    assert online(centres, 90) is False

    centres.heard("jhb", True, 0)
    assert online(centres, 90) is True


def test_when_every_named_centre_has_spoken_nobody_else_is_waited_for() -> None:
    centres = make(names=("jhb", "pta"))
    centres.heard("jhb", False, 0)
    assert online(centres, 1) is None, "the other one may watch, and repeats it within a minute"

    centres.heard("pta", False, 0)
    assert online(centres, 1) is False


def test_a_centre_has_the_time_to_repeat_itself_before_it_counts_as_absent() -> None:
    centres = make()
    assert online(centres, REPEAT_S + 1) is None

    centres.heard("jhb", True, 0)
    assert online(centres, 2 * REPEAT_S) is True


def test_a_thousand_centres_that_do_not_watch_fill_no_memory_and_hide_no_centre_that_does() -> None:
    centres = make()
    for number in range(1000):
        centres.heard(f"c{number}", False, 0)
    assert len(centres._said) == 64

    centres.heard("jhb", True, 0)
    assert online(centres, 90) is True
    assert len(centres._said) == 64


@pytest.mark.parametrize(
    ("required", "heard", "detail"),
    [
        (True, {"d": True, "c": True, "b": True, "a": True, "e": False}, "watched by a, b, c"),
        (True, {"d": False, "c": False, "b": False, "a": False}, "a, b, c: not watching"),
        (True, {}, "no command centre says on this broker that it is watching"),
        (False, {}, "no command centre says whether it is watching, and none has to"),
    ],
)
def test_a_person_is_told_who_watches_and_who_does_not(required: bool, heard: dict[str, bool], detail: str) -> None:
    centres = make(required=required)
    for name, there in heard.items():
        centres.heard(name, there, 0)

    watched = centres.watched(90 * S)
    assert watched is not None
    assert watched.detail == detail


def test_among_more_centres_that_watch_than_are_remembered_somebody_still_watches() -> None:
    centres = make()
    for number in range(65):
        centres.heard(f"c{number}", True, 0)

    assert online(centres, 90) is True


def test_of_more_centres_than_are_remembered_the_one_that_was_silent_for_longest_is_forgotten() -> None:
    centres = make()
    for number in (*range(256), 0, 256):
        centres.heard(f"c{number}", True, 0)
    centres.connected(180 * S)

    for number, is_new in ((0, False), (2, False), (1, True)):
        centres.heard(f"c{number}", True, 180 * S, retained=True)
        assert centres.somebody(180 * S) is is_new
