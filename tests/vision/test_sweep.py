from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.vision.regions import Region, square
from agent.vision.sweep import EVERY_S, Sweep

SECOND = 1_000_000_000
START_NS = 1000 * SECOND
SIZES = [(16, 16), (64, 48), (320, 240), (641, 363), (1280, 720), (720, 1280), (1920, 1080), (3840, 2160)]
MOST = 1000


@given(st.integers(16, 1000), st.integers(16, 1000))
def test_the_first_look_shows_the_whole_picture(width: int, height: int) -> None:
    shown = np.zeros((height, width), bool)
    for left, top, own_width, own_height in Sweep(width, height).first(MOST):
        assert left >= 0
        assert top >= 0
        assert left + own_width <= width
        assert top + own_height <= height
        shown[top : top + own_height, left : left + own_width] = True

    assert shown.mean() > 0.97
    assert shown[:, -1].any()
    assert shown[-1].any()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_first_look_costs_a_dozen_inferences_at_most(width: int, height: int) -> None:
    assert 1 <= len(Sweep(width, height).first(MOST)) <= 12


@given(st.lists(st.integers(0, 5), max_size=60))
def test_the_first_look_is_given_in_pieces_of_at_most_what_may_be_made_and_each_place_once(pieces: list[int]) -> None:
    sweep = Sweep(640, 360)
    given_: list[Region] = []
    for most in pieces:
        regions = sweep.first(most)
        assert len(regions) <= most
        given_ += regions
    given_ += sweep.first(MOST)

    assert given_ == Sweep(640, 360).first(MOST)
    assert sweep.first(MOST) == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_place_has_its_turn_one_in_five_seconds(width: int, height: int) -> None:
    sweep = Sweep(width, height)
    tiles = sweep.first(MOST)
    sweep.looked(tiles, START_NS)

    turns = sweep_for(sweep, [], seconds=len(set(tiles)) * 5.2 + 6)

    assert {region for _, region in turns} == set(tiles)
    assert all(after - before >= EVERY_S - 0.01 for (before, _), (after, _) in pairwise(turns))


def test_those_who_stand_still_are_looked_at_again_and_do_not_take_the_turns_of_the_rest() -> None:
    sweep = Sweep(640, 360)
    tiles = sweep.first(MOST)
    sweep.looked(tiles, START_NS)
    standing = [square(60 + 100 * number, 200, 150, 640, 360) for number in range(5)]

    turns = [region for _, region in sweep_for(sweep, standing, seconds=(len(tiles) + len(standing)) * 5.2 + 6)]

    assert set(tiles) | set(standing) <= set(turns)


def test_a_place_that_was_looked_at_for_another_reason_waits_for_a_new_turn() -> None:
    sweep = Sweep(640, 360)
    tiles = sweep.first(MOST)
    sweep.looked(tiles, START_NS)
    sweep.looked(tiles[:3], START_NS + SECOND)

    assert sweep.due([], START_NS + 10 * SECOND) == [tiles[3]]


def test_nothing_is_due_before_the_time() -> None:
    sweep = Sweep(640, 360)
    sweep.looked(sweep.first(MOST), START_NS)

    assert sweep.due([], START_NS) == []
    assert sweep.due([], START_NS + round((EVERY_S - 0.01) * SECOND)) == []
    assert len(sweep.due([], START_NS + round(EVERY_S * SECOND))) == 1


def test_after_a_gap_of_hours_one_place_is_due_and_not_all_that_were_left_out() -> None:
    sweep = Sweep(640, 360)
    sweep.looked(sweep.first(MOST), START_NS)

    assert len(sweep.due([], START_NS + 7200 * SECOND)) == 1
    assert sweep.due([], START_NS + 7200 * SECOND + SECOND // 10) == []


def sweep_for(sweep: Sweep, standing: list[Region], seconds: float) -> list[tuple[float, Region]]:
    """What is due in each frame, ten a second, and when; all of it is looked at."""
    looked_ns = dict.fromkeys(standing, START_NS)
    turns = []
    for frame in range(1, round(seconds * 10)):
        now_ns = START_NS + frame * SECOND // 10
        regions = sweep.due([(looked_ns[region], region) for region in standing], now_ns)
        sweep.looked(regions, now_ns)
        for region in regions:
            looked_ns[region] = now_ns
        turns += [(frame / 10, region) for region in regions]
    return turns
