"""Restores the open alarms after a restart; none is dropped without a report."""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from agent.contract.stages import Stage
from agent.core.alarms.alarm_book import AlarmBook, OpenAlarm
from agent.core.alarms.persistence import decode_alarm, encode_alarm
from agent.outbox.outbox import Outbox
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.security import SecurityLog

ALARM_KEY = "alarm/"
"""Prefix of the keys under which the outbox's state keeps the open alarms; their identifier follows."""
_TOLD_CHARACTERS = 2_000

log = logging.getLogger(__name__)


def read_kept(outbox: Outbox, context: Context, kept: Mapping[str, str] | None = None) -> list[OpenAlarm]:
    """Return the alarms that were open when the agent last ran. `kept` is what the outbox keeps of them: by default
    all, as before the threads run; later, pass it without those that are being closed now.

    One that can't be read, perhaps written by a later version, is reported and stays where it is for an agent that can
    read it. One whose close was under way is published as closed.
    """
    found = []
    for key, text in (outbox.kept(ALARM_KEY) if kept is None else kept).items():
        try:
            alarm = decode_alarm(text)
            if alarm.data.stage is Stage.CLOSED:
                context.reporter.publish(context.reporter.make.alarm("closed", alarm.data), keep={key: None})
            else:
                found.append(alarm)
        except ValueError as error:
            reason = str(error).partition("\n")[0]
            context.security.report(
                "alarm-unreadable",
                f"the open alarm {key.removeprefix(ALARM_KEY)} can't be read: {reason}",
                kept=text[:_TOLD_CHARACTERS],
            )
    return found


def keep_restored(book: AlarmBook, outbox: Outbox, security: SecurityLog) -> Callable[[], None]:
    """Keep the restored alarms as the book now has them: their waits may count from this boot.

    Returns a function that reports them; call it without a lock, since a log may block.
    """
    alarms, strange = book.open(), book.without_input()
    for alarm in alarms:
        outbox.keep(ALARM_KEY + alarm.data.alarm_id, encode_alarm(alarm))
    return partial(_report, alarms, strange, security)


def _report(alarms: list[OpenAlarm], strange: list[OpenAlarm], security: SecurityLog) -> None:
    """Report the restored alarms. One whose input is no longer in the settings (`strange`) can still be answered and
    closed."""
    for alarm in alarms:
        log.info("alarm %s is still open: %s, %s", alarm.data.alarm_id, alarm.data.input, alarm.data.stage.value)
    for alarm in strange:
        security.report(
            "alarm-without-input",
            f"the open alarm {alarm.data.alarm_id} is of input {alarm.data.input}, which is not in the settings",
            alarm_id=alarm.data.alarm_id,
            input=alarm.data.input,
        )
