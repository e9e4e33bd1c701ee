"""Assembles the cameras: each has a process of its own, and if it fails the core only gets a report."""

from collections.abc import Mapping

from agent.bootstrap import vision_specs
from agent.core.camera.battery import Battery
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.cameras.impairments import Impairments
from agent.runtime.cameras.reports import Reports
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
            callbacks=Reports(
                camera.name,
                camera.model,
                [line.name for line in camera.lines],
                context,
                lambda *how: handler.order_done(picture_done(*how)),
                cameras,
                recordings,
                live,
                data,
                kept,
            ),
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
