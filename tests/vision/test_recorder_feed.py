"""What a camera process gives to its recorder."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.adapters import opencv_imaging as imaging
from agent.core.camera.link import Hello
from agent.core.camera.masks import LEVEL
from agent.core.camera.units import HEAD, Kind, RecordHead, StreamHeader
from agent.ports import Frame
from agent.vision.frame_slot import FrameSlot
from agent.vision.recorder_feed import RecorderFeed
from tests.support.vision_app import Running
from tests.support.vision_process import vision_spec
from tests.support.vision_stand_ins import boottime_ns
from tests.support.wait import wait_for


class Recorder:
    """The other end: listens as a recorder does."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(20)
        self._connection = socket.socket()

    def accept(self) -> None:
        self._connection.close()
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(20)

    def read(self) -> tuple[RecordHead, bytes]:
        head = RecordHead.read(self._exactly(HEAD.size))
        return head, self._exactly(head.length)

    def _exactly(self, length: int) -> bytes:
        content = b""
        while len(content) < length:
            got = self._connection.recv(length - len(content))
            assert got, "the camera process has hung up"
            content += got
        return content

    def header(self) -> StreamHeader:
        head, content = self.read()
        assert head.kind is Kind.HEADER
        return StreamHeader.read(content)

    def hang_up(self) -> None:
        # At once, also with what was not read.
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def close(self) -> None:
        self._connection.close()
        self._listener.close()


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path / "yard.sock")
    yield recorder
    recorder.close()


class Rig:
    def __init__(self, path: Path, period_s: float = 0.0) -> None:
        self.slot = FrameSlot()
        self.feed = RecorderFeed(str(path), "yard", False, self.slot, imaging.i420, period_s)
        self._number = 0

    def shoot(self, width: int = 64, height: int = 48, grey: int = 100) -> Frame:
        self._number += 1
        frame = Frame(np.full((height, width, 3), grey, np.uint8), boottime_ns(), self._number)
        self.slot.put(frame)
        return frame

    def gives(self) -> bool:
        return self.feed.run_once()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path / "yard.sock")
    yield rig
    rig.feed.close()


