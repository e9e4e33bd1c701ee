"""Owns the threads: starts them by name, notices when one ends, stops them in reverse."""

import logging
import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

log = logging.getLogger(__name__)

_PASS_S = 0.5
"""The longest that a pass may wait for work; a stop is noticed within this time."""


class Worker(Protocol):
    """A part with a thread of its own."""

    def run_once(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` for work and do it."""
        ...


class HasPulse(Protocol):
    """The owner of a thread that the supervisor does not own."""

    def pulse(self) -> int | None:
        """Return a counter that stands still when the thread hangs; None while there is no such thread. Any thread."""
        ...


class SupervisedThread:
    """One worker's thread. `start` and `stop` from the main thread."""

    def __init__(
        self,
        name: str,
        worker: Worker,
        on_end: Callable[[], None],
        *,
        essential: bool = True,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` ends the worker's wait for work, so that a stop need not wait for the end of its pass."""
        self.name = name
        self._wake = wake
        self.essential = essential
        """Whether a press needs it. Only then does its end stop the program, and its standstill starve the watchdog."""
        self._worker = worker
        self._on_end = on_end
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.passes = 0
        """Completed passes; the number stands still when the part hangs."""
        self.error: BaseException | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Ask the worker to end after its pass, and wait for it; returns whether it did."""
        self._stop.set()
        self._wake()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.error("the thread %s did not stop within %g s", self.name, timeout_s)
            return False
        return True

    @property
    def ended_unasked(self) -> bool:
        """Whether it failed, or returned without being asked to."""
        return self.error is not None or not (self._thread.is_alive() or self._stop.is_set())

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._worker.run_once(_PASS_S)
                self.passes += 1
        except BaseException as error:
            self.error = error
            log.exception("the thread %s failed", self.name)
        finally:
            self._on_end()


class Wake:
    """Ends a wait. `set` from any thread and, unlike an Event's, from a signal handler: it takes no lock that the
    interrupted code may hold."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """End the wait that is under way, or the next one."""
        self._calls.put(None)

    def wait(self, timeout_s: float) -> bool:
        """Wait for `set`, at most `timeout_s`; returns whether it came."""
        try:
            self._calls.get(timeout=timeout_s)
        except queue.Empty:
            return False
        return True


class Supervisor:
    """Every thread of the core. An essential one that ends unasked ends the program."""

    def __init__(self) -> None:
        self.wake = Wake()
        """Set when the main loop should look: a thread has ended, or a signal has come."""
        self._threads: list[SupervisedThread] = []
        self._pulses: dict[str, HasPulse] = {}
        self._other_pulses: dict[str, HasPulse] = {}
        self.has_stuck = False
        """Whether a thread did not stop when it was asked to."""

    def add_pulse(self, name: str, owner: HasPulse, *, essential: bool = True) -> None:
        """Watch the thread of that name, which `owner` owns; `essential` as for the others. Call it before the main
        loop."""
        (self._pulses if essential else self._other_pulses)[name] = owner

    def thread(
        self,
        name: str,
        worker: Worker,
        *,
        essential: bool = True,
        wake: Callable[[], None] = lambda: None,
        patience_s: float = 5.0,
    ) -> "_Running":
        """Return a context that runs `worker` on a thread of that name while it is entered.

        Its end calls `wake`, which ends the worker's wait for work, and waits for the thread, at most `patience_s`.
        """
        thread = SupervisedThread(name, worker, self.wake.set, essential=essential, wake=wake)
        return _Running(self, thread, patience_s)

    def failed(self) -> SupervisedThread | None:
        """Return the first essential thread that ended unasked, or None."""
        return next((thread for thread in self._threads if thread.essential and thread.ended_unasked), None)

    def lost(self) -> list[str]:
        """Return the names of the other threads that ended unasked: the program goes on without them."""
        return [thread.name for thread in self._threads if not thread.essential and thread.ended_unasked]

    def passes(self) -> dict[str, int | None]:
        """Return the completed passes of each essential thread, for the watchdog; None for one that is not there."""
        passes: dict[str, int | None] = {each.name: each.passes for each in self._threads if each.essential}
        return passes | {name: owner.pulse() for name, owner in self._pulses.items()}

    def other_passes(self) -> dict[str, int | None]:
        """Return the completed passes of each of the other threads; None for one that is not there."""
        passes: dict[str, int | None] = {each.name: each.passes for each in self._threads if not each.essential}
        return passes | {name: owner.pulse() for name, owner in self._other_pulses.items()}

    def add(self, thread: SupervisedThread) -> None:
        """Watch this thread from now on."""
        self._threads.append(thread)

    def remove(self, thread: SupervisedThread) -> None:
        """Watch it no longer."""
        self._threads.remove(thread)


class _Running:
    def __init__(self, supervisor: Supervisor, thread: SupervisedThread, patience_s: float) -> None:
        self._supervisor = supervisor
        self._thread = thread
        self._patience_s = patience_s

    def __enter__(self) -> None:
        self._supervisor.add(self._thread)
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._supervisor.has_stuck |= not self._thread.stop(self._patience_s)
        self._supervisor.remove(self._thread)
