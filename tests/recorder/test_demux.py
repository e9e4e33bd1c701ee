"""When pictures of a network stream are sent on."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from agent.adapters.av_demuxer import StreamUnit
from agent.core.camera.units import HEAD, Kind, RecordHead, units_of
from agent.recorder import demux
from tests.support.recording import encoded

SECOND = 1_000_000_000


@dataclass
class Shown:
    """A packet that arrives after so many seconds."""

    arrives_s: float
    pts: int | None
    is_keyframe: bool
    unit: bytes

    def __bytes__(self) -> bytes:
        return self.unit


class Stream:
    """A stream that ends after these packets."""

    width, height, parameters = 64, 48, b""

    def __init__(self, packets: list[Shown]) -> None:
        self._packets = packets
        self.now_ns = 0

    def packets(self) -> Iterator[Shown]:
        for packet in self._packets:
            self.now_ns = SECOND + round(packet.arrives_s * SECOND)
            yield packet

    def unit(self, packet: Shown) -> StreamUnit:
        return StreamUnit(bytes(packet), None if packet.pts is None else packet.pts * SECOND // 5)


def sent_together(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> list[list[bytes]]:
    """The units of each record."""
    monkeypatch.setattr(demux, "AvDemuxer", lambda _address: stream)
    monkeypatch.setattr(demux, "_boottime_ns", lambda: stream.now_ns)
    near, far = socket.socketpair()
    with far, near:
        demux.send(near, "yard", "rtsp://camera/")
        near.shutdown(socket.SHUT_WR)
        content = b"".join(iter(lambda: far.recv(1 << 16), b""))
        far.shutdown(socket.SHUT_WR)
        for thread in threading.enumerate():
            if thread.name == "asked":  # it reads the socket, which must stay open until then
                thread.join(5)
    groups = []
    while content:
        record = RecordHead.read(content[: HEAD.size])
        payload, content = content[HEAD.size :][: record.length], content[HEAD.size + record.length :]
        if record.kind is Kind.UNITS:
            groups.append([bytes(unit) for _, unit in units_of(memoryview(payload))])
    return groups


def test_a_group_is_not_divided_before_a_picture_that_is_shown_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    units = [unit for unit, _ in encoded(5)]
    arrivals = [(0.0, 0), (0.1, 2), (0.2, None), (1.3, 1), (1.4, 3)]
    packets = [Shown(at, pts, pts == 0, unit) for (at, pts), unit in zip(arrivals, units, strict=True)]

    assert sent_together(Stream(packets), monkeypatch) == [units[:4], units[4:]]
