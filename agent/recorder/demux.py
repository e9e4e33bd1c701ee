"""A recorder's child: reads one network stream and sends its H.264: `python -m agent.recorder.demux --fd N`."""

import argparse
import json
import os
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from agent.adapters.av_demuxer import AvDemuxer, StreamUnit
from agent.adapters.child_process import die_with_parent, give_way, leave_signals_to_the_core
from agent.core.camera.stream_clock import StreamClock
from agent.core.camera.units import Kind, StreamHeader, head, trouble
from agent.core.errors import CameraError
from agent.evidence.h264 import Kind as Nal
from agent.evidence.h264 import units
from agent.evidence.parameter_sets import is_b

_boottime_ns = partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)
_MOST_REORDERED_NS = 2_000_000_000
_TOGETHER_NS = 200_000_000
"""Units are sent a few at a time: to wake both processes for each takes twice the processor."""


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
        _send_units(connection, demuxer.units())
    except CameraError as error:
        connection.sendall(trouble(str(error)))


def _send_units(connection: socket.socket, stream: Iterable[StreamUnit]) -> None:
    times = UnitTimes()
    arrived: list[tuple[StreamUnit, int]] = []

    def send_arrived() -> None:
        parts = [(times.stamp(unit, arrival_ns), unit.content) for unit, arrival_ns in arrived]
        arrived.clear()
        connection.sendall(b"".join(head(Kind.UNIT, len(unit), time_ns) + unit for time_ns, unit in parts))

    try:
        for unit in stream:
            arrived.append((unit, _boottime_ns()))
            if arrived[-1][1] - arrived[0][1] >= _TOGETHER_NS:
                send_arrived()
    finally:
        send_arrived()


def _comes_early(access_unit: bytes) -> bool:
    first = next((unit for unit in units(access_unit) if unit.kind is Nal.PICTURE), None)
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
