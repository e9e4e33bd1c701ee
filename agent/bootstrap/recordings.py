"""Assembles the recorders, a process of its own for each camera that is recorded, and what uploads their segments."""

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.bootstrap import specs
from agent.core.errors import StorageError
from agent.outbox.outbox import Outbox
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.orders import OrderDone
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.data_use import DataUse
from agent.runtime.uplink.publisher import Publisher
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.runtime.recording.recorder_link import RecorderLink
    from agent.runtime.sending.sending import Sending

UPLOADER_COMMAND = (sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "agent.upload", "--fd")
"""Starts the uploader."""

_NO_KEY = "nothing is recorded: the device has no key of its own to sign with ([mqtt] key_file and cert_file)"


class _Answers:
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    def clip_done(self, command_id: str, ok: bool, code: str, text: str, output: dict[str, Any]) -> None:
        self._handler.order_done(OrderDone(command_id, ok, code, text, output))


class Recorders(NamedTuple):
    """What records, and what uploads of that."""

    recordings: Recordings
    """What the other parts ask for clips."""
    near_ends: "list[RecorderLink | Sending]"
    """That of each recorder, and what uploads; the caller runs them."""
    sending: "Sending | None"
    """None where nothing is uploaded."""


def make_recordings(
    settings: Settings,
    context: Context,
    outbox: Outbox,
    handler: CommandHandler,
    publisher: Publisher,
    *,
    simulated: bool,
    data: DataUse | None = None,
) -> Recorders:
    """Return the recorders, and what uploads of them."""
    evidence, answers = settings.evidence, _Answers(handler)
    recordings = Recordings(context.clock, outbox.new_id, answers, evidence.events, evidence.after_s)
    if not any(specs.is_recorded(settings, camera) for camera in settings.cameras):
        for camera in settings.cameras:
            if camera.evidence and evidence.recipient is not None:
                context.board.report(f"recorder-{camera.name}", ok=False, detail=_NO_KEY)
        return Recorders(recordings, [], None)
    # A device of which nothing is recorded carries nothing of recorders: their models take 0.8 MiB.
    from agent.bootstrap.recorder_specs import RECORDER_COMMAND, recorder_specs  # noqa: PLC0415
    from agent.runtime.recording.camera_clips import CameraClips  # noqa: PLC0415
    from agent.runtime.recording.recorder_link import RecorderLink  # noqa: PLC0415

    found = recorder_specs(settings, context.clock.boot_id)
    links = [RecorderLink(spec, RECORDER_COMMAND, context.clock) for spec in found]
    times = (evidence.after_s, evidence.longest_s)
    sending = _make_sending(settings, context, outbox, publisher, data, simulated=simulated)
    recordings.connect([CameraClips(link, context, outbox.new_id, answers, *times) for link in links])
    if sending is not None:
        recordings.tell(sending)
    return Recorders(recordings, [*links, *([] if sending is None else [sending])], sending)


def _make_sending(
    settings: Settings,
    context: Context,
    outbox: Outbox,
    publisher: Publisher,
    data: DataUse | None,
    *,
    simulated: bool,
) -> "Sending | None":
    if not settings.upload.hosts:
        return None
    try:
        spool = specs.spool(settings)
    except StorageError as error:
        context.board.report("uploads", ok=False, detail=str(error))
        return None
    from agent.core.delivery.upload_urls import with_port  # noqa: PLC0415 - as above
    from agent.runtime.sending.rules import UploadRules  # noqa: PLC0415
    from agent.runtime.sending.sending import Sending  # noqa: PLC0415
    from agent.runtime.sending.uploader import Uploader  # noqa: PLC0415

    upload = settings.upload
    rules = UploadRules(
        spool=spool,
        cameras=tuple(each.name for each in settings.cameras if specs.is_recorded(settings, each)),
        hosts=frozenset(map(with_port, upload.hosts)),
        ca_file=upload.ca_file,
        bytes_s=upload.max_kbit_s * 125,
        month_bytes=upload.month_bytes,
        is_simulated=simulated,
    )
    sending = Sending(rules, Uploader(UPLOADER_COMMAND, context.clock), context, outbox, publisher, data=data)
    context.board.add_figures("uploads", sending.figures)
    return sending
