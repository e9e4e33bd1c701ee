"""What a state directory holds that its device still owes to a centre; for programs beside the agent."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.contract.messages import Rank
from agent.core.errors import StorageError
from agent.outbox.database import disk
from agent.outbox.store import STATE_FILE, TELEMETRY_FILE

_ALARM_KEYS = "alarm/"
"""As in `runtime/alarms/persistence.py`."""


@dataclass(frozen=True, slots=True)
class Owed:
    """Counts."""

    open_alarms: int = 0
    alarm_messages: int = 0
    """Messages of alarms that no broker has confirmed."""
    other_messages: int = 0


def read_owed(directory: Path, user: str) -> Owed:
    """Read what the device `user` (`province/site/id`) owes, also while an agent runs. Raises StorageError.

    Messages under another name, which the device had before, count as others: no broker takes them from it.

    What an agent that was killed had not yet written is in its black box, and counts only once it has started again.
    """
    owed = Owed()
    for name in (STATE_FILE, TELEMETRY_FILE):
        path = directory / name
        if not path.exists():
            continue
        if not path.is_file():  # SQLite would wait for a FIFO
            raise StorageError(f"{path} is not a regular file: check what is there")
        with (
            disk(path),
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as reader,
        ):
            count = reader.execute(
                "SELECT rank = ? AND topic GLOB ?, count(*) FROM messages GROUP BY 1", (Rank.ALARM, f"*/{user}/up/*")
            )
            waiting = {bool(is_alarm): number for is_alarm, number in count}
            alarms = reader.execute("SELECT count(*) FROM state WHERE key GLOB ?", (f"{_ALARM_KEYS}*",)).fetchone()[0]
        owed = Owed(
            max(owed.open_alarms, alarms),  # the second database has a copy of each
            owed.alarm_messages + waiting.get(True, 0),
            owed.other_messages + waiting.get(False, 0),
        )
    return owed
