from collections.abc import Sequence

import numpy as np
import pytest

from agent.core.analytics.tracks import TrackedPerson
from agent.core.analytics.zones import ZoneRules
from agent.core.polygon import Polygon
from tests.support.moving_boxes import SMALL, TALL, box, runs, upright
from tests.support.street_scene import SECOND, Scene

STREET = Polygon([(0, 0), (1, 0), (1, 1), (0, 1)])
RUNNING = ZoneRules("street", STREET, running_from=1.8)


def scene(fps: float = 10) -> Scene:
    return Scene(RUNNING, fps=fps)


@pytest.mark.parametrize("fps", [4, 6, 10, 25])
@pytest.mark.parametrize("pace", [2.2, 3.5])
def test_who_runs_through_the_picture_is_told_once(fps: float, pace: float) -> None:
    street = scene(fps)
    street.run(0.8 / (pace * SMALL), runs(pace))
    street.run(20)

    began, ended = street.of("running", "street")
    assert (began.phase, ended.phase, began.track, ended.number) == ("began", "ended", 1, began.number)
    assert began.boottime_ns <= street.now_ns - 20 * SECOND, "while they run"


@pytest.mark.parametrize("pace", [0.0, 0.8, 1.3])
def test_who_stands_or_walks_does_not_run(pace: float) -> None:
    street = scene()
    street.run(0.7 / (pace * SMALL) if pace else 10, runs(pace))

    assert street.of("running", "street") == []


def test_a_sprint_of_a_moment_is_not_told() -> None:
    street = scene()
    street.run(2, lambda _: [upright(0.1, height=SMALL)])
    street.run(0.5, runs(3.0))
    street.run(5, lambda _: [upright(0.1 + 1.5 * SMALL, height=SMALL)])

    assert street.of("running", "street") == []


def test_a_box_that_jumps_and_a_number_that_goes_to_another_are_not_told() -> None:
    def swaps(at_s: float) -> Sequence[TrackedPerson]:
        one, other = (0.2, 0.6) if int(at_s / 1.5) % 2 else (0.6, 0.2)
        return [upright(one + 0.02 * at_s), upright(other, track=2)]

    street = scene()
    street.run(20, swaps)

    assert street.of("running", "street") == []


def test_a_box_that_trembles_does_not_run() -> None:
    chance = np.random.default_rng(1)

    def trembles(at_s: float) -> Sequence[TrackedPerson]:
        off = chance.normal(0, 0.06 * TALL, 2)
        return [upright(0.1 + 0.8 * TALL * at_s + off[0], 0.7 + off[1])]

    for fps in (5, 25):
        street = scene(fps)
        street.run(3, trembles)
        assert street.of("running", "street") == []


def test_who_walks_behind_a_wall_does_not_run_because_they_look_small() -> None:
    """Head and shoulders move by thrice their own height a second."""
    street = scene()
    street.run(3, lambda at_s: [box(0.1 + 0.8 * TALL * at_s, 0.5, 0.3 * TALL, 0.9)])

    assert street.of("running", "street") == []


def test_who_is_cut_by_the_edge_of_the_picture_does_not_run() -> None:
    street = scene()
    street.run(3, lambda at_s: [TrackedPerson(1, (0.1 + 0.25 * at_s, 0.85, 0.08, 0.16), 0.8, alive=True)])

    assert street.of("running", "street") == []
