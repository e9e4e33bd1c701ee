from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.adapters import opencv_imaging as imaging
from agent.core.camera.link import SnapshotFailed, SnapshotTaken
from agent.core.errors import StorageError
from agent.ports import Frame
from agent.vision.frame_slot import FrameSlot
from agent.vision.snapshot import Snapshots, SnapshotService
from tests.support.vision_stand_ins import SECOND, ManualClock, frame

NOISE = np.random.default_rng(7).integers(0, 255, (720, 1280, 3), np.uint8)


def make(directory: Path, max_bytes: int = 100 * 1024) -> Snapshots:
    return Snapshots(directory, max_bytes, imaging.jpeg, imaging.scaled)


def test_a_snapshot_is_a_jpeg_of_the_picture(tmp_path: Path) -> None:
    pixels = np.full((50, 80, 3), 120, np.uint8)
    path = make(tmp_path).write("a-1", pixels)

    assert path == tmp_path / "a-1.jpg"
    assert imaging.read_picture(path).shape == pixels.shape


@pytest.mark.parametrize("max_bytes", [100 * 1024, 20 * 1024, 2 * 1024])
def test_the_hardest_picture_is_made_to_fit(tmp_path: Path, max_bytes: int) -> None:
    path = make(tmp_path, max_bytes).write("a", NOISE)

    assert path.stat().st_size <= max_bytes
    height, width = imaging.read_picture(path).shape[:2]
    assert width / height == pytest.approx(1280 / 720, rel=0.05)


def test_quality_is_given_up_before_size(tmp_path: Path) -> None:
    best = len(imaging.jpeg(NOISE, 85))
    path = make(tmp_path, best - 1).write("a", NOISE)

    assert imaging.read_picture(path).shape == NOISE.shape


def test_a_limit_that_no_picture_meets_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no picture fits into 10 bytes"):
        make(tmp_path, 10).write("a", NOISE)


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".hidden", "a.b", "-a", "a\n", "a" * 65, "A", "a\0", "ä"])
def test_an_id_that_is_no_plain_name_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "snapshots"

    with pytest.raises(StorageError, match="not a plain name"):
        make(directory).write(name, NOISE)
    assert not directory.exists()


def test_the_directory_is_made_and_only_the_finished_picture_is_in_it(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "snapshots"
    path = make(directory).write("a", NOISE[:50, :50])

    assert list(directory.iterdir()) == [path]
    assert path.stat().st_mode & 0o077 == 0, "a picture of people is for the agent's user alone"


def test_a_snapshot_with_the_same_id_replaces_the_first_one(tmp_path: Path) -> None:
    snapshots = make(tmp_path)
    snapshots.write("a", NOISE[:50, :50])
    path = snapshots.write("a", NOISE[:20, :30])

    assert imaging.read_picture(path).shape == (20, 30, 3)


def test_a_directory_that_can_not_be_written_is_an_error_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StorageError, match="can't be written: "):
        make(tmp_path / "file").write("a", NOISE[:50, :50])


def test_pictures_that_an_earlier_process_has_left_are_deleted_and_nothing_else(tmp_path: Path) -> None:
    for name in ("old.jpg", ".half.tmp", "front.scene", "front.fault"):
        (tmp_path / name).write_bytes(b"x")
    make(tmp_path).clear()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["front.fault", "front.scene"]


def test_a_picture_that_can_not_be_deleted_is_said_and_does_no_harm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "old.jpg").mkdir()
    make(tmp_path).clear()
    make(tmp_path / "nowhere").clear()

    assert "old.jpg can't be deleted" in caplog.text


class Service:
    """A SnapshotService and what it is wired to."""

    def __init__(self, directory: Path) -> None:
        self.slot = FrameSlot()
        self.clock = ManualClock()
        self.persons = 3
        self.service = SnapshotService(
            self.slot, make(directory), self.clock.boottime_ns, lambda: self.persons, imaging.focus_and_light
        )