def test_it_says_what_comes_and_sends_each_picture_once_with_its_time(rig: Rig, recorder: Recorder) -> None:
    first = rig.shoot(grey=100)
    assert rig.gives()
    assert not rig.gives()
    second = rig.shoot(65, 47)  # another size, and odd
    assert rig.gives()
    recorder.accept()

    header = recorder.header()
    assert (header.codec, header.camera, header.width, header.height, header.masked) == ("i420", "yard", 64, 48, False)
    head, picture = recorder.read()
    assert (head.kind, head.boottime_ns) == (Kind.PICTURE, first.boottime_ns)
    assert len(picture) == 64 * 48 * 3 // 2
    assert set(picture[: 64 * 48]) == {102}  # 100 of 255, in the range of video
    header = recorder.header()
    assert (header.width, header.height) == (64, 46)
    head, picture = recorder.read()
    assert (head.boottime_ns, len(picture)) == (second.boottime_ns, 64 * 46 * 3 // 2)


def test_a_recorder_that_is_started_again_is_found_and_told_anew_what_comes(rig: Rig, recorder: Recorder) -> None:
    rig.shoot()
    assert rig.gives()
    recorder.accept()
    recorder.header()
    recorder.hang_up()

    def given_again() -> bool:
        rig.shoot()
        return rig.gives()

    wait_for(lambda: not given_again(), what="the loss")
    wait_for(given_again, what="the next connection")
    recorder.accept()
    assert recorder.header().codec == "i420"


def test_a_recorder_that_does_not_read_is_let_go(rig: Rig, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.vision.recorder_feed._SEND_LIMIT_S", 0.05)

    def given() -> bool:
        rig.shoot()
        return rig.gives()

    assert given()
    wait_for(lambda: not given(), what="the end of the connection")


def test_a_recorder_that_takes_nothing_is_tried_once_a_second_and_told_of_once(
    rig: Rig, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    began_s, connections = time.monotonic(), 3
    for _ in range(connections):
        wait_for(lambda: rig.shoot() and rig.gives(), what="a connection")
        recorder.accept()
        recorder.hang_up()
        wait_for(lambda: rig.shoot() and not rig.gives(), what="the loss")
    assert time.monotonic() - began_s >= connections - 1
    assert len(caplog.records) == 1


def test_what_hardware_encodes_is_sent_instead_of_pictures_from_a_key_frame_on(rig: Rig, recorder: Recorder) -> None:
    size = (64, 48)
    rig.shoot()
    assert rig.gives()
    rig.feed.put_unit(b"not a key frame", 1, False, size)
    rig.feed.put_unit(b"key frame", 2, True, size)
    rig.feed.put_unit(b"next", 3, False, size)
    assert rig.gives()
    recorder.accept()

    assert recorder.header().codec == "i420"
    recorder.read()
    header = recorder.header()
    assert (header.codec, header.masked, header.width) == ("h264", False, 64)
    assert [recorder.read() for _ in range(2)] == [
        (RecordHead(Kind.UNIT, 2, 9), b"key frame"),
        (RecordHead(Kind.UNIT, 3, 4), b"next"),
    ]


def test_hardware_that_stops_is_replaced_by_pictures(
    rig: Rig, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.vision.recorder_feed._FRESH_S", 0.05)
    rig.feed.put_unit(b"key frame", 2, True, (64, 48))
    rig.shoot()
    wait_for(rig.gives, what="a picture")
    recorder.accept()

    assert recorder.header().codec in {"h264", "i420"}
    wait_for(lambda: recorder.read()[0].kind is Kind.PICTURE, what="a picture")


def test_h264_that_the_recorder_does_not_take_does_not_fill_the_memory(rig: Rig, recorder: Recorder) -> None:
    assert not rig.gives()  # connects
    for number in range(100):
        rig.feed.put_unit(bytes(100_000), number, number % 10 == 0, (64, 48))
    rig.feed.put_unit(b"key frame", 1000, True, (64, 48))

    waiting = list(rig.feed._units)
    assert waiting[0][2]
    assert waiting[-1][0] == b"key frame"
    assert sum(len(unit[0]) for unit in waiting) <= 4 * 1024 * 1024


def test_a_recorder_that_cannot_follow_gets_the_newest_picture_each_time_and_hears_that_others_were_left_out(
    tmp_path: Path, recorder: Recorder
) -> None:
    rig = Rig(tmp_path / "yard.sock", period_s=0.01)
    large = (1280, 720)  # more than a socket takes
    newest = rig.shoot(*large)
    stop = threading.Event()

    def give() -> None:
        while not stop.is_set():
            rig.gives()

    giver = threading.Thread(target=give)
    giver.start()
    recorder.accept()
    recorder.header()
    heads = []
    for _ in range(4):
        begun = time.monotonic()
        wait_for(lambda begun=begun: rig.shoot(*large) and time.monotonic() - begun > 0.03)  # type: ignore[misc]
        newest = rig.shoot(*large)
        heads.append(recorder.read()[0])
        wait_for(lambda newest=newest: rig.feed._sent is newest)  # type: ignore[misc]
    stop.set()
    recorder.hang_up()
    giver.join(10)
    rig.feed.close()

    assert [head.late for head in heads] == [False, True, True, True]
    assert heads[-1].boottime_ns < newest.boottime_ns, "one is on its way at most"
    assert not giver.is_alive()


def test_without_a_recorder_nobody_waits(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "none.sock")
    rig.shoot()
    thread = threading.Thread(target=rig.gives)
    thread.start()
    thread.join(10)

    assert not thread.is_alive()


def test_a_camera_process_gives_its_recorder_masked_pictures(tmp_path: Path, recorder: Recorder) -> None:
    all_of_it = ((0, 0), (1, 0), (1, 1), (0, 1))
    spec = vision_spec(
        tmp_path, recorder_socket=str(tmp_path / "yard.sock"), recorded_frames_per_second=20, masks=(all_of_it,)
    )
    app = Running(spec)
    try:
        app.link.wait_for(Hello)
        recorder.accept()
        header = recorder.header()
        assert header.masked
        for _ in range(3):
            head, picture = recorder.read()
            assert head.kind is Kind.PICTURE
            brightness = np.frombuffer(picture, np.uint8)[: header.width * header.height]
            assert np.ptp(brightness) == 0
            assert abs(int(brightness[0]) - (16 + LEVEL * 219 // 255)) <= 1
    finally:
        app.close()
