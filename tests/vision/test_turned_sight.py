"""How whoever is lost is looked for with the picture turned; what comes of it on film is in test_rules_on_film.py."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agent.core.analytics.tracks import TrackedPerson
from agent.ports import Detection, Frame
from agent.vision.sight import Seen
from agent.vision.turned_sight import TurnedSight

Pixels = npt.NDArray[np.uint8]
SECOND = 1_000_000_000
STANDS = TrackedPerson(7, (0.45, 0.3, 0.1, 0.4), 0.9, seen=True)


class Upright:
    """Sees somebody who stands, for two seconds."""

    def process(self, frame: Frame) -> Seen:
        return Seen((STANDS,) if frame.boottime_ns < 2 * SECOND else (), (), ())


class Lying:
    """Finds somebody in each picture, and keeps the pictures."""

    def __init__(self) -> None:
        self.pictures: list[Pixels] = []

    def detect(self, pictures: Sequence[Pixels]) -> list[list[Detection]]:
        self.pictures += pictures
        return [[Detection(100, 100, 50, 190, 0.9)] for _ in pictures]


def watched(until_s: float, height: int = 480, changes_s: float = 1e9) -> tuple[list[tuple[float, Seen]], Lying]:
    """What is seen in two pictures a second; from `changes_s` on they have half the size."""
    detector, shown = Lying(), []
    sight = TurnedSight(
        Upright(), detector, lambda picture: picture + np.uint8(90), score_threshold=0.5, inferences_per_second=1
    )
    for number in range(round(2 * until_s)):
        at_s = number / 2
        rows = height if at_s < changes_s else height // 2
        frame = Frame(np.full((rows, rows * 4 // 3, 3), 10, np.uint8), round(at_s * SECOND), number + 1)
        shown.append((at_s, sight.process(frame)))
    return shown, detector


def test_whoever_is_lost_is_found_lying_under_their_number() -> None:
    shown, _ = watched(6)

    assert [person.id for person in shown[-1][1].people] == [7]


def test_it_looks_no_more_often_than_it_may() -> None:
    shown, detector = watched(12)

    assert 8 <= len(detector.pictures) <= 12
    assert sum(len(seen.regions) for _, seen in shown) == len(detector.pictures)


def test_the_model_gets_the_picture_repaired() -> None:
    _, detector = watched(6)

    assert {int(picture.max()) for picture in detector.pictures} == {100}


def test_who_was_there_before_the_picture_changed_its_size_is_forgotten() -> None:
    shown, _ = watched(8, changes_s=5)

    assert shown[9][1].people, "found before"
    assert not any(seen.people for at_s, seen in shown if at_s >= 5)
