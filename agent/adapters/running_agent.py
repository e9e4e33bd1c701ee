"""Finds the agent that is already running without touching it, by the kernel's list of locks."""

import fcntl
import os
import re
import stat
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from agent.core.errors import DirectoryInUseError, StorageError

_LOCK = "agent.lock"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class RunningAgent:
    """The process that holds the state directory. `runtime_directory` is None if its environment can't be read."""

    pid: int
    simulated: bool
    runtime_directory: Path | None


def find_agent(directory: Path, proc: Path = Path("/proc")) -> RunningAgent | None:
    """Return the agent that holds `directory`, or None. Raises StorageError when `directory` can't be looked into."""
    try:
        about = (directory / _LOCK).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"{directory} can't be read: {(error.strerror or str(error)).lower()}") from error
    _check(directory, about)
    place = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    for line in (proc / "locks").read_text(encoding="ascii").splitlines():
        words = line.split()
        # A line with an arrow stands for a process that waits for the lock.
        if words[1] == "FLOCK" and words[5] == place:
            return _process(proc, int(words[4]))
    return None


def keep_agents_out(directory: Path) -> AbstractContextManager[object]:
    """Keep agents from starting on `directory` until the returned context ends.

    Creates and changes nothing: where no agent has ever run there is no lock file, and no agent is kept out. Raises
    StorageError; DirectoryInUseError when an agent holds it now.
    """
    with ExitStack() as undo:
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = undo.enter_context(os.fdopen(os.open(directory / _LOCK, flags), "rb"))
            _check(directory, os.fstat(file.fileno()))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, NotADirectoryError):
            return nullcontext()
        except BlockingIOError as error:
            raise DirectoryInUseError(f"an edge-agent is using {directory}") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StorageError(f"{directory / _LOCK} can't be read: {reason}") from error
        return undo.pop_all()


def _check(directory: Path, lock: os.stat_result) -> None:
    """Raise StorageError for a link, whose target a process of root's may lock, and for anything that is no file."""
    if not stat.S_ISREG(lock.st_mode) or lock.st_nlink != 1:
        raise StorageError(f"{directory / _LOCK} is not an agent's lock: remove it")


def _process(proc: Path, pid: int) -> RunningAgent:
    command = _read(proc / str(pid) / "cmdline") or b""
    # What a process says of itself is for whoever has its rights, and never for root.
    is_believed = os.geteuid() != 0 or _owner(proc / str(pid)) == 0
    environment = _read(proc / str(pid) / "environ") if is_believed else None
    runtime = None
    if environment is not None:
        variables = dict(line.partition(b"=")[::2] for line in environment.split(b"\0"))
        runtime = Path(os.fsdecode(variables.get(b"RUNTIME_DIRECTORY", b"").partition(b":")[0]))
    return RunningAgent(pid, b"--simulate" in command.split(b"\0"), runtime)


def _owner(process: Path) -> int | None:
    """Return the real uid of a process: that of its files may be root's for one that is not dumpable."""
    found = re.search(rb"^Uid:\s+(\d+)", _read(process / "status") or b"", re.MULTILINE)
    return int(found[1]) if found else None


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return None
