"""The socket on which systemd would listen for a service's notifications."""

import socket
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.wait import PATIENCE_S


class ServiceManager(AbstractContextManager["ServiceManager"]):
    """Hears what a service says to `environ["NOTIFY_SOCKET"]`."""

    def __init__(self, directory: Path, watchdog_s: float | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = directory / "notify"
        self._socket.bind(str(path))
        self.environ = {"NOTIFY_SOCKET": str(path)}
        if watchdog_s is not None:
            self.environ["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def next(self, timeout_s: float) -> str | None:
        """The next notification, or None when none comes in time."""
        self._socket.settimeout(timeout_s)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def wait_for(self, wanted: str, timeout_s: float = PATIENCE_S) -> list[str]:
        """Read on until `wanted` comes; returns what came before it."""
        before: list[str] = []
        while (said := self.next(timeout_s)) != wanted:
            assert said is not None, f"no {wanted} within {timeout_s:g} s; heard {before}"
            before.append(said)
        return before
