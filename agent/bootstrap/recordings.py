"""Assembles the recorders: each camera that is recorded has one, a process of its own."""

from typing import Any

from agent.bootstrap import specs
from agent.outbox.outbox import Outbox
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.orders import OrderDone
from agent.runtime.recording.camera_clips import CameraClips
from agent.runtime.recording.recorder_link import RecorderLink
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.context import Context
from agent.settings import Settings


class _Answers:
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    def clip_done(self, command_id: str, ok: bool, code: str, text: str, output: dict[str, Any]) -> None:
        self._handler.order_done(OrderDone(command_id, ok, code, text, output))


def make_recordings(
    settings: Settings, context: Context, outbox: Outbox, handler: CommandHandler
) -> tuple[Recordings, list[RecorderLink]]:
    """Return what the other parts ask for clips, and the near end of each recorder; the caller runs the latter."""
    evidence, answers = settings.evidence, _Answers(handler)
    recordings = Recordings(context.clock, outbox.new_id, answers, evidence.events, evidence.after_s)
    found = specs.recorder_specs(settings, context.clock.boot_id)
    links = [RecorderLink(spec, specs.RECORDER_COMMAND, context.clock) for spec in found]
    recordings.connect(
        [CameraClips(link, context, outbox.new_id, answers, evidence.after_s, evidence.longest_s) for link in links]
    )
    if evidence.recipient is not None and not links:
        for camera in filter(lambda each: each.evidence, settings.cameras):
            detail = "nothing is recorded: the device has no key of its own to sign with ([mqtt] key_file)"
            context.board.report(f"recorder-{camera.name}", ok=False, detail=detail)
    return recordings, links
