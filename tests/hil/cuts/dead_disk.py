"""What a power cut has left on a disk, without the machine: on a copy, as its next start would mend it."""

import json
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.runtime.kept_alarms import ALARM_KEY

_STATE = "/var/lib/edge-agent"
_MENDED_OR_WHOLE = (0, 1)
"""What e2fsck says of a journal that was replayed, and of nothing worse."""


@dataclass(frozen=True, slots=True)
class Remains:
    """All that counts of it."""

    presses: dict[str, int]
    """By input, the presses that its open alarm counts; those of closed alarms are forgotten, as they should be."""
    faults: tuple[str, ...]
    """What is damaged, in words."""


def copy(disk: Path, to: Path) -> Path:
    """Before the next start changes it."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", disk, to], check=True)
    return to


def examine(image: Path) -> Remains:
    """Mend the file system of this copy, read the agent's databases, and remove it."""
    with tempfile.TemporaryDirectory(dir=image.parent) as directory:
        done = subprocess.run(["/sbin/e2fsck", "-p", "-f", str(image)], capture_output=True, text=True, check=False)
        said = f"e2fsck, code {done.returncode}: {done.stdout}{done.stderr}".strip()
        faults = [] if done.returncode in _MENDED_OR_WHOLE else [said]
        command = ["/sbin/debugfs", "-R", f"rdump {_STATE} {directory}", str(image)]
        subprocess.run(command, capture_output=True, check=True)
        image.unlink()
        state = Path(directory) / Path(_STATE).name
        faults += [f"damaged once: {path.name}" for path in state.glob("*.damaged-*")]
        for path in sorted(state.glob("*.db")):
            faults += [f"{path.name}: {fault}" for fault in _check(path)]
        return Remains(_open_presses(state / "alarms.db"), tuple(faults))


def _check(database: Path) -> list[str]:
    try:
        with closing(sqlite3.connect(database)) as connection:
            said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        return [str(error)]
    return [] if said == ["ok"] else said


def _open_presses(database: Path) -> dict[str, int]:
    query = "SELECT value FROM state WHERE key LIKE ? || '%'"
    with closing(sqlite3.connect(database)) as connection:
        alarms = [json.loads(text)["data"] for (text,) in connection.execute(query, (ALARM_KEY,))]
    return {str(data["input"]): int(data["press_count"]) for data in alarms}
