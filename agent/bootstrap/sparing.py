"""Assembles what spares a SIM card's data and a battery."""

from agent.core.camera.battery import Battery, BatteryRules
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


def make_battery(settings: Settings) -> Battery | None:
    """Return what says how much cameras do; None if they always do all."""
    battery = settings.battery
    if battery is None:
        return None
    has_mains = any(each.kind == "mains" for each in settings.inputs)
    rules = BatteryRules(battery.slow_after_s, battery.stop_after_s, battery.frames_per_second, has_mains)
    return Battery(rules)
