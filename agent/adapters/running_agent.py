"""Finds the agent that is already running without touching it, by the kernel's list of locks."""

import fcntl
import os
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from agent.core.errors import DirectoryInUseError, StorageError

_LOCK = "agent.lock"


@dataclass(frozen=True, slots=True)
class RunningAgent:
    """The process that holds the state directory. `runtime_directory` is None if its environment can't be read."""

    pid: int
    simulated: bool
    runtime_directory: Path | None


def find_agent(directory: Path, proc: Path = Path("/proc")) -> RunningAgent | None:
    """Return the agent that holds `directory`, or None. Raises StorageError when `directory` can't be looked into."""
    try:
        about = (directory / _LOCK).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"{directory} can't be read: {(error.strerror or str(error)).lower()}") from error
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
            file = undo.enter_context((directory / _LOCK).open("rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, NotADirectoryError):
            return nullcontext()
        except BlockingIOError as error:
            raise DirectoryInUseError(f"an edge-agent is using {directory}") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise StorageError(f"{directory / _LOCK} can't be read: {reason}") from error
        return undo.pop_all()


def _process(proc: Path, pid: int) -> RunningAgent:
    command = _read(proc / str(pid) / "cmdline") or b""
    environment = _read(proc / str(pid) / "environ")
    runtime = None
    if environment is not None:
        variables = dict(line.partition(b"=")[::2] for line in environment.split(b"\0"))
        runtime = Path(os.fsdecode(variables.get(b"RUNTIME_DIRECTORY", b"").partition(b":")[0]))
    return RunningAgent(pid, b"--simulate" in command.split(b"\0"), runtime)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
