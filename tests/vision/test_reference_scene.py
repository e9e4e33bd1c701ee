from pathlib import Path

import numpy as np
import pytest

from agent.adapters import opencv_imaging as imaging
from agent.contract.vocabulary import TamperKind
from agent.vision.reference_scene import ReferenceScene
from agent.vision.scene import BLOCKS, COARSE, Scene
from agent.vision.tamper import TamperWatch
from tests.support.tampered_video import looped, spoil_of, watch
from tests.support.vision_media import demo_video

SHAPE = (288, 384, 3)
SECOND = 1_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "front.scene"


def scene(level: float = 3) -> Scene:
    return Scene(np.full(COARSE[::-1], level, np.float32), np.full(BLOCKS[::-1], 0.5, np.float32), 0.25)


def watch_with(path: Path) -> TamperWatch:
    return TamperWatch(tuple(TamperKind), imaging.grey, imaging.scaled, 10, ReferenceScene(path))


def test_a_scene_is_read_as_it_was_written(path: Path) -> None:
    ReferenceScene(path).write(scene(), SHAPE, 0)
    read = ReferenceScene(path).read(SHAPE)

    assert read is not None
    assert np.array_equal(read.coarse, scene().coarse)
    assert np.array_equal(read.sharpness, scene().sharpness)
    assert read.saturated == 0.25
    assert [each.name for each in path.parent.iterdir()] == ["front.scene"]


def test_it_is_written_every_ten_minutes(path: Path) -> None:
    kept = ReferenceScene(path)
    for minute in range(15):
        kept.write(scene(minute), SHAPE, minute * 60 * SECOND)
    read = kept.read(SHAPE)

    assert read is not None
    assert read.coarse[0, 0] == 10


def test_a_scene_of_pictures_of_another_size_is_none(path: Path) -> None:
    ReferenceScene(path).write(scene(), SHAPE, 0)
    assert ReferenceScene(path).read((240, 320, 3)) is None


def test_without_a_file_or_once_forgotten_there_is_none(path: Path) -> None:
    kept = ReferenceScene(path)
    kept.forget()
    assert kept.read(SHAPE) is None
    kept.write(scene(), SHAPE, 0)
    kept.forget()
    assert kept.read(SHAPE) is None


@pytest.mark.parametrize("damage", ["empty", "text", "half", "nan", "form", "old"])
def test_a_damaged_file_is_none_and_said_so(path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    ReferenceScene(path).write(scene(float("nan") if damage == "nan" else 3), SHAPE, 0)
    if damage == "form":
        with path.open("wb") as file:
            np.savez(
                file, coarse=np.zeros((2, 2)), sharpness=np.zeros(2), saturated=np.zeros(()), shape=np.array(SHAPE)
            )
    if damage == "old":
        with path.open("wb") as file:
            np.savez(file, coarse=scene().coarse, figures=np.ones(2), shape=np.array(SHAPE))
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"scene", "half": content[: len(content) // 2]}.get(damage, content))

    assert ReferenceScene(path).read(SHAPE) is None
    assert ("learned anew" in caplog.text) == (damage not in {"nan", "form", "old"})


def test_no_byte_that_has_changed_on_the_card_keeps_the_camera_off(path: Path) -> None:
    ReferenceScene(path).write(scene(), SHAPE, 0)
    content = path.read_bytes()
    for place in (*range(200), *range(len(content) - 800, len(content))):
        for value in {0, 0xFF, content[place] ^ 0x40, content[place] ^ 1} - {content[place]}:
            path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            ReferenceScene(path).read(SHAPE)


def test_a_place_that_can_not_be_written_to_is_said_and_nothing_worse(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    ReferenceScene(tmp_path / "file" / "front.scene").write(scene(), SHAPE, 0)
    assert "can't be kept" in caplog.text


def test_a_camera_that_is_turned_while_its_process_is_down_is_found(path: Path) -> None:
    assert watch(looped(demo_video(), 8), watch_with(path)).told == ()

    assert watch(looped(demo_video(), 8, spoil_of(TamperKind.TURNED)), watch_with(path)).kinds == [TamperKind.TURNED]
    assert watch(looped(demo_video(), 8), watch_with(path)).told == ()


def test_what_a_tampered_camera_shows_is_not_kept(path: Path) -> None:
    watch(looped(demo_video(), 8), watch_with(path))
    kept = path.read_bytes()
    watch(looped(demo_video(), 20, spoil_of(TamperKind.TURNED)), watch_with(path))
    assert path.read_bytes() == kept
