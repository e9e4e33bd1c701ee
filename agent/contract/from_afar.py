"""What the centre, or a technician, may change of a device's settings."""

from collections.abc import Container, Iterator, Mapping
from typing import Any

ALLOWED: Mapping[str, str] = {
    "device.location.text": "how the dispatcher reads the place",
    "device.time_zone": "the time zone of the zones' hours",
    "mqtt.brokers": "the brokers; TLS can't be taken away",
    "mqtt.interfaces": "the network interface of each broker",
    "mqtt.keepalive_s": "the keepalive",
    "mqtt.connect_timeout_s": "how long a connection may take",
    "mqtt.alarm_timeout_s": "when an alarm goes to the next broker",
    "mqtt.return_after_s": "when the first broker is tried again",
    "mqtt.reconnect_spread_s": "the random wait before a new connection",
    "cameras.source": "where the pictures come from; needs two signers if any camera has masks",
    "cameras.frames_per_second": "how many pictures are looked at",
    "cameras.inferences_per_second": "how often the model runs at most",
    "cameras.threads": "processor threads of the model",
    "cameras.score_threshold": "from which score on somebody counts",
    "cameras.smallest_person": "who is too far away to report",
    "cameras.enter_after_s": "when somebody has entered",
    "cameras.leave_after_s": "when somebody has left",
    "cameras.min_travel": "how far somebody must have come",
    "cameras.converging_from": "from how many people who have closed in on one an alarm says so",
    "cameras.cool_down_s": "the shortest time between two events",
    "cameras.update_every_s": "how often what lasts is reported again",
    "cameras.zones": "zones with their hours",
    "cameras.lines": "lines",
    "cameras.masks": "privacy masks; taking one away or changing one needs two signers",
    "evidence.recipient": "whose key opens what cameras record; needs two signers",
    "evidence.max_age_days": "after how many days recordings are deleted; needs two signers",
    "self_test.at": "the time of the daily self-test",
    "self_test.spread_s": "the time over which devices spread their self-tests",
    "self_test.after_start_s": "how long after a start there is none",
    "self_test.retry_after_s": "when a failed self-test is repeated",
    "health.interval_s": "how often the health is reported",
    "data.month_bytes": "how much of the SIM card's data is used in a month",
    "storage.telemetry_max_bytes": "the budget of pictures and events",
    "storage.keep_free_bytes": "when the disk counts as short of room",
}
"""The settings that may be changed from afar, and what each is. Those of a camera are keys of a table in `cameras`,
which names one that the files have."""
TABLES = frozenset(path[:end] for path in ALLOWED for end, letter in enumerate(path) if letter == ".")


ON_THE_SPOT = frozenset(
    {
        "device.location.text",
        "cameras.zones",
        "cameras.lines",
        "cameras.masks",
        "cameras.smallest_person",
        "cameras.min_travel",
        "cameras.enter_after_s",
        "cameras.leave_after_s",
    }
)
"""What a technician's key may change alone: what somebody must look from the device, or walk in front of its camera, to
judge. The rest of what is allowed takes another person of the office, too."""


def forbidden(changes: Mapping[str, Any], allowed: Container[str] = ALLOWED) -> list[str]:
    """Return the paths in `changes` that can't be changed from afar, or are not among those `allowed`."""
    return sorted(set(_forbidden(changes, "", allowed)))


def _forbidden(value: Mapping[str, Any], table: str, allowed: Container[str]) -> Iterator[str]:
    """Yield the paths in `value`, which lies at `table`, that are not allowed."""
    for key, inner in value.items():
        path = f"{table}.{key}" if table else key
        if (path in allowed and "." not in key) or (table, key) == ("cameras", "name"):
            continue
        if key == "unset" and isinstance(inner, list) and all(isinstance(name, str) for name in inner):
            names = [f"{table}.{name}" if table else name for name in inner]
            yield from (name for name in names if name not in allowed)
        elif path == "cameras" and isinstance(inner, list) and inner and all(map(is_named, inner)):
            for camera in inner:
                yield from _forbidden(camera, path, allowed)
        elif path in TABLES and path != "cameras" and isinstance(inner, dict):
            yield from _forbidden(inner, path, allowed)
        else:
            yield path[:100]


def is_named(table: Any) -> bool:
    """Return whether this is a table of a list whose tables have names."""
    return isinstance(table, dict) and isinstance(table.get("name"), str)
