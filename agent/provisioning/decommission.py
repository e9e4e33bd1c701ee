"""Taking a device out of use: what it knows of its province is erased.

A power cut at any moment leaves a device that the same command finishes. A mark beside the settings, where only root
may write, says that erasing has begun, and what else is to be erased: from then on nothing is asked again, and the mark
goes last.
"""

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.adapters.binding import CREDENTIALS
from agent.adapters.rights import opened
from agent.core.errors import StorageError
from agent.outbox.waiting import read_owed
from agent.provisioning import settings_files
from agent.trust.whole_file import read_file

MARK = "decommissioning.json"
_KEPT = frozenset({"agent.lock"})
"""The lock keeps agents out until the end; it says nothing."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What is being erased."""

    name: str
    """`province/site/id`"""
    files: tuple[Path, ...]
    """Those outside of the state directory."""


def why_not(state: Path, user: str) -> str | None:
    """Return why the device `user` must stay in use for now; None if no alarm is open or waits. Raises StorageError."""
    owed = read_owed(state, user)
    if owed.open_alarms:
        return f"{_count(owed.open_alarms, 'alarm is', 'alarms are')} open: have the centre close it first"
    if owed.alarm_messages:
        waiting = _count(owed.alarm_messages, "message of an alarm waits", "messages of alarms wait")
        return f"{waiting} for a broker: let the device connect first (`sudo edge-agent doctor --only broker`)"
    return None


def begun(settings: Path) -> Begun | None:
    """Return what an earlier run has begun to erase, by the mark in the directory of the settings. Raises StorageError
    when that can't be read."""
    path = settings / MARK
    try:
        match json.loads(read_file(path)):
            case {"name": str(name), "files": list(files)}:
                return Begun(name, tuple(Path(str(each)) for each in files))
            case _:
                raise StorageError(f"{path} is not what was written: remove it")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} can't be read: {error}") from error


def begin(settings: Path, what: Begun) -> None:
    """Write the mark, safe against a power cut when it returns: from here on there is no way back. Raises
    StorageError."""
    content = json.dumps({"name": what.name, "files": [str(each) for each in what.files]})
    settings_files.write(settings / MARK, content.encode())


def erase(state: Path, settings: Path, what: Begun, others: Iterable[Path]) -> None:
    """Erase the credentials, then everything else in the state directory, then `others`, which are in memory, and the
    files of the settings; last the mark. Raises StorageError."""
    try:
        _delete(state / CREDENTIALS)
        os.sync()
        for each in (*(each for each in state.iterdir() if each.name not in _KEPT), *others):
            _delete(each)
        for each in what.files:
            settings_files.remove(each)
        os.sync()
        settings_files.remove(settings / MARK)
        os.sync()
    except RecursionError as error:
        raise StorageError(
            f"{state} can't be erased: directories are nested far too deep; remove them by hand"
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(
            f"{error.filename or state} can't be erased ({reason}): run the same command again"
        ) from error


def _delete(path: Path) -> None:
    """Remove what has this name, and nothing that a link leads to: others than root may exchange it meanwhile."""
    try:
        directory = opened(path.parent)
    except FileNotFoundError:
        return
    try:
        os.unlink(path.name, dir_fd=directory)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        shutil.rmtree(path.name, dir_fd=directory)
    finally:
        os.close(directory)


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
