from tests.campaigns.emulation.cuts.ledger import SAFE_MS
from tests.campaigns.emulation.cuts.plan import BootCut, PressCut, draw

SEEDS = range(200)


def test_fewer_cuts_of_a_seed_are_the_first_ones_of_more() -> None:
    for seed in SEEDS:
        assert draw(seed, 3) == draw(seed, 18)[:3]


def test_another_seed_draws_other_cuts() -> None:
    assert len({str(draw(seed, 1)) for seed in SEEDS}) == len(SEEDS)


def test_the_first_cut_comes_late_enough_for_a_press_that_must_be_kept() -> None:
    for seed in SEEDS:
        first = draw(seed, 1)[0]
        assert isinstance(first, PressCut)
        assert first.after_s * 1000 >= 2 * SAFE_MS


def test_both_kinds_come() -> None:
    assert {type(cut) for seed in SEEDS for cut in draw(seed, 3)} == {BootCut, PressCut}
