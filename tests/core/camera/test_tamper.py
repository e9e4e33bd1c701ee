from collections.abc import Iterable

import pytest

from agent.contract.vocabulary import TamperKind
from agent.core.camera.tamper import Stillness, TamperChanged, TamperJudge

COVERED, TURNED, DARK, FROZEN = TamperKind.COVERED, TamperKind.TURNED, TamperKind.DARK, TamperKind.FROZEN
MS = 1_000_000
STEP_MS = 250


class Samples:
    """A judge that looks four times a second."""

    def __init__(self, kinds: Iterable[TamperKind] = TamperKind) -> None:
        self.judge = TamperJudge(tuple(kinds))
        self.now_ms = 0
        self.told: list[TamperChanged] = []

    def see(self, suspicion: TamperKind | None, seconds: float, step_ms: int = STEP_MS) -> "Samples":
        for _ in range(round(seconds * 1000 / step_ms)):
            self.now_ms += step_ms
            self.told += self.judge.update(suspicion, self.now_ms * MS)
        return self

    @property
    def changes(self) -> list[tuple[TamperKind, bool]]:
        return [(change.kind, change.active) for change in self.told]


@pytest.mark.parametrize(("step_ms", "enough"), [(STEP_MS, 15), (220, 17)])
def test_a_suspicion_is_told_when_85_percent_of_the_pictures_of_4_s_raise_it(step_ms: int, enough: int) -> None:
    samples = Samples().see(None, 10, step_ms)
    began_ns = (samples.now_ms + step_ms) * MS
    assert samples.see(COVERED, (enough - 1) * step_ms / 1000, step_ms).told == []
    assert samples.see(COVERED, step_ms / 1000, step_ms).told == [TamperChanged(COVERED, True, began_ns, began_ns)]
    assert samples.judge.active is COVERED


def test_at_the_start_it_must_last_as_long() -> None:
    samples = Samples().see(COVERED, 4)
    assert samples.told == []
    assert samples.see(COVERED, 0.25).changes == [(COVERED, True)]


@pytest.mark.parametrize(("step_ms", "enough"), [(STEP_MS, 12), (155, 17)])
def test_it_ends_when_85_percent_of_the_pictures_of_3_s_are_well(step_ms: int, enough: int) -> None:
    samples = Samples().see(COVERED, 10, step_ms)
    well_ns = (samples.now_ms + step_ms) * MS
    assert len(samples.see(None, (enough - 1) * step_ms / 1000, step_ms).told) == 1
    assert samples.see(None, step_ms / 1000, step_ms).told[1:] == [TamperChanged(COVERED, False, well_ns, step_ms * MS)]
    assert samples.judge.active is None


def test_it_goes_on_while_the_newest_picture_shows_it() -> None:
    samples = Samples().see(COVERED, 5)
    samples.now_ms += 60_000
    assert samples.see(None, 3).see(COVERED, 0.25).changes == [(COVERED, True)]


def test_it_is_told_once_however_long_it_lasts() -> None:
    assert Samples().see(TURNED, 1000).changes == [(TURNED, True)]


def test_a_look_that_says_otherwise_now_and_then_changes_nothing() -> None:
    samples = Samples().see(None, 5)
    for _ in range(10):
        samples.see(COVERED, 2.25).see(None, 0.25)
    assert samples.changes == [(COVERED, True)]
    for _ in range(10):
        samples.see(None, 2.25).see(COVERED, 0.25)
    assert samples.changes == [(COVERED, True), (COVERED, False)]


def test_what_comes_and_goes_is_not_told() -> None:
    samples = Samples()
    for _ in range(50):
        samples.see(COVERED, 0.75).see(None, 0.25)
    assert samples.told == []


def test_a_suspicion_that_wavers_is_told_as_what_it_was_most_of_the_time() -> None:
    samples = Samples()
    for _ in range(5):
        samples.see(COVERED, 0.75).see(TURNED, 0.25)
    assert samples.changes == [(COVERED, True)]


def test_one_happening_stays_one_kind() -> None:
    assert Samples().see(COVERED, 5).see(TURNED, 20).see(DARK, 20).see(None, 5).changes == [
        (COVERED, True),
        (COVERED, False),
    ]


def test_the_dark_gives_way_to_what_somebody_does() -> None:
    samples = Samples().see(None, 5).see(DARK, 20).see(TURNED, 5)
    (_, ended, began) = samples.told
    assert (ended, began) == (
        TamperChanged(DARK, False, began.began_ns, 5250 * MS, well=False),
        TamperChanged(TURNED, True, began.began_ns, began.began_ns),
    )


