"""A second copy of the open alarms, in the other database, so that a damaged one does not take them along."""

from collections.abc import Iterable, Mapping

from agent.contract.messages import Rank
from agent.core.alarms.self_test import INPUT
from agent.outbox.database import Batch, Database, Row
from agent.outbox.found import Notice

_EPOCH = "epoch"
_COPIED = ("alarm/", _EPOCH)


def copied(state: Mapping[str, str | None]) -> dict[str, str | None]:
    """What of these values is kept in both databases."""
    return {key: value for key, value in state.items() if key.startswith(_COPIED)}


def level(alarms: Database, telemetry: Database, *, is_damaged: bool) -> bool:
    """Both were opened. Gives a new database of the alarms, which may have replaced a damaged one (`is_damaged`), what
    the copy knows; otherwise the copy is made anew. False when nobody can tell which alarms were open. Raises
    sqlite3.Error."""
    state, copy = alarms.state(""), copied(telemetry.state(""))
    kept = copied(state)
    if is_damaged or not state:
        missing = {key: value for key, value in copy.items() if key not in kept}
        if missing:
            alarms.write(Batch(state=missing))
        return _EPOCH in copy or not is_damaged
    if kept != copy:
        telemetry.write(Batch(state={**dict.fromkeys(copy), **kept}))
    return True


def lost_notice(waiting: Iterable[Row], open_alarms: Iterable[str], *, is_known: bool) -> Notice | None:
    """What to tell when a database of the alarms was damaged: the alarms that messages which still wait name, and that
    are not among the `open_alarms` (identifiers) which were saved. None when all is known and nothing is lost."""
    is_closed: dict[str, bool] = {}
    for row in waiting:
        if row.rank is Rank.ALARM and row.alarm_id is not None and not row.topic.endswith(f"/{INPUT}"):
            is_closed[row.alarm_id] = b'"edge.alarm.closed.v1"' in row.payload
    lost = sorted({alarm_id for alarm_id, closed in is_closed.items() if not closed} - {*open_alarms})
    if is_known and not lost:
        return None
    text = f"a damaged database lost {len(lost)} alarms that were open" if lost else "alarms that were open may be lost"
    return Notice("alarms-lost", "alert", text, {"alarm_ids": lost, "all_known": is_known})
