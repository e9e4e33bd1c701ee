"""What root does in a directory that is another user's: nothing with its own rights.

Whoever owns a directory decides what lies in it, and may exchange it between two steps of root's: links, FIFOs, files
without an end. So a command that root runs takes that user's rights instead, for good (`give_up_root`) or in a process
of its own (`as_owner`). Only what root alone can do, such as removing what a third user has put there, goes by
`opened`, which follows no link but root's own.
"""

import json
import os
import pwd
import resource
import select
import signal
import stat
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

from agent.adapters import account
from agent.adapters.account import Account
from agent.adapters.systemd_unit import ask_unit
from agent.core.errors import EdgeAgentError, StorageError

TPM_GROUP = "tss"
"""May use the TPM, which the unit is allowed by a drop-in only once a key is there."""
_MOST_LINKS = 40
_SPARE_S = 1.0
_MOST_BYTES = 8 << 20
"""Of a result."""
_MOST_MEMORY = 512 << 20
_NOBODY = 65534
T = TypeVar("T")


def ruler(path: Path) -> int:
    """Return the uid of whoever decides what `path` leads to: the owner of the first directory or link on the way that
    is not root's; 0 when there is none. The end of the way may be missing, or lie below a file. Raises OSError."""
    number, uid = _walked(path)
    os.close(number)
    return uid


def opened(directory: Path) -> int:
    """Open a directory to read it, and return its number; the caller closes it. No link that another user could have
    put there is followed. Raises OSError."""
    number, _ = _walked(directory, whole=True)
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=number)
    finally:
        os.close(number)


def give_up_root(place: Path, more_groups: frozenset[str] = frozenset()) -> None:
    """Become whoever rules `place`, for good, if this is root and that is somebody else. Raises StorageError."""
    if (owner := _owner(place, more_groups)) is not None:
        try:
            account.become(owner)
        except OSError as error:
            raise StorageError(f"root can't become {owner.name}, whose {place} is: {error}") from error


def as_owner(
    place: Path,
    do: Callable[..., T],
    *,
    limit_s: float | None = None,
    more_groups: frozenset[str] = frozenset(),
    note: Callable[[str], object] | None = None,
) -> T:
    """Return what `do` returns, which is a JSON value. Where this is root and another user rules `place`, it runs in a
    process of its own with that user's rights, and within `limit_s`. The calling process must have one thread only.
    With `note`, `do` is called with a function that has `note` called with a text, in this process and with its rights.

    Raises EdgeAgentError as `do` does, StorageError when the process does not end in time, or is ended.
    """
    owner = _owner(place, more_groups)
    if owner is None:
        return do() if note is None else do(note)
    reader, writer = os.pipe()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _be_the_child(owner, do if note is None else partial(do, partial(_say, writer)), limit_s, writer)
    os.close(writer)
    try:
        said = _heard(reader, None if limit_s is None else limit_s + _SPARE_S, note)
    finally:
        os.close(reader)
        ended_by = _end(pid)
    match said:
        case {"done": done}:
            return done  # type: ignore[no-any-return]
        case {"error": [str(kind), str(text)]}:
            raise _error(kind)(text)
        case _ if said is None or ended_by == "SIGALRM":
            raise StorageError(f"{place} did not answer within {limit_s:g} s: check what is in it")
        case _:
            raise StorageError(
                f"the part that runs as {owner.name} in {place} was ended by {ended_by}: run the command again"
            )


def _owner(place: Path, more_groups: frozenset[str]) -> Account | None:
    """Return whoever rules `place`; None if that is root, or this is not."""
    if not account.is_root():
        return None
    try:
        uid = ruler(place)
    except OSError as error:
        raise StorageError(f"{place} can't be read: {(error.strerror or str(error)).lower()}") from error
    if not uid:
        return None
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return Account(str(uid), uid, _NOBODY, "/", frozenset({_NOBODY}))
    unit = ask_unit()
    return account.find(name, more_groups | (unit.groups if unit else frozenset()))


