"""Assembles the siren."""

from typing import Any

from agent.adapters.gpiozero_siren import GpiozeroSiren
from agent.bootstrap import specs
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.siren import SirenController
from agent.runtime.supervision.context import Context
from agent.settings import Settings


def make_siren(
    settings: Settings,
    pin_factory: Any,
    *,
    simulate: bool,
    outbox: Outbox,
    context: Context,
) -> SirenController | None:
    """Return the siren's controller, or None when the settings have no siren. The caller starts and closes it."""
    if settings.siren is None:
        return None
    return SirenController(
        rules=specs.siren_rules(settings.siren),
        # A simulated agent raises exercises only. Its siren is a mock pin, and a real one never sounds for them.
        earnest="exercise" if simulate else "actual",
        port=GpiozeroSiren(specs.siren_pin(settings.siren), pin_factory),
        outbox=outbox,
        context=context,
    )
