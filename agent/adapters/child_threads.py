"""The threads of a process that the core has started for a camera: each repeats one step until the process ends."""

import logging
import threading
from collections.abc import Callable

from agent.core.errors import EdgeAgentError

_log = logging.getLogger(__name__)


class Ending:
    """Why the process ends: an orderly stop, or the first failure of any thread. Any thread."""

    def __init__(self) -> None:
        self.event = threading.Event()
        """Set when the process is to end."""
        self.asked = False
        """Whether the end is an orderly stop, or has become one."""
        self._lock = threading.Lock()
        self.failure: EdgeAgentError | None = None
        """The first failure; None if a stop came before it."""

    def stop(self) -> None:
        """End in an orderly way."""
        self.asked = True
        self.event.set()

    def fail(self, error: EdgeAgentError) -> None:
        """End with a failure; the first one is the reason that is reported."""
        with self._lock:
            if not self.event.is_set():
                self.failure = error
            self.event.set()

    def raise_failure(self) -> None:
        """Raise the failure, if it was one."""
        with self._lock:
            if self.failure is not None:
                raise self.failure


class Worker:
    """A named thread that calls `step` until the process ends; a step that raises ends the process."""

    def __init__(self, name: str, step: Callable[[], object], ending: Ending) -> None:
        self._step = step
        self._ending = ending
        # A daemon, because a step may be stuck in a driver or an inference when the process has to exit.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the current step to finish, but no longer than `timeout_s`."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while not self._ending.event.is_set():
                self._step()
        except EdgeAgentError as error:
            self._ending.fail(error)
        except Exception as error:  # noqa: BLE001 - it must end the process, and not only this thread
            _log.exception("thread %s failed", self._thread.name)
            self._ending.fail(EdgeAgentError(f"thread {self._thread.name} failed: {error!r}"))
