"""The thread `recorder-NAME`: starts the recorder of one camera, listens to it, and starts it again when it fails.

Nobody waits for a recorder. What others want of it is queued, and written when its socket takes it.
"""

import logging
import os
import queue
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

from agent.core.camera.recorder_link import (
    AboutClips,
    RecorderSpec,
    RecorderState,
    StartRecorder,
    StopRecorder,
    ToRecorder,
    decode_for_core,
)
from agent.core.delivery.backoff import Backoff
from agent.core.link_lines import LONGEST_LINE, LinkError, encode
from agent.ports import Clock
from agent.runtime.supervision import child
from agent.runtime.supervision.supervisor import Supervisor

_PATIENCE_NS = 20 * 10**9
"""A recorder that says nothing for so long hangs; so long it may also wait for its first picture."""
_START_PATIENCE_NS = 60 * 10**9
"""Until its first word: a small processor takes that long where everything starts at once."""
_STOP_S = 5.0

log = logging.getLogger(__name__)


class RecorderCallbacks(Protocol):
    """Hears what a recorder reports. All on the link's own thread."""

    def on_state(self, works: bool, detail: str) -> None:
        """The camera is being recorded, or is not and `detail` says why."""

    def on_start(self) -> None:
        """A new process has been started, and knows of no clip."""

    def on_clip(self, message: AboutClips) -> None:
        """Something became of a clip."""

    def tick(self, now_ns: int) -> None:
        """Time passes."""


