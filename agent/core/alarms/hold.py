"""Who has an alarm: what an ack of the centre makes of its stage, its holder and its answers. Pure.

The kiosk decides, so that consoles that never met agree. The table is in docs/alarm-life.md.
"""

from typing import Any

from agent.contract.messages import AlarmData
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from agent.core.facts import AckVerdict, CentreAck

_STAGES = {
    AckAction.REGISTERED: Stage.REGISTERED,
    AckAction.TAKE_OVER: Stage.REGISTERED,
    AckAction.DISPATCHED: Stage.DISPATCHED,
    AckAction.CLOSED: Stage.CLOSED,
}


def answered(data: AlarmData, ack: CentreAck) -> dict[str, Any]:
    """Return the update of an open alarm that this ack makes; empty if it changes nothing."""
    stage = max(data.stage, _STAGES[ack.action], key=Stage.rank)
    is_first = data.held_by is None and ack.action is not AckAction.CLOSED
    takes_over = ack.action is AckAction.TAKE_OVER and not _has_it(data, ack)
    if stage is data.stage and not (is_first or takes_over or _is_another_unit(data, ack)):
        return {}
    holder = ack.answer.model_copy(update={"unit": None}) if is_first or takes_over else data.held_by
    return {"stage": stage, "held_by": holder, "answered_by": {**data.answered_by, ack.action: ack.answer}}


def ended(data: AlarmData) -> dict[str, Any]:
    """Return the update of an alarm that raises itself again: whoever had it may have gone home, but whoever was sent
    may still be on their way. A dispatch that names nobody hides none that did."""
    sent = data.answered_by.get(AckAction.DISPATCHED, data.sent_before)
    if sent is not None and sent.unit is None:
        sent = data.sent_before or sent
    return {"held_by": None, "answered_by": {}, "sent_before": sent}


def verdict(data: AlarmData, ack: CentreAck) -> AckVerdict:
    """Return what became of an ack that was taken; `data` is the alarm after it."""
    return "taken" if ack.action is not AckAction.REGISTERED or _has_it(data, ack) else "already-registered"


def _has_it(data: AlarmData, ack: CentreAck) -> bool:
    return data.held_by is not None and data.held_by.person == ack.answer.person


def _is_another_unit(data: AlarmData, ack: CentreAck) -> bool:
    if ack.action is not AckAction.DISPATCHED or ack.answer.unit is None:
        return False
    known = data.answered_by.get(AckAction.DISPATCHED)
    return known is None or known.unit != ack.answer.unit
