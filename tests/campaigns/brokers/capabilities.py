"""What each broker can and can't do: the rows of the table in docs/brokers.md, each of which is a test here.

A test `test_NAME` is the row NAME. What a broker can't do stands in LIMITS, and its test shows that it can't: a new
version that can is noticed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

BROKERS = {
    "mosquitto": "Mosquitto",
    "rabbitmq": "RabbitMQ, one node",
    "cluster": "RabbitMQ, three nodes",
    "nats": "NATS",
}
ROWS = {
    "mqtt_5": "The agent is spoken to in MQTT 5",
    "older_protocol": "A press arrives in MQTT 3.1.1",
    "birth": "Birth: state, meta and open alarms come at each connection",
    "will": "Will: subscribers hear when a device has died",
    "alarm_and_answers": "Alarm, ack, command and close; on the cluster by a node that the kiosk is not on",
    "second_path": "The first broker dies; a press arrives by the second",
    "restart_by_sigterm": "20 presses, and SIGTERM in the middle: none is lost",
    "restart_by_sigkill": "20 presses, and SIGKILL in the middle: none is lost",
    "offline_presses": "2,000 presses without a broker arrive afterwards, in order",
    "retained_by_exact_topic": "Retained messages come by their exact topic",
    "retained_by_wildcard": "Retained messages come by a wildcard",
    "retained_at_another_node": "Retained messages come at another node",
    "kept_session": "A kept session holds what comes while the centre is away",
    "long_session": "With deploy's configuration a session is kept for 14 days, as the centre's library asks",
    "clean_session": "Without a session nothing waits for a device",
    "largest_payload": "The contract's largest payload, 128 KiB",
    "receive_maximum": "No more is in flight than the receiver asked for",
    "expiry": "What has expired is not delivered",
    "by_certificate": "Agent and centre's library by certificate: alarm and ack",
    "isolation": "Device A reaches nothing of another's",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """What the cell says instead of yes, and why."""

    cell: str
    reason: str


_NODE_LOCAL = "a retained message stays on the node that took it; devices and centres say theirs again"
_NO_WILDCARD = "it finds retained messages by their exact topic only; ask for `rebirth` instead"
_FREE_IDS = "topics are kept apart, but client ids are free, so any device can throw another one out"
_ONE_NODE = Limit("—", "")
LIMITS: Mapping[tuple[str, str], Limit] = {
    ("mqtt_5", "nats"): Limit("3.1.1", "it knows no MQTT 5, so it does not say why it refuses something"),
    ("retained_by_wildcard", "rabbitmq"): Limit("no", _NO_WILDCARD),
    ("retained_by_wildcard", "cluster"): Limit("no", _NO_WILDCARD),
    ("retained_at_another_node", "mosquitto"): _ONE_NODE,
    ("retained_at_another_node", "rabbitmq"): _ONE_NODE,
    ("retained_at_another_node", "nats"): _ONE_NODE,
    ("retained_at_another_node", "cluster"): Limit("no", _NODE_LOCAL),
    ("receive_maximum", "nats"): Limit("no", "MQTT 3.1.1 has no such wish; `max_ack_pending`, 1,024, holds for all"),
    ("isolation", "nats"): Limit("no", _FREE_IDS),
    ("expiry", "nats"): Limit("no", "MQTT 3.1.1 has no expiry; a device refuses an old ack by its `exp`"),
}


class Cell:
    """One row of one broker, as its test sees it."""

    def __init__(self, row: str, broker: str, say: Callable[[str], None]) -> None:
        self.limit = LIMITS.get((row, broker))
        self._what = f"{ROWS[row]}: {BROKERS[broker]}"
        self.say = say
        """What is written into the table instead of `yes`."""

    def can(self, found: bool) -> None:
        """Fail unless it is as the table has it."""
        expected = self.limit is None
        assert found == expected, f"{self._what}: {found}, and the table of limits says {expected}"


def table(said: Mapping[tuple[str, str], str], versions: Mapping[str, str]) -> str:
    """The Markdown of all rows; `said` is what a cell says, by row and broker. Raises KeyError for a cell that has
    not passed."""
    brokers = list(BROKERS)
    lines = ["| | " + " | ".join(versions[each] for each in brokers) + " |", "| --- " * (len(brokers) + 1) + "|"]
    notes: dict[str, int] = {}
    for row, title in ROWS.items():
        cells = []
        for broker in brokers:
            limit = LIMITS.get((row, broker))
            text = said[row, broker] if limit is None else limit.cell
            if limit is not None and limit.reason:
                number = notes.setdefault(limit.reason, len(notes) + 1)
                text += f" ({number})"
            cells.append(text)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines.append("")
    lines += [f"{number}. {reason[0].upper()}{reason[1:]}." for reason, number in notes.items()]
    return "\n".join(lines) + "\n"
