"""An open alarm as it is kept for the next start."""

import json

from agent.contract.messages import AlarmData
from agent.core.alarms.alarm import OpenAlarm


def encode_alarm(alarm: OpenAlarm) -> str:
    """The text that `decode_alarm` reads."""
    edge = "null" if alarm.edge_ns is None else alarm.edge_ns
    return (
        f'{{"data":{alarm.data.model_dump_json()},"boot_id":"{alarm.boot_id}",'
        f'"edge_ns":{edge},"since_ns":{alarm.since_ns}}}'
    )


def decode_alarm(text: str) -> OpenAlarm:
    """The alarm that `encode_alarm` kept. Raises ValueError for anything else."""
    kept = json.loads(text)
    try:
        edge_ns = None if kept["edge_ns"] is None else int(kept["edge_ns"])
        since_ns = int(kept.get("since_ns", edge_ns))  # an earlier version kept only the edge
        return OpenAlarm(AlarmData.model_validate(kept["data"]), str(kept["boot_id"]), edge_ns, since_ns)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not an alarm: {error}") from error