def _walked(path: Path, *, whole: bool = False) -> tuple[int, int]:
    """Return the number of what `path` leads to, or of the nearest directory above it that is there unless it must be
    there as a `whole`, and its ruler. Raises OSError."""
    at, uid, links = os.open("/", os.O_PATH | os.O_CLOEXEC), 0, 0
    parts = deque(path.absolute().parts[1:])
    try:
        while parts:
            part = parts.popleft()
            try:
                found = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            except (FileNotFoundError, NotADirectoryError):
                if whole:
                    raise
                break
            about = os.fstat(found)
            uid = uid or about.st_uid
            if not stat.S_ISLNK(about.st_mode):
                os.close(at)
                at = found
                continue
            try:
                links += 1
                if links > _MOST_LINKS:
                    raise OSError(40, "too many levels of symbolic links", str(path))
                if uid:  # it leads wherever that user wants
                    if whole:
                        raise OSError(40, "a link of another user, which root does not follow", str(path))
                    break
                target = Path(os.readlink("", dir_fd=found))
            finally:
                os.close(found)
            parts.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
            if target.is_absolute():
                os.close(at)
                at = os.open("/", os.O_PATH | os.O_CLOEXEC)
    except BaseException:
        os.close(at)
        raise
    return at, uid


def _be_the_child(owner: Account, do: Callable[[], object], limit_s: float | None, writer: int) -> NoReturn:
    said: dict[str, object] = {}
    try:
        account.become(owner)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, limit_s or 0)  # the enrolment's unit lets root kill nobody
        for what, most in ((resource.RLIMIT_DATA, _MOST_MEMORY), (resource.RLIMIT_CORE, 0)):
            resource.setrlimit(what, (most, most))
        said = {"done": do()}
    except EdgeAgentError as error:
        said = {"error": [type(error).__name__, str(error)]}
    except KeyboardInterrupt:
        pass
    except MemoryError:
        said = {"error": ["StorageError", "a file is far larger than it should be: check what is there"]}
    except Exception as error:  # noqa: BLE001 - nothing of it may be lost in a process that nobody sees
        said = {"error": ["EdgeAgentError", f"{type(error).__name__}: {error}"]}
    finally:
        with suppress(BaseException):
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            _say(writer, said)
        os._exit(0)


def _say(writer: int, said: object) -> None:
    with os.fdopen(writer, "wb", closefd=False) as out:
        out.write(json.dumps(said).encode() + b"\n")


def _heard(reader: int, limit_s: float | None, note: Callable[[str], object] | None) -> object:
    """Return what the child says at last, `{}` if it says nothing; None if its time is up. What it says before is for
    `note`."""
    until_s = None if limit_s is None else time.monotonic() + limit_s
    rest = b""
    while len(rest) <= _MOST_BYTES:
        left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
        if not select.select([reader], [], [], left_s)[0]:
            return None
        piece = os.read(reader, 65536)
        if not piece:
            break
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            match json.loads(line):
                case str(text) if note is not None:
                    note(text)
                case said:
                    return said
    return {}


def _end(pid: int) -> str:
    """Kill the child if it is still there, and reap it; return what has ended it."""
    handle = os.pidfd_open(pid)
    try:
        if not select.select([handle], [], [], 0.5)[0]:
            with suppress(PermissionError):
                os.kill(pid, signal.SIGKILL)
        select.select([handle], [], [], 5.0)  # one that hangs in the kernel ends when that lets it go
    finally:
        os.close(handle)
    reaped, status = os.waitpid(pid, os.WNOHANG)
    return signal.Signals(os.WTERMSIG(status)).name if reaped and os.WIFSIGNALED(status) else "itself"


def _error(kind: str) -> type[EdgeAgentError]:
    known, seen = [EdgeAgentError], {}
    while known:
        each = known.pop()
        seen[each.__name__] = each
        known += each.__subclasses__()
    return seen.get(kind, EdgeAgentError)
