import pytest

from agent.contract.vocabulary import SightTrouble
from agent.core.camera.hardly_able import SightChanged, SightJudge

SECOND = 1_000_000_000
START_NS = 1000 * SECOND
DARK, SOFT = SightTrouble.TOO_DARK, SightTrouble.BLURRED
Said = SightTrouble | None


def judged(*said: tuple[Said, float], judge: SightJudge | None = None, every_s: float = 2.0) -> list[SightChanged]:
    """What is told when measurements say so, each for so many seconds."""
    judge, at_s, changes = judge or SightJudge(), 0.0, list[SightChanged]()
    for suspicion, seconds in said:
        for _ in range(round(seconds / every_s)):
            changes += judge.update(suspicion, START_NS + round(at_s * SECOND))
            at_s += every_s
    return changes


def kinds(changes: list[SightChanged]) -> list[tuple[SightTrouble, bool, bool]]:
    return [(change.reason, change.active, change.well) for change in changes]


@pytest.mark.parametrize("every_s", [0.5, 2.0, 4.0])
def test_what_lasts_is_told_within_half_a_minute_and_so_is_its_end(every_s: float) -> None:
    changes = judged((None, 40), (DARK, 32), (None, 32), every_s=every_s)

    assert kinds(changes) == [(DARK, True, True), (DARK, False, True)]
    assert changes[0].boottime_ns == START_NS + 40 * SECOND
    assert changes[1].boottime_ns == START_NS + 72 * SECOND


def test_it_is_told_of_a_camera_that_never_saw_well() -> None:
    assert kinds(judged((SOFT, 30))) == [(SOFT, True, True)]


def test_headlights_and_passing_clouds_are_not_told() -> None:
    assert judged(*[(DARK, 10), (None, 10)] * 10) == []


def test_a_single_measurement_that_says_otherwise_changes_nothing() -> None:
    assert len(judged((DARK, 18), (None, 2), (DARK, 20), (None, 4), (DARK, 20))) == 1


def test_another_reason_replaces_the_first_when_it_has_lasted_too() -> None:
    changes = judged((DARK, 40), (SOFT, 40))

    assert kinds(changes) == [(DARK, True, True), (DARK, False, False), (SOFT, True, True)]


def test_reasons_that_alternate_are_told_once() -> None:
    assert len(judged(*[(DARK, 2), (SOFT, 2)] * 30)) == 1


@pytest.mark.parametrize("step_s", [-60, 60])
def test_measurements_on_both_sides_of_a_step_of_the_stamps_are_not_counted_together(step_s: float) -> None:
    judge = SightJudge()
    judged((DARK, 18), judge=judge)

    again_ns = START_NS + round((18 + step_s) * SECOND)
    assert judge.update(DARK, again_ns) == []
    assert judge.update(DARK, again_ns + 2 * SECOND) == []


def test_what_is_hushed_ends_and_is_told_again_only_when_it_has_lasted_anew() -> None:
    judge = SightJudge()
    judged((DARK, 30), judge=judge)

    assert kinds(judge.hush(START_NS + 30 * SECOND)) == [(DARK, False, False)]
    assert judge.hush(START_NS + 31 * SECOND) == []
    assert judge.update(DARK, START_NS + 32 * SECOND) == []


def test_nothing_is_concluded_about_a_time_without_measurements() -> None:
    judge = SightJudge()
    assert judged((DARK, 18), judge=judge) == []

    assert judge.update(DARK, START_NS + 60 * SECOND) == []
    assert judge.update(DARK, START_NS - 60 * SECOND) == []
