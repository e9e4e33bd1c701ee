"""The short form of `make week`: six hours with a little of everything."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.campaigns.week.disk import in_memory
from tests.campaigns.week.schedule import DAY, HOUR, a_week, with_a_crowd
from tests.campaigns.week.world import World


@pytest.mark.campaign
def test_six_hours_of_presses_outages_and_ends_lose_nothing_and_tell_everything() -> None:
    with TemporaryDirectory(dir=in_memory()) as directory:
        world = World(a_week(1, 6 * HOUR), Path(directory), seed=1)
        world.play()
        outcome = world.outcome()
    assert outcome.faults == []
    assert outcome.holes.lost == set()
    assert outcome.verdict.told == outcome.verdict.made > 500
    assert world.endings["kill"] >= 1
    assert world.endings["restart"] >= 1
    assert world.endings["power-cut"] >= 1
    assert outcome.mains_failures == 1
    told = " ".join(outcome.self_tests)
    assert all(word in told for word in ("interrupted", "failed", "passed")), "each trap was sprung"
    assert {span.kind for span in outcome.spans} >= {"lying", "unset"}


@pytest.mark.campaign
def test_in_a_day_with_two_thousand_presses_in_an_outage_nothing_is_taken_for_lost() -> None:
    with TemporaryDirectory(dir=in_memory()) as directory:
        world = World(with_a_crowd(a_week(3, DAY), 2_000), Path(directory), seed=3)
        world.play()
        outcome = world.outcome()
    assert outcome.faults == []
    assert outcome.holes.lost == set()
    assert outcome.verdict.told == outcome.verdict.made > 5_000
    assert sum(world.endings.values()) >= 8
    assert outcome.holes.skipped == world.endings["power-cut"] >= 1


def test_a_schedule_is_the_same_for_the_same_seed() -> None:
    assert a_week(3) == a_week(3)
    assert a_week(3) != a_week(4)
