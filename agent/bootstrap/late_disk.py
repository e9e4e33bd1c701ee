"""What to do when a disk that did not answer at the start answers later."""

from agent.outbox.outbox import Outbox
from agent.runtime.alarms.persistence import keep_restored, read_kept
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.live.live_view import LiveView
from agent.runtime.supervision.context import Context


def restore(context: Context, outbox: Outbox, pipeline: Pipeline, handler: CommandHandler, live: LiveView) -> None:
    """Restore the open alarms and the commands that an earlier run left on the disk, and tell of its looks. Any
    thread."""
    kept = read_kept(outbox, context, pipeline.kept())
    pipeline.restore(kept, lambda book: keep_restored(book, outbox, context.security))
    handler.restore()
    live.restore()
