"""Writing to a pipe that nobody reads, and to one that is read again."""

import os
import threading
from collections.abc import Iterator

import pytest

from agent.runtime.supervision.log_stream import LogStream
from tests.support.wait import wait_for

LINE = "x" * 1000 + "\n"
MOST = 200
"""Lines that wait at most: more than a pipe of 64 KiB takes."""


class Pipe:
    """Both ends, and what was read."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self._read = b""

    def text(self) -> str:
        """All that has come so far."""
        try:
            while piece := os.read(self.reader, 1 << 20):
                self._read += piece
        except BlockingIOError:
            pass
        return self._read.decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.reader)
    os.close(pipe.writer)


@pytest.fixture
def stream(pipe: Pipe) -> Iterator[LogStream]:
    stream = LogStream(pipe.writer, MOST)
    stream.start()
    yield stream
    wait_for(lambda: pipe.text() is None or stream.is_idle, what="a stream that has written all")
    stream.stop()


def test_lines_come_out_in_their_order(pipe: Pipe, stream: LogStream) -> None:
    for number in range(100):
        stream.write(f"{number}\n")
    stream.flush()
    assert pipe.text().split() == [str(number) for number in range(100)]


def test_nobody_waits_for_a_pipe_that_is_not_read_and_what_was_dropped_is_told(pipe: Pipe, stream: LogStream) -> None:
    for _ in range(10 * MOST):
        stream.write(LINE)
    wait_for(lambda: "lines were dropped" in pipe.text(), what="a word on what was dropped")
    kept = pipe.text().count(LINE)
    assert MOST <= kept < 5 * MOST
    assert f"WARNING log: {10 * MOST - kept} lines were dropped" in pipe.text()
    stream.write("after it\n")
    wait_for(lambda: pipe.text().endswith("after it\n"))
    assert pipe.text().count("dropped") == 1


def test_a_flush_gives_up_on_a_reader_who_has_gone_and_does_not_wait_for_him_again(
    pipe: Pipe, stream: LogStream
) -> None:
    for _ in range(MOST):
        stream.write(LINE)

    def flush_often() -> None:
        for _ in range(1000):
            stream.flush()

    flusher = threading.Thread(target=flush_often)
    flusher.start()
    flusher.join(30)
    assert not flusher.is_alive()


def test_a_pipe_that_does_not_block_loses_nothing(pipe: Pipe, stream: LogStream) -> None:
    os.set_blocking(pipe.writer, False)
    for _ in range(MOST):
        stream.write(LINE)
    wait_for(lambda: pipe.text() == LINE * MOST, what="every line")


def test_a_pipe_whose_reader_has_closed_it_is_written_to_in_vain() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = LogStream(writer)
    stream.start()
    stream.write(LINE)
    stream.stop()
    os.close(writer)


def test_what_is_no_text_is_written_all_the_same(pipe: Pipe, stream: LogStream) -> None:
    stream.write("caf\udce9\n")
    stream.flush()
    assert pipe.text() == "caf\\udce9\n"
