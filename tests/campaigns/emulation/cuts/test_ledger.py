"""The books of the power cuts see every fault that they are there for."""

from tests.campaigns.emulation.cuts import ledger
from tests.campaigns.emulation.cuts.ledger import SAFE_MS, Life, Press, Verdict

OLD, YOUNG = SAFE_MS + 1, 3.0


def judge(presses: list[Press], cut_off: str | None, before: dict[str, int], after: dict[str, int]) -> Verdict:
    """One life on a disk that an earlier one has left so."""
    return ledger.judge([Life(presses, cut_off, after)], before)


def test_presses_on_the_disk_are_kept() -> None:
    verdict = judge([Press("fire", OLD), Press("fire", YOUNG)], None, {"fire": 4}, {"fire": 6})
    assert verdict == Verdict(made=2, old=1, kept=2)


def test_an_old_press_that_the_disk_has_not_is_lost() -> None:
    verdict = judge([Press("fire", OLD), Press("police", YOUNG)], None, {}, {"police": 1})
    assert verdict.lost == [Press("fire", OLD)]
    assert (verdict.kept, verdict.forgotten_ms) == (1, OLD)


def test_a_young_press_may_be_forgotten_and_its_age_is_told() -> None:
    verdict = judge([Press("fire", OLD), Press("fire", YOUNG)], None, {"fire": 1}, {"fire": 2})
    assert (verdict.lost, verdict.kept, verdict.forgotten_ms) == ([], 1, YOUNG)


def test_the_press_that_was_cut_off_may_be_there_or_not() -> None:
    for after in (1, 2):
        verdict = judge([Press("fire", OLD)], "fire", {}, {"fire": after})
        assert (verdict.lost, verdict.invented) == ([], 0)


def test_a_press_that_nobody_made_is_seen() -> None:
    assert judge([Press("fire", OLD)], None, {"fire": 1}, {"fire": 3}).invented == 1


def test_what_an_earlier_boot_had_kept_must_not_vanish() -> None:
    assert len(judge([], None, {"fire": 3}, {"fire": 1}).lost) == 2


def test_a_sum_has_the_oldest_forgotten_press() -> None:
    total = Verdict()
    total.add(Verdict(made=2, old=1, kept=1, forgotten_ms=YOUNG))
    total.add(Verdict(made=1, old=1, kept=1))
    assert (total.made, total.old, total.kept, total.forgotten_ms) == (3, 2, 2, YOUNG)


def test_each_life_begins_with_what_the_last_one_has_left() -> None:
    lives = [Life([Press("fire", OLD)], None, {"fire": 1}), Life([], None, {"fire": 1})]
    assert ledger.judge(lives) == Verdict(made=1, old=1, kept=1)
