"""What becomes of the reports of a camera process."""

from collections.abc import Callable, Mapping, Sequence

from agent.contract.camera_events import CameraEventData, EventName, LineCrossedData
from agent.core.camera.link import Aim
from agent.core.camera.vision_spec import VisionSpec
from agent.runtime.cameras.cameras import Cameras, View
from agent.runtime.cameras.line_counts import LineCounts
from agent.runtime.live.live_view import LiveView
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.data_use import DataUse


class Reports:
    """Passes the reports of one camera process to the parts that they concern: see `CameraCallbacks`."""

    def __init__(
        self,
        camera: str,
        model: str,
        lines: Sequence[str],
        context: Context,
        order_done: Callable[[str, bool, str], None],
        cameras: Cameras,
        recordings: Recordings,
        live: LiveView,
        data: DataUse,
        kept: Mapping[str, str],
    ) -> None:
        """`order_done` hears that a picture has been made, with its id, or that there is none, and why. `kept` is what
        `LineCounts` have kept."""
        self._name, self._model = camera, model
        self._reporter = context.reporter
        self._board = context.board
        self._security = context.security
        self._order_done = order_done
        self._cameras = cameras
        self._recordings = recordings
        self._live = live
        self._data = data
        self._spared = ""
        """The picture of the newest event, if it does not leave."""
        self._other_model = ""
        self._counts = LineCounts(camera, [*lines], kept, reporter=context.reporter, clock=context.clock)

    def on_respec(self, spec: VisionSpec) -> None:
        """See CameraCallbacks."""
        self._counts.use([line.name for line in spec.lines])

    def on_event(self, event: EventName, data: CameraEventData) -> None:
        """See CameraCallbacks."""
        if data.snapshot is not None and self._data.is_used_up:
            self._spared, data = data.snapshot, data.model_copy(update={"snapshot": None})
        draft = self._reporter.make.camera_event(event, data)
        if isinstance(data, LineCrossedData):
            self._counts.crossed(draft, data)
        else:
            self._reporter.publish(draft)
        self._recordings.camera_event(event, data)

    def on_picture(self, picture_id: str, jpeg: bytes | None, detail: str, aim: Aim | None = None) -> None:
        """See CameraCallbacks."""
        if self._live.picture_came(picture_id, jpeg) or self._cameras.view_came(picture_id, View(jpeg, detail, aim)):
            return
        if jpeg is not None and picture_id != self._spared:
            self._reporter.publish(self._reporter.make.snapshot(picture_id, jpeg))
        self._order_done(picture_id, jpeg is not None, detail)

    def on_state(self, works: bool, detail: str, *, transient: bool = False) -> None:
        """See CameraCallbacks."""
        self._board.report(f"camera-{self._name}", ok=works, detail=detail, transient=transient)
        self._counts.tick(works=works)

    def on_delegate(self, works: bool, detail: str) -> None:
        """See CameraCallbacks."""
        self._board.report(f"delegate-{self._name}", ok=works, detail=detail)

    def on_model(self, refused: str, retired: str = "") -> None:
        """See CameraCallbacks."""
        detail = refused or retired
        if detail == self._other_model:
            return  # a process that keeps ending is restarted each time and reports the same again
        self._other_model = detail
        self._board.report(f"model-{self._name}", ok=not detail, detail=detail)
        if refused:
            about = {"camera": self._name, "model": self._model}
            self._security.report("model-refused", refused, is_logged=True, **about)
