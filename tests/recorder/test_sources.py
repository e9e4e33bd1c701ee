"""Sources that come, go, hang and send nonsense."""

import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.adapters.system_clock import SystemClock
from agent.core.camera.units import Kind, StreamHeader, head
from agent.recorder.intake import Intake
from agent.recorder.sources import Pump, SocketSource, StreamSource
from tests.support.recording import Eager, encoded
from tests.support.vision_stand_ins import boottime_ns
from tests.support.wait import wait_for

HEADER = StreamHeader(codec="h264", camera="yard", width=64, height=48, masked=False).record()


class Rig:
    """A pump and what comes out of it."""

    def __init__(self) -> None:
        clock, eager = SystemClock(), Eager()
        self.pieces = eager.pieces

        def no_encoder(width: int, height: int) -> None:
            raise AssertionError

        self.intake = Intake("yard", True, eager.backlog(clock), no_encoder, clock.boottime_ns)  # type: ignore[arg-type]
        self.pump: Pump

    def run(self, records: int) -> None:
        for _ in range(records):
            self.pump.run_once(5)

    @property
    def taken(self) -> int:
        return sum(len(piece.sizes) for piece in self.pieces)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig()
    rig.pump = Pump(SocketSource(tmp_path / "yard.sock", rig.intake.connected), rig.intake)
    yield rig
    rig.pump.close()


def connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    return connection


def units(count: int) -> bytes:
    return b"".join(head(Kind.UNIT, len(unit), boottime_ns()) + unit for unit, _ in encoded(count))


def test_a_camera_process_that_is_killed_and_started_again_goes_on_where_it_connects(rig: Rig, tmp_path: Path) -> None:
    for taken in (5, 10):
        with connect(tmp_path / "yard.sock") as camera:
            camera.sendall(HEADER + units(5) + head(Kind.UNIT, 1000))  # it dies in the middle of a unit
        rig.run(1 + 1 + 5 + 1)
        assert rig.intake.detail == "the source of the pictures has ended"
        assert rig.taken == taken


def test_the_newest_source_takes_the_place_of_one_that_hangs(rig: Rig, tmp_path: Path) -> None:
    with connect(tmp_path / "yard.sock") as first, connect(tmp_path / "yard.sock") as second:
        rig.run(2)
        second.sendall(HEADER + units(5))
        rig.run(6)

        assert rig.intake.pictures == 5
        assert first.recv(1) == b""


@pytest.mark.parametrize("nonsense", [b"GET / HTTP/1.1\r\n\r\n", HEADER + os.urandom(100), units(1)])
def test_nonsense_ends_the_connection_and_nothing_else(rig: Rig, tmp_path: Path, nonsense: bytes) -> None:
    with connect(tmp_path / "yard.sock") as bad:
        bad.sendall(nonsense)
        before = rig.intake.detail

        def refused() -> bool:
            rig.pump.run_once(0.05)
            return rig.intake.detail not in {before, "a source has connected and sends nothing yet"}

        wait_for(refused, what="the end of the connection")
    with connect(tmp_path / "yard.sock") as good:
        rig.run(1)
        good.sendall(HEADER + units(5))
        rig.run(6)

    assert rig.intake.pictures == 5


def test_nobody_else_on_the_machine_may_connect(rig: Rig, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "yard.sock").stat().st_mode) == 0o600


def test_a_socket_that_a_killed_recorder_has_left_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "yard.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()

    SocketSource(path, lambda: None).close()
    assert not path.exists()


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Rig]:
    """A rig whose child writes its number down, and then sleeps."""
    program = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n');import signal; signal.pause()"
    rig = Rig()
    command = [sys.executable, "-I", "-c", program, str(tmp_path / "pids")]
    rig.pump = Pump(StreamSource("yard", "rtsp://user:geheim@host/", command, 0.3, 0.01), rig.intake)
    yield rig
    rig.pump.close()


def pids(tmp_path: Path) -> list[int]:
    path = tmp_path / "pids"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_a_child_that_hangs_is_killed_and_another_one_tries(children: Rig, tmp_path: Path) -> None:
    def tried() -> bool:
        children.pump.run_once(0.05)
        return len(pids(tmp_path)) >= 2

    wait_for(tried, what="a second child")
    assert children.intake.detail == "the camera's stream has given nothing for 0 s"
    assert not Path(f"/proc/{pids(tmp_path)[0]}").exists()


def test_a_child_that_is_killed_is_started_again(children: Rig, tmp_path: Path) -> None:
    def started(count: int) -> bool:
        children.pump.run_once(0.05)
        return len(pids(tmp_path)) >= count

    wait_for(lambda: started(1), what="the child")
    os.kill(pids(tmp_path)[0], signal.SIGKILL)
    began = time.monotonic()
    wait_for(lambda: started(2), what="the next child")

    assert time.monotonic() - began < 5
