"""A recorder's child: reads one network stream and sends its H.264: `python -m agent.recorder.demux --fd N`."""

import argparse
import json
import os
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Protocol

from agent.adapters.av_demuxer import AvDemuxer, Packet, StreamUnit
from agent.adapters.child_process import die_with_parent, give_way, leave_signals_to_the_core
from agent.core.camera.stream_clock import StreamClock
from agent.core.camera.units import IT_IS_SILENT, StreamHeader, trouble, units_record
from agent.core.errors import CameraError
from agent.trust.evidence.h264 import begins_group, first_picture
from agent.trust.evidence.parameter_sets import is_b

_boottime_ns = partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)
_MOST_REORDERED_NS = 2_000_000_000
_LONGEST_NS = 1_200_000_000


class Packets(Protocol):
    """A stream: AvDemuxer."""

    def packets(self) -> Iterable[Packet]:
        """Yield what comes. Raises CameraError when it ends."""
        ...

    def unit(self, packet: Packet) -> StreamUnit:
        """Return its access unit."""
        ...


class UnitTimes:
    """Tells when each access unit was captured, also when pictures come out of order."""

    def __init__(self) -> None:
        self._clock = StreamClock()
        self._newest: tuple[int, int] | None = None
        """Of the latest picture: when it is shown by the stream's clock, and when it was captured."""

    def stamp(self, unit: StreamUnit, arrival_ns: int) -> int:
        """Return the capture time on the boot clock."""
        shown_ns = unit.presentation_ns
        if self._newest is not None and shown_ns is not None:
            ahead_ns = self._newest[0] - shown_ns
            if 0 < ahead_ns <= _MOST_REORDERED_NS and _comes_early(unit.content):
                return self._newest[1] - ahead_ns
        captured_ns = self._clock.stamp(shown_ns, arrival_ns)
        if shown_ns is not None:
            self._newest = (shown_ns, captured_ns)
        return captured_ns


def send(connection: socket.socket, camera: str, address: str) -> None:
    """Send what the stream gives, and at the end why. Raises OSError when nobody reads it."""
    try:
        demuxer = AvDemuxer(address)
        header = StreamHeader(
            codec="h264",
            camera=camera,
            width=max(demuxer.width, 2),
            height=max(demuxer.height, 2),
            masked=False,
            parameters=demuxer.parameters,
        )
        connection.sendall(header.record())
        _send_units(connection, demuxer)
    except CameraError as error:
        connection.sendall(trouble(str(error)))


class _Sender:
    """Sends a group of pictures when it is complete, or what there is of it after a second, or when asked.

    As little as possible is done for each picture by itself: that costs several times as much as in one go.
    """

    def __init__(self, connection: socket.socket, demuxer: Packets) -> None:
        self._connection = connection
        self._unit_of = demuxer.unit
        self._times = UnitTimes()
        self._waiting: list[tuple[Packet, int]] = []
        self._begin_ns = 0
        """When the first of them was captured, if that is known."""
        self._reorders = False
        self._lock = threading.Lock()

    def take(self, packet: Packet) -> None:
        """Take what has come now."""
        now_ns = _boottime_ns()
        with self._lock:
            if self._waiting and (packet.is_keyframe or now_ns - self._waiting[0][1] >= _LONGEST_NS):
                self._send(packet, now_ns)
            self._waiting.append((packet, now_ns))

    def send(self) -> None:
        """Send what there is."""
        with self._lock:
            self._send(None, 0)

    def send_when_asked(self) -> None:
        """Do so for each byte that comes, until the other end is gone. Not in a stream that goes on, and has pictures
        out of order: one that is still to come may be shown before one that waits."""
        while why := self._connection.recv(1):
            if why == IT_IS_SILENT or not self._reorders:
                self.send()

    def _send(self, following: Packet | None, now_ns: int) -> None:
        """Send, unless the following one is shown before one that waits: it belongs to them."""
        after = None if following is None or following.is_keyframe else following.pts
        if after is not None and any(each.pts is not None and each.pts > after for each, _ in self._waiting):
            return
        shown = [packet.pts or 0 for packet, _ in self._waiting]
        self._reorders |= shown != sorted(shown)
        units = [(self._unit_of(packet), arrival_ns) for packet, arrival_ns in self._waiting]
        begin_ns, self._begin_ns = self._begin_ns, 0
        stamped = [
            (begin_ns if begin_ns and not at else self._times.stamp(*each), each[0].content)
            for at, each in enumerate(units)
        ]
        self._waiting = []
        if following is not None:
            self._begin_ns = self._times.stamp(self._unit_of(following), now_ns)
        if stamped:
            self._connection.sendall(units_record(stamped, begins_group(stamped[0][1]), self._begin_ns))


def _send_units(connection: socket.socket, demuxer: Packets) -> None:
    sender = _Sender(connection, demuxer)
    threading.Thread(target=sender.send_when_asked, name="asked", daemon=True).start()
    try:
        for packet in demuxer.packets():
            sender.take(packet)
    finally:
        sender.send()


def _comes_early(access_unit: bytes) -> bool:
    first = first_picture(access_unit)
    return first is not None and is_b(first)


def main() -> None:
    """Read the first line from the socket, which names camera and address, and go on until somebody ends it."""
    parser = argparse.ArgumentParser(prog="python -m agent.recorder.demux", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the inherited socket to the recorder")
    leave_signals_to_the_core()
    die_with_parent()
    give_way()
    with socket.socket(fileno=parser.parse_args().fd) as connection:
        line = b""
        while not line.endswith(b"\n"):
            line += connection.recv(1)
        told = json.loads(line)
        with suppress(OSError):  # the recorder is gone
            send(connection, told["camera"], told["address"])


if __name__ == "__main__":
    main()
    os._exit(0)  # a driver or a library may have threads that hang
