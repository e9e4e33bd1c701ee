"""Unix sockets on which an agent listens: for `edge-agent sim`, if it is simulated, and the tap."""

import os
import socket
from contextlib import suppress
from pathlib import Path

from agent.core.errors import StorageError
from agent.core.socket_address import socket_address


def connect(path: Path, timeout_s: float = 5.0) -> socket.socket:
    """Connect to the agent that listens on `path`. Raises OSError when there is none."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        with socket_address(path) as address:
            sock.connect(address)
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


def listen(path: Path, mode: int = 0o600) -> socket.socket:
    """Return a listening socket on `path`, for its owner alone unless `mode` says otherwise; removes what a dead agent
    left there.

    Raises StorageError when another agent listens there, or the place can't be used.
    """
    try:
        connect(path).close()
    except OSError:
        pass
    else:
        raise StorageError(f"another agent listens on {path}: stop it, or give this one its own directory")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_socket():
            path.unlink()
        os.fchmod(sock.fileno(), 0o600)  # before bind, so that the file is created with this mode
        with socket_address(path) as address:
            sock.bind(address)
            if mode != 0o600:  # the mask of the process may have taken from it
                Path(address).chmod(mode)
        sock.listen()
    except OSError as error:
        sock.close()
        raise StorageError(f"{path} can't be made: {(error.strerror or str(error)).lower()}") from error
    return sock


def remove(path: Path) -> None:
    """Remove the socket's file."""
    with suppress(OSError):
        path.unlink()
