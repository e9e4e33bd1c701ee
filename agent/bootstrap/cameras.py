"""Assembles the cameras: each has a process of its own, and if it fails the core only gets a report."""

from collections.abc import Mapping

from agent.bootstrap import vision_specs
from agent.contract.camera_events import CameraEventData, EventName, LineCrossedData
from agent.core.camera.battery import Battery
from agent.core.camera.link import Aim
from agent.core.camera.vision_spec import VisionSpec
from agent.runtime.cameras.cameras import Cameras, View
from agent.runtime.cameras.impairments import Impairments
from agent.runtime.cameras.line_counts import LineCounts
from agent.runtime.cameras.vision_link import VisionLink
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.orders import picture_done
from agent.runtime.live.live_view import LiveView
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.data_use import DataUse
from agent.settings import CameraSettings, Settings


def links_to(
    settings: Settings,
    simulate: bool,
    context: Context,
    handler: CommandHandler,
    cameras: Cameras,
    recordings: Recordings,
    live: LiveView,
    data: DataUse,
    battery: Battery | None,
    kept: Mapping[str, str],
) -> list[VisionLink]:
    """Return the near end of each camera process, which `cameras` uses from now on; the caller runs and closes them.
    `kept` is what `LineCounts` have kept."""

    def link_to(camera: CameraSettings) -> VisionLink:
        return VisionLink(
            spec=vision_specs.vision_spec(settings, camera, simulate=simulate),
            command=vision_specs.VISION_COMMAND,
            clock=context.clock,
            callbacks=_Reports(camera, context, handler, cameras, recordings, live, data, kept),
            impairments=Impairments(
                camera.name,
                camera.tamper,
                camera.frames_per_second,
                reporter=context.reporter,
                board=context.board,
                clock=context.clock,
            ),
            battery=battery,
        )

    links = [link_to(camera) for camera in settings.cameras]
    cameras.connect(links, recordings)
    return links


class _Reports:
    """Passes the reports of one camera process to the parts that they concern: see `CameraCallbacks`."""

    def __init__(
        self,
        camera: CameraSettings,
        context: Context,
        handler: CommandHandler,
        cameras: Cameras,
        recordings: Recordings,
        live: LiveView,
        data: DataUse,
        kept: Mapping[str, str],
    ) -> None:
        self._name, self._model = camera.name, camera.model
        self._reporter = context.reporter
        self._board = context.board
        self._security = context.security
        self._handler = handler
        self._cameras = cameras
        self._recordings = recordings
        self._live = live
        self._data = data
        self._spared = ""
        """The picture of the newest event, if it does not leave."""
        self._other_model = ""
        lines = [line.name for line in camera.lines]
        self._counts = LineCounts(camera.name, lines, kept, reporter=context.reporter, clock=context.clock)

    def on_respec(self, spec: VisionSpec) -> None:
        self._counts.use([line.name for line in spec.lines])

    def on_event(self, event: EventName, data: CameraEventData) -> None:
        if data.snapshot is not None and self._data.is_used_up:
            self._spared, data = data.snapshot, data.model_copy(update={"snapshot": None})
        draft = self._reporter.make.camera_event(event, data)
        if isinstance(data, LineCrossedData):
            self._counts.crossed(draft, data)
        else:
            self._reporter.publish(draft)
        self._recordings.camera_event(event, data)

    def on_picture(self, picture_id: str, jpeg: bytes | None, detail: str, aim: Aim | None = None) -> None:
        if self._live.picture_came(picture_id, jpeg) or self._cameras.view_came(picture_id, View(jpeg, detail, aim)):
            return
        if jpeg is not None and picture_id != self._spared:
            self._reporter.publish(self._reporter.make.snapshot(picture_id, jpeg))
        self._handler.order_done(picture_done(picture_id, jpeg is not None, detail))

    def on_state(self, works: bool, detail: str, *, transient: bool = False) -> None:
        self._board.report(f"camera-{self._name}", ok=works, detail=detail, transient=transient)
        self._counts.tick(works=works)

    def on_delegate(self, works: bool, detail: str) -> None:
        self._board.report(f"delegate-{self._name}", ok=works, detail=detail)

    def on_model(self, refused: str, retired: str = "") -> None:
        detail = refused or retired
        if detail == self._other_model:
            return  # a process that keeps ending is restarted each time and reports the same again
        self._other_model = detail
        self._board.report(f"model-{self._name}", ok=not detail, detail=detail)
        if refused:
            about = {"camera": self._name, "model": self._model}
            self._security.report("model-refused", refused, is_logged=True, **about)
