"""Whoever looks at the stream gets what a clip would have, from the newest key frame on, and holds nothing up."""

import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from agent.core.camera.units import HEAD, Kind, RecordHead
from agent.recorder import tap as module
from agent.recorder.pieces import Taken
from agent.recorder.tap import SocketTap
from agent.trust.evidence.parameter_sets import ParameterSets
from tests.recorder.test_backlog import Rig

SETS = ParameterSets(b"\x67sps", (b"\x68pps",))


class Listener:
    """What sends a stream on."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self.tap = SocketTap(path)
        self._connection, _ = self._listener.accept()
        self._connection.setblocking(False)
        self._buffer = b""

    def got(self) -> list[tuple[bool, int, bytes]]:
        """Whether each whole picture that has come is a key frame, when it was captured, and itself."""
        try:
            while chunk := self._connection.recv(1 << 20):
                self._buffer += chunk
        except BlockingIOError:
            pass
        found = []
        while len(self._buffer) >= HEAD.size:
            head = RecordHead.read(self._buffer[: HEAD.size])
            assert head.kind is Kind.SAMPLE
            end = HEAD.size + head.length
            if len(self._buffer) < end:
                break
            found.append((head.key, head.boottime_ns, self._buffer[HEAD.size : end]))
            self._buffer = self._buffer[end:]
        return found

    def hang_up(self) -> None:
        self._connection.close()

    def close(self) -> None:
        self.tap.close()
        self._connection.close()
        self._listener.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(tmp_path / "live.sock")
    yield made
    made.close()


def test_a_stream_begins_at_the_newest_key_frame_and_every_picture_follows_at_once_and_signed(
    listener: Listener,
) -> None:
    rig = Rig()
    rig.give(5 * 6 + 3)
    rig.backlog.tap(listener.tap)
    first = listener.got()
    assert [key for key, _, _ in first] == [True, False, False]
    assert first[0][2].startswith(b"\0\0\0")
    signed = rig.signer.signed
    rig.give(4)
    follow = listener.got()
    assert [key for key, _, _ in follow] == [False, False, True, False]
    assert rig.signer.signed == signed + 4, "nothing waits unsigned while somebody looks"
    times = [time_ns for _, time_ns, _ in (*first, *follow)]
    assert times == sorted(set(times))


def test_a_clip_has_the_same_beside_a_stream_and_after_it(listener: Listener) -> None:
    rig, other = Rig(), Rig()
    for each in (rig, other):
        each.give(33)
    rig.backlog.tap(listener.tap)
    for each in (rig, other):
        each.give(20)
    listener.hang_up()
    for each in (rig, other):
        each.give(20)
    assert rig.press("a", 2) == other.press("a", 2)
    assert rig.ring_s == other.ring_s


def test_whoever_does_not_read_holds_nothing_up_and_misses_whole_groups(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 500_000)
    for number in range(100):
        assert listener.tap.take(Taken(SETS, number % 10 == 0, number, bytes(50_000)))
    got = listener.got()
    assert len(got) < 20
    for number in range(100, 120):
        assert listener.tap.take(Taken(SETS, number % 10 == 0, number, bytes(50_000)))
        got += listener.got()
    times = [time_ns for _, time_ns, _ in got]
    assert times[-1] == 119
    jumps = [after for before, after in pairwise(times) if after != before + 1]
    assert jumps
    assert all(after % 10 == 0 for after in jumps)
    assert all(len(content) == 50_000 + 16 * key for key, _, content in got)


def test_whoever_is_gone_gets_no_more(listener: Listener) -> None:
    assert listener.tap.take(Taken(SETS, True, 1, b"x"))
    listener.hang_up()
    assert not listener.tap.take(Taken(SETS, False, 2, b"x"))
    with pytest.raises(OSError, match="No such file"):
        SocketTap(Path("/nowhere/at/all"))
