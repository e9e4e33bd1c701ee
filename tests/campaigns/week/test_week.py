"""The short form of `make week`: six hours with a little of everything."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.campaigns.week.disk import in_memory
from tests.campaigns.week.schedule import HOUR, a_week
from tests.campaigns.week.world import World


@pytest.mark.campaign
def test_six_hours_of_presses_outages_and_ends_lose_nothing_and_tell_everything() -> None:
    with TemporaryDirectory(dir=in_memory()) as directory:
        world = World(a_week(1, 6 * HOUR), Path(directory), seed=1)
        world.play()
        outcome = world.outcome()
    assert outcome.faults == []
    assert outcome.verdict.told == outcome.verdict.made > 500
    assert world.endings["kill"] >= 1
    assert world.endings["restart"] >= 1
    assert world.endings["power-cut"] >= 1
    assert outcome.mains_failures == 1
    told = " ".join(outcome.self_tests)
    assert all(word in told for word in ("interrupted", "failed", "passed")), "each trap was sprung"
    assert {span.kind for span in outcome.spans} >= {"lying", "unset"}


def test_a_schedule_is_the_same_for_the_same_seed() -> None:
    assert a_week(3) == a_week(3)
    assert a_week(3) != a_week(4)
