"""The thread `recorder-NAME`: starts the recorder of one camera, listens to it, and starts it again when it fails.

Nobody waits for a recorder. What others want of it is queued, and written when its socket takes it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from agent.core.camera.recorder_link import (
    AboutClips,
    FromRecorder,
    RecorderSpec,
    RecorderState,
    StartRecorder,
    StopRecorder,
    decode_for_core,
)
from agent.core.delivery.backoff import Backoff
from agent.ports import Clock
from agent.runtime.supervision.child import KeptChild

_PATIENCE_NS = 20 * 10**9
"""A recorder that says nothing for so long hangs; so long it may also wait for its first picture."""


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


class RecorderLink(KeptChild[FromRecorder, RecorderSpec]):
    """One recorder. `submit` and `respec` from any thread, the rest from its own. A new spec is taken once the recorder
    has closed its clips."""

    _thread, _called = "recorder", "the recorder"
    _patience_ns = _PATIENCE_NS
    _stop_s = _respec_s = 5.0
    _stop = StopRecorder()

    def __init__(
        self, spec: RecorderSpec, command: Sequence[str], clock: Clock, backoff: Backoff | None = None
    ) -> None:
        """`command` starts the process; the number of its socket is appended."""
        super().__init__(spec.camera, spec, command, clock, decode_for_core, backoff)
        self._callbacks: RecorderCallbacks  # from `listen` on
        self._started_ns = 0
        self._hung = ""
        """The encoder that has hung."""
        self.state: RecorderState | None = None
        """The last report of a running process; None without one. Any thread may read it."""

    def listen(self, callbacks: RecorderCallbacks) -> None:
        """Report to these. Before the thread runs."""
        self._callbacks = callbacks

    @property
    def camera(self) -> str:
        """The camera's name."""
        return self._spec.camera

    @property
    def is_fed(self) -> bool:
        """Whether its pictures come from the camera process."""
        return self._spec.is_fed

    @property
    def works(self) -> bool:
        """Whether the camera is being recorded now. Any thread."""
        state = self.state
        return state is not None and state.state == "ok"

    def _first(self) -> StartRecorder:
        self._started_ns = self._clock.boottime_ns()
        return StartRecorder(spec=replace(self._spec, hung=self._hung))

    def _begun(self) -> None:
        self._callbacks.on_start()

    def _tick(self) -> None:
        self._callbacks.tick(self._clock.boottime_ns())

    def _hear(self, message: FromRecorder) -> None:
        if not isinstance(message, RecorderState):
            self._callbacks.on_clip(message)
            return
        self.state = message
        self._hung = message.hangs or self._hung
        if self._works_since_ns is None:
            self._works_since_ns = self._heard_ns
        is_new = message.pictures == 0 and self._heard_ns - self._started_ns < _PATIENCE_NS
        if message.state == "ok" or not is_new:
            detail = message.detail or message.card or message.trouble
            self._on_state(message.state == "ok" and not message.card and not message.trouble, detail)

    def _on_state(self, works: bool, detail: str) -> None:
        self._callbacks.on_state(works, detail)

    def _last_words(self) -> str:
        return "" if self.state is None else self.state.detail or self.state.card

    def _ended(self) -> None:
        self.state = None
