"""The form in which an open alarm is saved for the next start."""

import json

from agent.contract.messages import AlarmData
from agent.core.alarms.alarm_book import OpenAlarm


def encode_alarm(alarm: OpenAlarm, data_json: str | None = None) -> str:
    """Return the text that `decode_alarm` reads. `data_json` is the alarm's data as JSON, if that is at hand."""
    edge = "null" if alarm.edge_ns is None else alarm.edge_ns
    taken = f',"taken_by":{json.dumps(alarm.taken_by)}' if alarm.taken_by else ""
    return (
        f'{{"data":{data_json or alarm.data.model_dump_json(exclude_none=True)},"boot_id":"{alarm.boot_id}",'
        f'"edge_ns":{edge},"since_ns":{alarm.since_ns}{taken}}}'
    )


def decode_alarm(text: str) -> OpenAlarm:
    """Return the alarm that `encode_alarm` saved. Raises ValueError for any other text."""
    kept = json.loads(text)
    try:
        edge_ns = None if kept["edge_ns"] is None else int(kept["edge_ns"])
        since_ns = int(kept.get("since_ns", edge_ns))  # an earlier version saved only the edge
        taken_by = tuple(str(command) for command in kept.get("taken_by", ()))
        return OpenAlarm(AlarmData.model_validate(kept["data"]), str(kept["boot_id"]), edge_ns, since_ns, taken_by)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an alarm: {error}") from error