class RecorderLink:
    """One recorder. `submit` and `respec` from any thread, the rest from its own."""

    def __init__(
        self, spec: RecorderSpec, command: Sequence[str], clock: Clock, backoff: Backoff | None = None
    ) -> None:
        """`command` starts the process; the number of its socket is appended."""
        self._spec = spec
        self._new_spec: RecorderSpec | None = None
        self._command = list(command)
        self._clock = clock
        self._callbacks: RecorderCallbacks  # from `listen` on
        self._backoff = backoff or Backoff(longest_s=60.0)
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._lines = child.Lines(LONGEST_LINE)
        self._out = b""
        self._closing, self._left_s = False, 0.0
        self._started_ns = self._heard_ns = self._retry_ns = 0
        self.state: RecorderState | None = None
        """The last report of a running process; None without one. Any thread may read it."""

    def listen(self, callbacks: RecorderCallbacks) -> None:
        """Report to these. Before the thread runs."""
        self._callbacks = callbacks

    @contextmanager
    def running(self, supervisor: Supervisor) -> Iterator[None]:
        """Run on a thread of its own while entered, and then let the recorder close its clips and end."""
        try:
            with supervisor.thread(f"recorder-{self.camera}", self, essential=False, wake=self._ring):
                try:
                    yield
                finally:
                    self.finish()
        finally:
            self.close()

    @property
    def camera(self) -> str:
        """The camera's name."""
        return self._spec.camera

    @property
    def is_fed(self) -> bool:
        """Whether its pictures come from the camera process."""
        return self._spec.is_fed

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        return self._process.pid if self._process else None

    @property
    def works(self) -> bool:
        """Whether the camera is being recorded now. Any thread."""
        state = self.state
        return state is not None and state.state == "ok"

    @property
    def is_running(self) -> bool:
        """Whether there is a process to talk to."""
        return self._socket is not None

    def respec(self, spec: RecorderSpec) -> None:
        """Have the recorder started anew with this spec, unless it is what it has. Any thread."""
        self._new_spec = spec

    def submit(self, job: Callable[[], None]) -> None:
        """Have the link's thread do this soon. Never blocks. Any thread."""
        self._jobs.put(job)
        self._ring()

    def send(self, message: ToRecorder) -> None:
        """Write a message as soon as the socket takes it; without a process it goes nowhere."""
        if self._socket is not None:
            self._out += encode(message)
            self._flush()

    def run_once(self, timeout_s: float) -> None:
        """Do what was submitted, listen for at most `timeout_s`, and start the process when it is time."""
        with suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()()
        now_ns = self._clock.boottime_ns()
        if self._new_spec is not None:
            self._renew()
        if self._socket is None:
            if not self._closing and now_ns >= self._retry_ns:
                self._start(now_ns)
        elif now_ns - self._heard_ns > (_START_PATIENCE_NS if self.state is None else _PATIENCE_NS):
            self._fail("the recorder does not answer")
        if not self._closing:
            self._callbacks.tick(now_ns)
        self._wait(timeout_s)

    def leave(self) -> None:
        """Ask the process to end. From another thread, while the link's own still runs."""
        if not self._closing:
            self._closing, self._left_s = True, time.monotonic()
            self.submit(lambda: self.send(StopRecorder()))

    def finish(self) -> None:
        """Ask the process to end, and wait until it has, or for so long since it was asked first."""
        self.leave()
        process = self._process
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0, self._left_s + _STOP_S - time.monotonic()))

    def close(self) -> None:
        """End the process. After the thread has ended."""
        self._closing = True
        self._reap()
        with suppress(OSError):
            os.close(self._wake)
        self._wake = -1

    def _ring(self) -> None:
        with suppress(OSError):  # it is closed: nobody waits any more
            os.eventfd_write(self._wake, 1)

    def _wait(self, timeout_s: float) -> None:
        sockets = [] if self._socket is None else [self._socket]
        reads: list[int | socket.socket] = [self._wake, *sockets]
        ready, writable, _ = select.select(reads, sockets if self._out else [], [], timeout_s)
        if self._wake in ready:
            os.eventfd_read(self._wake)
        if writable:
            self._flush()
        if self._socket in ready and not self._read():
            self._fail(self._how_it_ended())

    def _renew(self) -> None:
        spec, self._new_spec = self._new_spec, None
        if spec is not None and spec != self._spec:
            self._spec, self._retry_ns = spec, 0
            self._reap(StopRecorder())

    def _start(self, now_ns: int) -> None:
        try:
            self._process, self._socket = child.start(self._command)
        except OSError as error:
            self._retry_later(f"the recorder can't be started: {error}")
            return
        self._lines, self._out = child.Lines(LONGEST_LINE), b""
        self._started_ns = self._heard_ns = now_ns
        self.send(StartRecorder(spec=self._spec))
        self._callbacks.on_start()

    def _flush(self) -> None:
        assert self._socket is not None
        try:
            self._out = self._out[self._socket.send(self._out) :]
        except BlockingIOError:
            pass
        except OSError:
            self._out = b""  # it has ended, which `_read` finds
        if len(self._out) > LONGEST_LINE:
            self._fail("the recorder does not read")

    def _read(self) -> bool:
        assert self._socket is not None
        for line in self._lines.read(self._socket):
            try:
                message = decode_for_core(line)
            except LinkError as error:
                log.error("%s: %s", self.camera, error)  # noqa: TRY400 - one line is enough
                continue
            self._heard_ns = self._clock.boottime_ns()
            if isinstance(message, RecorderState):
                self._hear(message)
            else:
                self._callbacks.on_clip(message)
        return not self._lines.is_over

    def _hear(self, state: RecorderState) -> None:
        self.state = state
        is_new = state.pictures == 0 and self._heard_ns - self._started_ns < _PATIENCE_NS
        if state.state == "ok" or not is_new:
            self._callbacks.on_state(state.state == "ok" and not state.card, state.detail or state.card)

    def _how_it_ended(self) -> str:
        assert self._process is not None
        said = "" if self.state is None else self.state.detail or self.state.card
        return child.how_it_ended(self._process, "the recorder", said)

    def _fail(self, detail: str) -> None:
        self._reap()
        if not self._closing:
            self._retry_later(detail)

    def _retry_later(self, detail: str) -> None:
        now_ns = self._clock.boottime_ns()
        delay_s = self._backoff.failed((now_ns - self._started_ns) / 1e9)
        self._retry_ns = now_ns + int(delay_s * 1e9)
        self._callbacks.on_state(False, f"{detail}; next try in {delay_s:.0f} s")

    def _reap(self, last: ToRecorder | None = None) -> None:
        """End the process: at once, or, with a last message, in an orderly way if it does that soon."""
        process, self._process = self._process, None
        if self._socket is not None:
            if last is not None and process is not None:
                self.send(last)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_STOP_S)
            with suppress(ValueError, OSError):
                while self._socket is not None and select.select([self._socket], [], [], 0)[0] and self._read():
                    pass  # its last words
            if self._socket is not None:
                self._socket.close()
        self._socket, self.state = None, None
        if process is not None:
            child.kill(process, f"the recorder of {self.camera}")
