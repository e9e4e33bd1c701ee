"""Assembles live view."""

import os
import sys
from pathlib import Path

from agent.bootstrap.uplink import Uplink
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.live.live_view import LiveView
from agent.runtime.live.push import StreamRules
from agent.runtime.live.streams import Streams
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.data_use import DataUse
from agent.settings import Settings

STREAM_COMMAND = (sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "agent.live", "--fd")
"""Starts what pushes a stream."""


def make_live(
    settings: Settings,
    context: Context,
    outbox: Outbox,
    cameras: Cameras,
    recordings: Recordings,
    uplink: Uplink,
    pipeline: Pipeline,
    data: DataUse,
) -> LiveView:
    """Return live view; the caller runs it."""
    lights = pipeline if settings.live.beacon else None
    rules = _rules(settings, recordings)
    streams = None if rules is None else Streams(rules, context.clock, outbox, uplink.publisher)
    if streams is not None:
        recordings.tell(streams)

    def spares() -> bool:
        return data.is_used_up and not pipeline.open_ids

    return LiveView(context, outbox, cameras, uplink.sender, lights, streams, spares)


def _rules(settings: Settings, recordings: Recordings) -> StreamRules | None:
    live = settings.live
    if live.stream is None:
        return None
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return StreamRules(
        command=STREAM_COMMAND,
        recorders=recordings,
        url=live.stream.replace("{device}", settings.identity.user),
        directory=Path(runtime) if runtime else settings.storage.directory,
        ca_file=live.ca_file,
        login_file=live.login_file,
    )
