"""Keeps a second copy of the open alarms in the other database, so that they survive damage to one of them."""

from collections.abc import Iterable, Mapping

from agent.contract.messages import Rank
from agent.contract.vocabulary import SELF_TEST
from agent.outbox.database import Batch, Database, Row
from agent.outbox.found import Notice

_EPOCH = "epoch"
_COPIED = ("alarm/", _EPOCH)


def copied(state: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return those of these values that are kept in both databases."""
    return {key: value for key, value in state.items() if key.startswith(_COPIED)}


def level(alarms: Database, telemetry: Database, *, is_damaged: bool) -> bool:
    """Bring both databases into line after they were opened.

    A new alarms database, which may have replaced a damaged one (`is_damaged`), gets what the copy has; otherwise the
    copy is made anew. Returns false when nothing shows which alarms were open. Raises sqlite3.Error."""
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
    """Return the notice of alarms lost with a damaged alarms database; None when all is known and nothing is lost.

    An alarm is lost if a `waiting` message names it and it is not among the `open_alarms` (identifiers) that were
    saved."""
    is_closed: dict[str, bool] = {}
    for row in waiting:
        if row.rank is Rank.ALARM and row.alarm_id is not None and not row.topic.endswith(f"/{SELF_TEST}"):
            is_closed[row.alarm_id] = b'"edge.alarm.closed.v1"' in row.payload
    lost = sorted({alarm_id for alarm_id, closed in is_closed.items() if not closed} - {*open_alarms})
    if is_known and not lost:
        return None
    text = f"a damaged database lost {len(lost)} alarms that were open" if lost else "alarms that were open may be lost"
    return Notice("alarms-lost", text, {"alarm_ids": lost, "all_known": is_known})
