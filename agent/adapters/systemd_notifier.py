"""sd_notify, in the few lines it takes."""

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)


class SystemdNotifier:
    """The port Notifier. Does nothing where no service manager listens; never raises."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._watchdog_interval_s = _watchdog_interval_s(environ)
        self._failed = False

    @property
    def watchdog_interval_s(self) -> float | None:
        """How long the service manager waits for a `watchdog`; None when it does not watch this process."""
        return self._watchdog_interval_s

    def ready(self) -> None:
        """Tell the service manager that the buttons are live."""
        self._send("READY=1")

    def watchdog(self) -> None:
        """Tell the service manager that every essential part has advanced."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send("STATUS=" + " ".join(text.split()))

    def stopping(self) -> None:
        """Tell the service manager that an orderly stop has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the zero byte of an abstract name.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                # A hanging service manager must not hang us: then the watchdog could never help.
                sock.setblocking(False)
                sock.sendto(message.encode("utf-8", "replace"), address)
        except OSError as error:
            level = logging.DEBUG if self._failed else logging.ERROR
            _log.log(level, "can't notify the service manager of %s: %s", message.partition("=")[0], error)
            self._failed = True
        else:
            self._failed = False


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    try:
        if int(environ.get("WATCHDOG_PID", os.getpid())) != os.getpid():
            return None  # it watches another process, and only the environment was inherited
        interval_us = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return interval_us / 1e6 if interval_us > 0 else None
