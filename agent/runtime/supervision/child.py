"""The core's end of a process that it has started, and the link to it, on which each line is a message.

`Child` is one process. `KeptChild` starts one again whenever it has failed, on a thread of its own.
"""

import logging
import os
import queue
import select
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Generic, TypeVar

from agent.core.delivery.backoff import Backoff
from agent.core.link_lines import LONGEST_LINE, LinkError, Message, encode
from agent.ports import Clock
from agent.runtime.supervision.supervisor import Supervisor

_CHUNK = 64 * 1024
_KILL_S = 5.0
_LAST_S = 1.0
_LAST_READS = 16
"""How often a killed process is read: more than its socket holds. A child of its own might write for ever."""
_MOST_BAD = 100
"""Lines in one read that are no messages: a process that writes more of them is ended."""
_START_PATIENCE_NS = 60 * 10**9
"""Until its first word: a small processor takes that long where everything starts at once."""
S = TypeVar("S")
T = TypeVar("T")
log = logging.getLogger(__name__)


class Child(Generic[T]):
    """One process at a time. `send` from any thread, the rest from one; the kernel ends a process with the thread that
    has started it."""

    def __init__(
        self, command: Sequence[str], called: str, decode: Callable[[bytes], T], name: str | None = None
    ) -> None:
        """`command` starts it; the number of its socket is appended. `decode` reads a line, and raises LinkError.
        `called` is what it is called where its camera is known, `name` where it is not: in the log."""
        self._command = list(command)
        self._called = called
        self._name = name or called
        self._decode = decode
        self.process: subprocess.Popen[bytes] | None = None
        self.socket: socket.socket | None = None
        """To wait for; None while there is no process."""
        self._lock = threading.Lock()
        self._in = self._out = b""
        self.is_over = False
        """Whether nothing more can come from it."""

    def start(self) -> None:
        """Start it. Raises OSError."""
        ours, theirs = socket.socketpair()
        try:
            words = [*self._command, str(theirs.fileno())]
            self.process = subprocess.Popen(  # a session of its own: `kill` ends what it has started too
                words, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, start_new_session=True
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        self._in = self._out = b""
        self.is_over, self.socket = False, ours

    def read(self) -> Iterator[T]:
        """Yield what has come, without waiting. Lines that are no messages are left out, and the log has the first of
        them; too many of them, or one without an end, count as the end of the link."""
        if self.socket is None or self.is_over:
            return
        try:
            data = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._in = (self._in + data).split(b"\n")
        self.is_over = not data or len(self._in) > LONGEST_LINE
        bad, first = 0, ""
        for line in lines:
            try:
                message = self._decode(line)
            except LinkError as error:
                bad, first = bad + 1, first or str(error)
                if bad > _MOST_BAD:
                    self.is_over = True
                    break
                continue
            yield message
        if bad:
            log.error("%s: %s%s", self._name, first, f", and {bad - 1} more" if bad > 1 else "")

    def send(self, message: Message) -> bool:
        """Write a message; what the socket does not take now follows. False if nobody reads it. Never blocks."""
        with self._lock:
            if self.is_deaf:
                return False
            self._out += encode(message)
            return self._write()

    def flush(self) -> None:
        """Write what still waits, as far as the socket takes it."""
        with self._lock:
            self._write()

    @property
    def waiting(self) -> int:
        """Bytes that the socket has not taken yet."""
        return len(self._out)

    @property
    def is_deaf(self) -> bool:
        """Whether more waits for it than any message is long."""
        return len(self._out) > LONGEST_LINE

    def how_it_ended(self, last: str = "") -> str:
        """Return in words how it has ended, once it has closed its link, and its `last` words."""
        assert self.process is not None
        try:
            code = self.process.wait(timeout=_LAST_S)
        except subprocess.TimeoutExpired:
            return f"{self._called} closed its link"
        how = f"was killed by signal {-code}" if code < 0 else f"ended ({code})"
        return f"{self._called} {how}" + (f" after: {last}" if last else "")

    def hang_up(self) -> None:
        """Have it read the end of the link. What it says is still read."""
        with suppress(OSError):
            if self.socket is not None:
                self.socket.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """Kill it with all that it has started, and wait for its end for some seconds."""
        if self.process is None:
            return
        with suppress(OSError):  # nothing is left of it; while anything is, the group's number is nobody else's
            os.killpg(self.process.pid, signal.SIGKILL)
        try:
            self.process.wait(_KILL_S)
        except subprocess.TimeoutExpired:
            log.error("%s is stuck in a driver or on disk I/O and can't be killed", self._name)  # noqa: TRY400

    def disconnect(self) -> None:
        """Close the link."""
        with self._lock:
            if self.socket is not None:
                self.socket.close()
            self.socket, self._out = None, b""

    def close(self) -> None:
        """Close the link, and kill the process if it is still there."""
        self.disconnect()
        self.kill()
        self.process = None

    def _write(self) -> bool:
        if self.socket is None:
            self._out = b""
            return False
        try:
            self._out = self._out[self.socket.send(self._out) :] if self._out else b""
        except BlockingIOError:
            pass
        except OSError:  # it has ended, which `read` finds
            self._out = b""
            return False
        return True


class KeptChild(ABC, Generic[T, S]):
    """A process that is started again when it fails. Any thread may `send`, `submit` and `respec`; the rest is for its
    own, or for whoever ends it. A failure is told by `_on_state`, and held against nobody else."""

    _thread: str
    """What its thread is called, before the camera's name."""
    _called: str
    """What the process is called where its camera is known."""
    _patience_ns: int
    """A process that has begun to work and says nothing for so long hangs."""
    _stop_s: float
    """How long it may take to end when it is asked to."""
    _respec_s = 0.0
    """How long it may go on with an old spec when there is another one."""
    _stop: Message
    """Asks it to end."""

    def __init__(
        self,
        camera: str,
        spec: S,
        command: Sequence[str],
        clock: Clock,
        decode: Callable[[bytes], T],
        backoff: Backoff | None = None,
    ) -> None:
        """`camera` is the camera's name; for the rest see Child."""
        self._camera = camera
        self._spec = spec
        self._new_spec: S | None = None
        self._clock = clock
        self._backoff = backoff or Backoff(longest_s=60.0)
        self._child = Child(command, self._called, decode, f"{self._called} of {camera}")
        self._jobs: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closing, self._left_s = False, 0.0
        self._heard_ns = self._retry_ns = 0
        self._works_since_ns: int | None = None
        """When it said that it works; None before that."""

    @contextmanager
    def running(self, supervisor: Supervisor) -> Iterator[None]:
        """Run on a thread of its own while entered, and then have the process end in an orderly way."""
        try:
            with supervisor.thread(f"{self._thread}-{self._camera}", self, essential=False, wake=self._ring):
                try:
                    yield
                finally:
                    self.finish()
        finally:
            self.close()

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        process = self._child.process
        return process.pid if process else None

    @property
    def is_running(self) -> bool:
        """Whether there is a process to talk to."""
        return self._child.socket is not None

    def respec(self, spec: S) -> None:
        """Have the process started again with this spec, unless it is what it has. Any thread."""
        self._new_spec = spec
        self._ring()

    def submit(self, job: Callable[[], object]) -> None:
        """Have the thread do this soon. Never blocks. Any thread."""
        self._jobs.put(job)
        self._ring()

    def send(self, message: Message) -> bool:
        """Send a message; false without a process: then it goes nowhere. Never blocks. Any thread."""
        return self._child.send(message)

    def run_once(self, timeout_s: float) -> None:
        """Do what was submitted, listen for at most `timeout_s`, and start the process when it is time."""
        self._do_jobs()
        now_ns = self._clock.boottime_ns()
        if not self._closing:
            self._renew(now_ns)
        if not self.is_running and not self._closing and now_ns >= self._retry_ns and self._may_run():
            self._start(now_ns)
        if not self._closing:
            self._tick()
        self._wait(timeout_s)
        if self.is_running and (why := self._trouble(self._clock.boottime_ns())):
            self._fail(f"{self._called} {why}")

    def leave(self) -> None:
        """Ask the process to end, after what was submitted. Any thread."""
        if not self._closing:
            self._closing, self._left_s = True, time.monotonic()
            self.submit(partial(self.send, self._stop))

    def finish(self) -> None:
        """Ask the process to end, and wait for it, but not longer than it may take since it was asked first. From
        another thread, while its own still runs: the kernel kills the process with that."""
        self.leave()
        process = self._child.process
        if process is not None:
            left_s = max(0, self._left_s + self._stop_s - time.monotonic())
            try:
                process.wait(left_s)
            except subprocess.TimeoutExpired:
                if left_s:  # else it has been said
                    log.warning("%s of %s did not stop and is killed", self._called, self._camera)

    def close(self) -> None:
        """End the process, first by asking, then by force. After the thread has ended."""
        self.leave()
        try:
            self._do_jobs()
            self.finish()
        finally:
            self._end()
            with suppress(OSError):
                os.close(self._wake)
            self._wake = -1

    # --- what each is

    @abstractmethod
    def _first(self) -> Message:
        """Return the first line to a new process."""

    def _begun(self) -> None:
        """A new process has been started and told its first line."""

    @abstractmethod
    def _hear(self, message: T) -> None:
        """Take what it says."""

    @abstractmethod
    def _on_state(self, works: bool, detail: str) -> None:
        """Report that it works, or why not."""

    def _tick(self) -> None:
        """Time passes."""

    def _may_run(self) -> bool:
        return True

    def _is_stuck(self) -> str:
        """Return what a process no longer does that says it works; empty if nothing."""
        return ""

    def _last_words(self) -> str:
        """Return what it said of itself last, for whoever reads how it ended."""
        return ""

    def _how_it_ended(self) -> str:
        return self._child.how_it_ended(self._last_words())

    def _renew(self, now_ns: int) -> None:
        """Take the new spec, if it is another one."""
        if self._new_spec is None:
            return
        spec, self._new_spec = self._new_spec, None
        if spec != self._spec:
            self._end(self._respec_s)  # its last words are still about the old one
            self._spec, self._retry_ns = spec, now_ns

    def _ended(self) -> None:
        """The process is no more."""

    # --- its life

    def _trouble(self, now_ns: int) -> str:
        patience_ns = _START_PATIENCE_NS if self._works_since_ns is None else self._patience_ns
        if now_ns - self._heard_ns > patience_ns:
            return "does not answer"
        return "does not read" if self._child.is_deaf else self._is_stuck()

    def _do_jobs(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()()

    def _ring(self) -> None:
        with suppress(OSError):  # it is closed: nobody waits any more
            os.eventfd_write(self._wake, 1)

    def _wait(self, timeout_s: float) -> None:
        ours = self._child.socket
        sockets = [] if ours is None else [ours]
        reads: list[int | socket.socket] = [self._wake, *sockets]
        ready, writable, _ = select.select(reads, sockets if self._child.waiting else [], [], timeout_s)
        if self._wake in ready:
            os.eventfd_read(self._wake)
        if writable:
            self._child.flush()
        if ours in ready and not self._read():
            self._fail(self._how_it_ended())

    def _read(self) -> bool:
        for message in self._child.read():
            self._heard_ns = self._clock.boottime_ns()
            self._hear(message)
        return not self._child.is_over

    def _start(self, now_ns: int) -> None:
        self._works_since_ns = None
        try:
            self._child.start()
        except OSError as error:
            self._retry_later(f"{self._called} can't be started: {error}")
            return
        self._heard_ns = now_ns
        self._child.send(self._first())
        self._begun()

    def _fail(self, detail: str) -> None:
        self._end()
        if not self._closing:
            self._retry_later(detail)

    def _retry_later(self, detail: str) -> None:
        now_ns = self._clock.boottime_ns()
        since_ns, self._works_since_ns = self._works_since_ns, None
        delay_s = self._backoff.failed(0.0 if since_ns is None else (now_ns - since_ns) / 1e9)
        self._retry_ns = now_ns + int(delay_s * 1e9)
        self._on_state(False, f"{detail}; next try in {delay_s:.0f} s")

    def _end(self, patience_s: float = 0.0) -> None:
        """End the process: at once, or in an orderly way if it does that soon."""
        process = self._child.process
        if process is not None:
            if patience_s and self.send(self._stop):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(patience_s)
            self._child.kill()
            for _ in range(_LAST_READS):
                if self._child.is_over or not self._has_more() or not self._read():
                    break
        self._child.close()
        self._ended()

    def _has_more(self) -> bool:
        ours = self._child.socket
        return ours is not None and bool(select.select([ours], [], [], 0)[0])
