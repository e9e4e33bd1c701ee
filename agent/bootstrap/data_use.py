"""Assembles what counts a SIM card's data."""

from agent.outbox.outbox import Outbox
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.data_use import DATA, DataUse
from agent.settings import Settings


def make_data_use(settings: Settings, context: Context, outbox: Outbox) -> DataUse:
    """Return what counts; the main loop ticks it."""
    data = DataUse(settings.data.month_bytes, settings.data.interface, context, outbox)
    if settings.data.interface:
        context.board.add_figures(DATA, data)
    return data
