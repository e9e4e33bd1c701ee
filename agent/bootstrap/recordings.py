"""Assembles the recorders: each camera that is recorded has one, a process of its own."""

from typing import TYPE_CHECKING, Any

from agent.bootstrap import specs
from agent.outbox.outbox import Outbox
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.orders import OrderDone
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.context import Context
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.runtime.recording.recorder_link import RecorderLink

_NO_KEY = "nothing is recorded: the device has no key of its own to sign with ([mqtt] key_file and cert_file)"


class _Answers:
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    def clip_done(self, command_id: str, ok: bool, code: str, text: str, output: dict[str, Any]) -> None:
        self._handler.order_done(OrderDone(command_id, ok, code, text, output))


def make_recordings(
    settings: Settings, context: Context, outbox: Outbox, handler: CommandHandler
) -> "tuple[Recordings, list[RecorderLink]]":
    """Return what the other parts ask for clips, and the near end of each recorder; the caller runs the latter."""
    evidence, answers = settings.evidence, _Answers(handler)
    recordings = Recordings(context.clock, outbox.new_id, answers, evidence.events, evidence.after_s)
    if not any(specs.is_recorded(settings, camera) for camera in settings.cameras):
        for camera in settings.cameras:
            if camera.evidence and evidence.recipient is not None:
                context.board.report(f"recorder-{camera.name}", ok=False, detail=_NO_KEY)
        return recordings, []
    # A device of which nothing is recorded carries nothing of recorders: their models take 0.8 MiB.
    from agent.bootstrap.recorder_specs import RECORDER_COMMAND, recorder_specs  # noqa: PLC0415
    from agent.runtime.recording.camera_clips import CameraClips  # noqa: PLC0415
    from agent.runtime.recording.recorder_link import RecorderLink  # noqa: PLC0415

    found = recorder_specs(settings, context.clock.boot_id)
    links = [RecorderLink(spec, RECORDER_COMMAND, context.clock) for spec in found]
    times = (evidence.after_s, evidence.longest_s)
    recordings.connect([CameraClips(link, context, outbox.new_id, answers, *times) for link in links])
    return recordings, links