def test_kinds_that_are_not_watched_count_as_none() -> None:
    samples = Samples([COVERED]).see(TURNED, 20).see(COVERED, 5).see(TURNED, 5)
    assert samples.changes == [(COVERED, True), (COVERED, False)]
    assert samples.judge.stuck(samples.now_ms * MS) == []


@pytest.mark.parametrize("step_ms", [100, 1000, 5000])
def test_any_number_of_looks_a_second_will_do(step_ms: int) -> None:
    samples = Samples().see(None, 20, step_ms).see(TURNED, 20, step_ms).see(None, 20, step_ms)
    assert samples.changes == [(TURNED, True), (TURNED, False)]


@pytest.mark.parametrize(("step_ms", "looked", "longest_ms"), [(STEP_MS, 5, 3000), (1500, 2, 4500)])
def test_nothing_is_concluded_from_a_time_without_pictures(step_ms: int, looked: int, longest_ms: int) -> None:
    """Three seconds, or three times what lay between the pictures before."""
    for gap_ms in (longest_ms, longest_ms + 1):
        samples = Samples().see(COVERED, looked * step_ms / 1000, step_ms).see(COVERED, gap_ms / 1000, gap_ms)
        samples.see(COVERED, 5)
        assert samples.told[0].boottime_ns == (step_ms if gap_ms == longest_ms else step_ms * looked + gap_ms) * MS


def test_a_stamp_that_does_not_advance_is_no_look() -> None:
    samples = Samples().see(COVERED, 3.75)
    for suspicion in [COVERED, None] * 50:
        assert samples.judge.update(suspicion, samples.now_ms * MS) == []
    assert samples.see(COVERED, 0.5).changes == [(COVERED, True)]


def test_a_clock_that_is_set_back_delays_what_is_told_and_no_more() -> None:
    samples = Samples().see(None, 60).see(COVERED, 2)
    samples.now_ms -= 50_000
    samples.see(COVERED, 3.5)
    assert samples.told == []
    assert samples.see(COVERED, 1).changes == [(COVERED, True)]
    samples.now_ms -= 5_000
    assert samples.see(None, 4).changes == [(COVERED, True), (COVERED, False)]


def test_stamps_that_stop_are_frozen_until_pictures_with_new_ones_are_well() -> None:
    samples = Samples().see(None, 5)
    assert samples.judge.stuck(samples.now_ms * MS) == [TamperChanged(FROZEN, True, 5000 * MS, 5000 * MS)]
    assert samples.judge.stuck(samples.now_ms * MS) == []
    assert samples.see(None, 4).changes == [(FROZEN, False)]


def test_stamps_that_stop_in_the_dark_end_it() -> None:
    samples = Samples().see(DARK, 5)
    assert samples.judge.stuck(5000 * MS) == [
        TamperChanged(DARK, False, 5000 * MS, 250 * MS, well=False),
        TamperChanged(FROZEN, True, 5000 * MS, 5000 * MS),
    ]


def test_other_pictures_end_what_was_known_of_the_old_ones() -> None:
    samples = Samples().see(COVERED, 5)
    assert samples.judge.forget(samples.now_ms * MS) == [TamperChanged(COVERED, False, 5000 * MS, 250 * MS, well=False)]
    assert samples.judge.forget(samples.now_ms * MS) == []
    assert samples.see(COVERED, 4).changes == [(COVERED, True)]


def test_a_sensor_never_gives_a_picture_twice_so_the_second_one_is_suspicious() -> None:
    stillness = Stillness()
    assert [stillness.update(same, n * MS) for n, same in enumerate([False, False, True, True])] == [False] * 2 + [
        True
    ] * 2


def test_an_encoder_that_repeats_pictures_by_habit_is_suspicious_when_it_lasts_twice_as_long() -> None:
    stillness = Stillness()
    for ms in range(0, 9001, STEP_MS):
        stillness.update(ms % 3000 != 0, ms * MS)
    told = [stillness.update(True, ms * MS) for ms in range(9250, 20_000, STEP_MS)]
    assert told.index(True) == 2 * 2750 / STEP_MS


def test_a_picture_that_stood_for_long_was_no_habit() -> None:
    stillness = Stillness()
    stillness.update(False, 0)
    for ms in range(STEP_MS, 20_001, STEP_MS):
        stillness.update(True, ms * MS)
    stillness.update(False, 20_250 * MS)
    assert stillness.update(True, 20_500 * MS)