def test_the_newest_frame_is_taken_with_its_time_and_the_people_in_view(tmp_path: Path) -> None:
    rig = Service(tmp_path)
    rig.slot.put(frame(1, rig.clock.now_ns - SECOND))
    answer = rig.service.take("id-1")

    assert answer == SnapshotTaken(
        id="id-1",
        path=str(tmp_path / "id-1.jpg"),
        captured_boottime_ns=rig.clock.now_ns - SECOND,
        persons=3,
    )
    assert (tmp_path / "id-1.jpg").is_file()


def test_a_picture_older_than_two_seconds_is_not_passed_off_as_new(tmp_path: Path) -> None:
    rig = Service(tmp_path)
    rig.slot.put(frame(1, rig.clock.now_ns))
    rig.clock.now_ns += 5 * SECOND
    answer = rig.service.take("id-1")

    assert isinstance(answer, SnapshotFailed)
    assert answer.detail == "the newest picture is 5 s old"
    assert list(tmp_path.iterdir()) == []


def test_without_a_picture_or_a_place_for_it_the_answer_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    rig = Service(tmp_path / "file")
    none_yet = rig.service.take("id-1")
    rig.slot.put(frame(1, rig.clock.now_ns))
    no_place = rig.service.take("id-2")

    assert isinstance(none_yet, SnapshotFailed)
    assert "no picture yet" in none_yet.detail
    assert isinstance(no_place, SnapshotFailed)
    assert "can't be written" in no_place.detail


@pytest.mark.parametrize("size", [(70_000, 2), (2, 70_000)])
def test_a_picture_that_no_jpeg_can_hold_is_a_failed_one_and_no_more(tmp_path: Path, size: tuple[int, int]) -> None:
    rig = Service(tmp_path)
    rig.slot.put(frame(1, rig.clock.now_ns, size))

    assert isinstance(rig.service.take("id-1"), SnapshotFailed)


def test_a_request_with_an_id_that_is_no_plain_name_gets_no_file_and_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Service(tmp_path / "snapshots")
    rig.slot.put(frame(1, rig.clock.now_ns))

    assert rig.service.take("../escaped") is None
    assert list(tmp_path.rglob("*.jpg")) == []
    assert "a snapshot was refused" in caplog.text


def test_a_view_has_figures_for_whoever_aims_and_wears_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    rig = Service(tmp_path)
    sharp = np.kron(np.indices((60, 80)).sum(axis=0) % 2, np.ones((8, 8))).astype(np.uint8)[..., None] * 200
    seen = []
    for blur in (1, 9, 31):
        pixels = np.repeat(cv2.blur(sharp, (blur, blur))[..., None], 3, axis=2)
        rig.slot.put(Frame(pixels, rig.clock.now_ns, blur))
        taken = rig.service.take("view-1")
        assert isinstance(taken, SnapshotTaken)
        assert taken.aim is not None
        seen.append(taken.aim.focus)
        assert 90 < taken.aim.light < 110
    assert seen == sorted(seen, reverse=True)
    assert synced == []
    plain = rig.service.take("a1")
    assert isinstance(plain, SnapshotTaken)
    assert plain.aim is None
    assert len(synced) == 1


def test_a_picture_of_live_view_is_small_and_lies_in_memory_alone(tmp_path: Path) -> None:
    card, memory = tmp_path / "card", tmp_path / "memory"
    snapshots = Snapshots(card, 100 * 1024, imaging.jpeg, imaging.scaled, memory)
    path = snapshots.write("live-1", NOISE)
    view = snapshots.write("view-1", NOISE[:50, :50])

    assert path.stat().st_size <= 60 * 1024
    assert imaging.read_picture(path).shape[:2] == (360, 640)
    assert (path.parent, view.parent, card.exists()) == (memory, memory, False)
    assert snapshots.write("a-1", NOISE).parent == card
    snapshots.clear()
    assert [*memory.iterdir(), *card.iterdir()] == []
