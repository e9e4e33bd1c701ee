"""The process that pushes a stream: what an alarm stops stops in the middle of a picture, and goes on after it."""

import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from agent.adapters.paced_socket import Room
from agent.core.camera.units import sample_record
from agent.core.delivery.push_link import Ended, Line, Listens, Push, decode
from agent.core.delivery.upload_link import Gate
from agent.core.link_lines import encode
from agent.live import app
from tests.live.test_rtsp import IDR, PPS, SHORT, SPS
from tests.support.scripted_media_server import ScriptedMediaServer
from tests.support.wait import PATIENCE_S, wait_for


class Rig:
    """The process on a thread, with the core's end of its link, a recorder and a server."""

    def __init__(self, directory: Path, server: ScriptedMediaServer) -> None:
        self.server, self.path = server, directory / "live.sock"
        self.core, theirs = socket.socketpair()
        self.core.settimeout(PATIENCE_S)
        self._thread = threading.Thread(target=app.run, args=(theirs,), name="run")
        self._lines = self.core.makefile("rb")
        self.recorder = socket.socket(socket.AF_UNIX)
        self._theirs = theirs
        self._thread.start()

    def start(self, *then: Line) -> None:
        """Order the stream, and have the recorder connect."""
        until_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + int(PATIENCE_S * 1e9)
        self.say(Push(self.server.url, str(self.path), until_ns, str(self.server.authority.ca)), *then)
        assert self.next() == Listens()
        self.recorder.connect(str(self.path))

    def say(self, *lines: Line) -> None:
        self.core.sendall(b"".join(map(encode, lines)))

    def next(self) -> Line:
        """What the process says next."""
        return decode(self._lines.readline())

    def give(self, size: int) -> None:
        """The recorder gives a key frame of so many bytes."""
        units = (SPS, PPS, IDR[:1] + bytes(size))
        self.recorder.sendall(sample_record(1, True, b"".join(len(each).to_bytes(4, "big") + each for each in units)))

    def close(self) -> None:
        for each in (self._lines, self.core, self.recorder):
            each.close()
        self._thread.join()
        self._theirs.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with ScriptedMediaServer(tmp_path, {"SETUP": SHORT}) as server:
        made = Rig(tmp_path, server)
        yield made
        made.close()


def test_an_alarm_stops_a_picture_in_its_middle_and_the_session_lives_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Room, "is_free", lambda _: True)  # on a line that takes everything at once
    rig.start()
    rig.give(15_000_000)
    wait_for(lambda: rig.server.packets, what="the beginning of the picture")
    rig.say(Gate(hold=True))

    def is_still() -> bool:
        """Whether nothing but a request comes for the time between two of them."""
        packets, asked = len(rig.server.packets), len(rig.server.asked)
        wait_for(lambda: len(rig.server.asked) > asked, what="a request")
        return len(rig.server.packets) == packets

    wait_for(is_still, what="a pause")
    whole = 15_000_000 // 1398
    assert len(rig.server.packets) < whole, "in the middle"
    rig.say(Gate(hold=False))
    wait_for(lambda: len(rig.server.packets) > whole, what="the rest of the picture")
    numbers = [int.from_bytes(each[2:4], "big") for each in rig.server.packets if each[1] & 0x7F == 96]
    assert all((after - before) & 0xFFFF == 1 for before, after in pairwise(numbers))


def test_a_look_that_begins_while_an_alarm_waits_begins_after_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_FIRST_S", 2.0)

    def passes(seconds: float) -> None:
        until_s = time.monotonic() + seconds
        wait_for(lambda: time.monotonic() > until_s)

    rig.start(Gate(hold=True))
    passes(2.2)
    assert rig.server.asked == []
    rig.say(Gate(hold=False))
    passes(0.2)

    def has_come() -> bool:
        rig.give(1000)
        return bool(rig.server.packets)

    wait_for(has_come, what="a picture")


def test_a_recorder_that_gives_no_key_frame_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_FIRST_S", 0.1)
    rig.start()
    assert rig.next() == Ended("the recorder gave no key frame within 0 s")
