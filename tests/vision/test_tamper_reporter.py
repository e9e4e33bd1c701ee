import itertools
import uuid
from pathlib import Path

import cv2

from agent.adapters import opencv_imaging as imaging
from agent.contract.vocabulary import TamperKind
from agent.core.camera.link import CameraTamper
from agent.ports import Frame
from agent.vision.small_grey import with_grey
from agent.vision.snapshot import Snapshots
from agent.vision.tamper import TamperWatch
from agent.vision.tamper_picture import WIDTH, TamperPictures
from agent.vision.tamper_reporter import TamperReporter
from tests.support.tampered_video import Pixels, Spoil, between, looped, spoil_of
from tests.support.vision_media import demo_video
from tests.support.vision_stand_ins import ManualClock


def told(kinds: tuple[TamperKind, ...]) -> list[CameraTamper]:
    """What is told of a camera that is covered twice."""
    cover = spoil_of(TamperKind.COVERED)
    return told_of(40, lambda pixels, at_s: between(8, 15, cover)(between(25, 32, cover)(pixels, at_s), at_s), kinds)


def told_of(seconds: float, spoil: Spoil, kinds: tuple[TamperKind, ...] = tuple(TamperKind)) -> list[CameraTamper]:
    reporter = TamperReporter(TamperWatch(kinds, imaging.grey, imaging.scaled, 10), ManualClock())
    pictures = looped(demo_video(), seconds, spoil)
    messages = (reporter.process(Frame(pixels, at_ns, number)) for number, (pixels, at_ns) in enumerate(pictures, 1))
    return list(itertools.chain.from_iterable(messages))


def test_each_happening_has_its_own_id_at_its_beginning_and_end_and_words_for_a_person() -> None:
    messages = told(tuple(TamperKind))

    assert [message.active for message in messages] == [True, False, True, False]
    assert [message.kind for message in messages] == [TamperKind.COVERED] * 4
    first, first_end, second, second_end = (message.event_id for message in messages)
    assert first == first_end
    assert second == second_end
    assert first < second
    assert uuid.UUID(first).version == 7
    assert "nothing of the scene is left" in messages[0].detail
    assert messages[1].detail == "the picture is normal again"


def test_a_beginning_has_a_small_picture_of_before_and_now_and_an_end_has_none(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, 100_000, imaging.jpeg, imaging.scaled)
    watch = TamperWatch(tuple(TamperKind), imaging.grey, imaging.scaled, 10)
    reporter = TamperReporter(watch, ManualClock(), TamperPictures(snapshots, imaging.scaled))
    pictures = looped(demo_video(), 22, between(8, 15, spoil_of(TamperKind.COVERED)))
    frames = (
        with_grey(Frame(pixels, at_ns, number), imaging.reduced_grey)
        for number, (pixels, at_ns) in enumerate(pictures, 1)
    )

    begin, end = itertools.chain.from_iterable(map(reporter.process, frames))

    assert begin.snapshot == begin.event_id
    assert end.snapshot is None
    (path,) = tmp_path.glob("*.jpg")
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert path.stem == begin.event_id
    assert picture.shape == (120, 2 * WIDTH + 4)
    before, now = picture[:, :WIDTH], picture[:, -WIDTH:]
    assert before.std() > 20
    assert now.std() < 10


def test_a_kind_that_is_not_watched_for_is_not_told() -> None:
    assert told((TamperKind.TURNED,)) == []


def test_what_gives_way_to_another_tamper_is_not_said_to_be_well() -> None:
    dark, turn = spoil_of(TamperKind.DARK), spoil_of(TamperKind.TURNED)
    messages = told_of(30, lambda pixels, at_s: between(8, 16, dark)(between(16, 30, turn)(pixels, at_s), at_s))

    assert [(each.kind, each.active) for each in messages[:3]] == [
        (TamperKind.DARK, True),
        (TamperKind.DARK, False),
        (TamperKind.TURNED, True),
    ]
    assert messages[1].detail.startswith("it is not known")


def test_a_cover_that_pictures_of_another_size_have_ended_is_not_said_to_be_off() -> None:
    def cover(pixels: Pixels, at_s: float) -> Pixels:
        covered = spoil_of(TamperKind.COVERED)(pixels, at_s)
        return covered if at_s < 8 else covered[:100, :100]

    messages = told_of(25, between(8, 25, cover))

    assert [each.active for each in messages] == [True, False]
    assert messages[1].detail.startswith("it is not known")
