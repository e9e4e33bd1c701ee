"""Tells the centre when a part of the device fails, and when it works again."""

import logging
from typing import Literal

from agent.contract.envelope import MessageFactory
from agent.contract.messages import PartData
from agent.outbox.outbox import Outbox
from agent.runtime.supervision.health import PartState

_LOGGED_BY_THE_PUBLISHER = "uplink"

log = logging.getLogger(__name__)


class PartReporter:
    """Makes an event of each change on the health board. Any thread."""

    def __init__(self, outbox: Outbox, factory: MessageFactory) -> None:
        self._outbox = outbox
        self._factory = factory

    def report(self, part: str, state: PartState) -> None:
        """`part` has begun or ceased to work."""
        if part == _LOGGED_BY_THE_PUBLISHER:
            pass
        elif state.ok:
            log.info("%s works again", part)
        else:
            log.error("%s does not work: %s", part, state.detail)
        change: Literal["part-restored", "part-degraded"] = "part-restored" if state.ok else "part-degraded"
        self._outbox.put(self._factory.part(change, PartData(part=part, detail=state.detail)))
