"""What a power cut has left on a disk, without the machine: on a copy, as its next start would mend it."""

import json
import re
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agent.runtime.alarms.persistence import ALARM_KEY

_STATE = "/var/lib/edge-agent"
FLUSHED, UNFLUSHED = "/var/lib/emulation-flushed", "/var/lib/emulation-unflushed"
"""What these files have, if anybody wrote them."""
_OF_ANY_CUT = re.compile(r".*: (recovering journal|(Clear|Truncat)ing orphaned inode .*|\d+/\d+ files .*)|")
"""What e2fsck may say after a power cut: files that were open and had no name any more, and its summary. Anything else
that it mends is damage, though its exit code is the same."""


@dataclass(frozen=True, slots=True)
class Remains:
    """All that counts of it."""

    presses: dict[str, int]
    """By input, the presses that its open alarm counts; those of closed alarms are forgotten, as they should be."""
    faults: tuple[str, ...]
    """What is damaged, in words."""
    flushed: str
    unflushed: str


def copy(disk: Path, to: Path) -> Path:
    """Before the next start changes it."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", disk, to], check=True)
    return to


def examine(image: Path) -> Remains:
    """Mend the file system of this copy, read the agent's databases, and remove it."""
    with tempfile.TemporaryDirectory(dir=image.parent) as directory:
        faults = mend(image)
        _debugfs(image, f"rdump {_STATE} {directory}")
        flushed, unflushed = (_debugfs(image, f"cat {path}") for path in (FLUSHED, UNFLUSHED))
        image.unlink()
        state = Path(directory) / Path(_STATE).name
        faults += [f"damaged once: {path.name}" for path in state.glob("*.damaged-*")]
        for path in sorted(state.glob("*.db")):
            faults += [f"{path.name}: {fault}" for fault in _check(path)]
        try:
            presses = open_presses(state / "alarms.db")
        except sqlite3.Error as error:
            presses = {}
            faults.append(f"the alarms can't be read: {error}")
        return Remains(presses, tuple(faults), flushed, unflushed)


def mend(image: Path) -> list[str]:
    """As the next start would; returns what was damaged, by more than any power cut does."""
    done = subprocess.run(["/sbin/e2fsck", "-p", "-f", str(image)], capture_output=True, text=True, check=False)
    said = f"{done.stdout}{done.stderr}".strip()
    mended = done.returncode == 1 and all(_OF_ANY_CUT.fullmatch(line) for line in said.splitlines())
    return [] if done.returncode == 0 or mended else [f"e2fsck, code {done.returncode}: {said}"]


def open_presses(database: Path) -> dict[str, int]:
    """See `Remains.presses`. Raises sqlite3.Error."""
    query = "SELECT value FROM state WHERE key LIKE ? || '%'"
    with closing(sqlite3.connect(database)) as connection:
        alarms = [json.loads(text)["data"] for (text,) in connection.execute(query, (ALARM_KEY,))]
    # One whose close was under way is kept as closed, until that is told.
    return {str(data["input"]): int(data["press_count"]) for data in alarms if data["stage"] != "closed"}


def _check(database: Path) -> list[str]:
    try:
        with closing(sqlite3.connect(database)) as connection:
            said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        return [str(error)]
    return [] if said == ["ok"] else said


def _debugfs(image: Path, request: str) -> str:
    command = ["/sbin/debugfs", "-R", request, str(image)]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout
