"""The cameras, put together: a process each, which may fail without anybody in the core noticing more than a report."""

from agent import profile
from agent.core.link import ToCore
from agent.core.wire import Drafts
from agent.ports import Clock
from agent.runtime.command_desk import CommandDesk
from agent.runtime.health import HealthBoard
from agent.runtime.orders import picture_done
from agent.runtime.outbox import Outbox
from agent.runtime.pipeline import Pipeline
from agent.runtime.security import SecurityLog
from agent.runtime.sightings import CameraSaid
from agent.runtime.tamper_desk import TamperDesk
from agent.runtime.vision_link import VisionLink
from agent.settings import Camera, Settings


def links_to(
    settings: Settings,
    simulate: bool,
    *,
    clock: Clock,
    outbox: Outbox,
    drafts: Drafts,
    board: HealthBoard,
    pipeline: Pipeline,
    desk: CommandDesk,
) -> list[VisionLink]:
    """The near end of each camera process; the caller runs and closes them."""

    security = SecurityLog(drafts, clock, outbox.put)

    def link_to(camera: Camera) -> VisionLink:
        def said(message: ToCore) -> None:
            pipeline.tell(CameraSaid(camera.name, message))

        def pictured(picture_id: str, jpeg: bytes | None, detail: str) -> None:
            if jpeg is not None:
                outbox.put(drafts.snapshot(picture_id, jpeg))
            desk.order_done(picture_done(picture_id, jpeg is not None, detail))

        def works(ok: bool, detail: str) -> None:
            board.report(f"camera-{camera.name}", ok=ok, detail=detail)

        def delegate_works(ok: bool, detail: str) -> None:
            board.report(f"delegate-{camera.name}", ok=ok, detail=detail)

        refused = ""

        def model_is(text: str) -> None:
            nonlocal refused
            if text == refused:
                return  # a process that ends is started again and again
            refused = text
            board.report(f"model-{camera.name}", ok=not text, detail=text)
            if text:
                about = {"camera": camera.name, "model": camera.model}
                security.tell("model-refused", "alert", text, is_logged=True, **about)

        return VisionLink(
            spec=profile.vision_spec(settings, camera, simulate=simulate),
            command=profile.VISION_COMMAND,
            clock=clock,
            on_message=said,
            on_picture=pictured,
            on_state=works,
            on_delegate=delegate_works,
            on_model=model_is,
            tampers=TamperDesk(
                camera.name, camera.tamper, camera.frames_per_second, drafts=drafts, put=outbox.put, clock=clock
            ),
        )

    return [link_to(camera) for camera in settings.cameras]
