"""What a recorder gives is dropped by whole groups when it can't leave, and the recorder is never kept waiting."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.core.camera.units import sample_record
from agent.live import feed as module
from agent.live.feed import Feed
from agent.live.rtsp import PushError
from tests.support.wait import wait_for


class Rig:
    """A feed, and the recorder's end of it."""

    def __init__(self, directory: Path, feed: Feed) -> None:
        self.feed, self.path = feed, directory / "live.sock"
        self.recorder = socket.socket(socket.AF_UNIX)
        self.recorder.connect(str(self.path))

    def give(self, *keys: bool, first: int = 0, size: int = 10) -> None:
        """Give samples, numbered by their capture times."""
        for number, key in enumerate(keys, first):
            self.recorder.sendall(sample_record(number, key, bytes(size)))
            self.feed.read()

    def taken(self) -> list[int]:
        self.feed.read()
        return [sample.boottime_ns for sample in iter(self.feed.next, None)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Feed(tmp_path / "live.sock") as feed:
        made = Rig(tmp_path, feed)
        yield made
        made.recorder.close()


def test_it_begins_with_a_key_frame_and_nobody_else_can_connect(rig: Rig) -> None:
    rig.give(False, False, True, False)
    assert rig.taken() == [2, 3]
    assert not rig.path.exists()


def test_after_a_drop_it_goes_on_with_a_key_frame(rig: Rig) -> None:
    rig.give(True, False)
    rig.feed.drop()
    rig.give(False, True, False, first=2)
    assert rig.taken() == [3, 4]


def test_what_is_late_goes_when_a_key_frame_comes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.give(True, False)
    monkeypatch.setattr(module, "_LATE_S", -1.0)
    rig.give(False, first=2)
    rig.give(True, False, first=3)
    assert rig.taken() == [3, 4]


def test_a_long_group_goes_at_once_when_it_is_too_late_or_too_large(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 100)
    rig.give(True, False, False, size=60)
    assert rig.taken() == []
    rig.give(True, False)
    monkeypatch.setattr(module, "_TOO_LATE_S", -1.0)
    rig.give(False)
    assert rig.taken() == []


def test_the_recorders_end_is_the_streams_end(rig: Rig) -> None:
    rig.feed.read()
    rig.recorder.close()
    with pytest.raises(PushError, match="recorder has ended"):
        wait_for(rig.feed.read)
