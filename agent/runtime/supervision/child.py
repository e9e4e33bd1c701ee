"""A process that the core starts for a camera, and the socket to it, on which each line is a message."""

import logging
import socket
import subprocess
from collections.abc import Sequence

_CHUNK = 64 * 1024
_KILL_S = 5.0
_LAST_S = 1.0

log = logging.getLogger(__name__)


def start(command: Sequence[str]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a process; the number of its socket is appended to `command`. Raises OSError.

    Returns the process and our end, which never blocks."""
    ours, theirs = socket.socketpair()
    try:
        words = [*command, str(theirs.fileno())]
        process = subprocess.Popen(words, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    return process, ours


class Lines:
    """What has come on a socket, line by line. One thread."""

    def __init__(self, longest: int) -> None:
        """A line of more than `longest` bytes counts as the end."""
        self._longest = longest
        self._rest = b""
        self.is_over = False
        """Whether nothing more can come."""

    def read(self, connection: socket.socket) -> list[bytes]:
        """Return the lines that are whole now, without waiting."""
        try:
            data = connection.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.is_over = not data or len(self._rest) > self._longest
        return lines


def how_it_ended(process: subprocess.Popen[bytes], called: str, last: str) -> str:
    """Return in words how a process has ended that has closed its link, and its `last` words."""
    try:
        code = process.wait(timeout=_LAST_S)
    except subprocess.TimeoutExpired:
        return f"{called} closed its link"
    how = f"was killed by signal {-code}" if code < 0 else f"ended ({code})"
    return f"{called} {how}" + (f" after: {last}" if last else "")


def kill(process: subprocess.Popen[bytes], called: str) -> None:
    """Kill a process, and wait for its end for some seconds."""
    process.kill()
    try:
        process.wait(_KILL_S)
    except subprocess.TimeoutExpired:
        log.error("%s hangs in a driver or a disk, and does not die", called)  # noqa: TRY400 - one line is enough
