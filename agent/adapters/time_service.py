"""What sets this machine's clock, and the battery clock that runs without power."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_ASK_S = 10.0
_DAEMONS = ("chronyd", "ntpd", "ntpsec", "openntpd", "systemd-timesyncd")
_NAME_LENGTH = 15
"""The kernel keeps this many characters of a process's name."""


class TimeService:
    """Reads `/proc` and `/sys`, which a test may put elsewhere, and asks `timedatectl` if there is one."""

    def __init__(
        self, proc: Path = Path("/proc"), sysfs: Path = Path("/sys"), timedatectl: str = "timedatectl"
    ) -> None:
        self._proc = proc
        self._sysfs = sysfs
        self._timedatectl = timedatectl

    def name(self) -> str | None:
        """Return the time service, and its server if it says; None when none runs."""
        running = set(self._process_names())
        service = next((name for name in _DAEMONS if name[:_NAME_LENGTH] in running), None)
        if service != "systemd-timesyncd":
            return service
        server = self._server()
        return f"{service}, from {server}" if server else service

    def battery_clock(self) -> datetime | None:
        """Return the time of the first battery clock; None when there is none, or its time can't be read."""
        with suppress(OSError, ValueError):
            seconds = int((self._sysfs / "class/rtc/rtc0/since_epoch").read_text(encoding="ascii"))
            return datetime.fromtimestamp(seconds, UTC)
        return None

    def _process_names(self) -> Iterator[str]:
        for comm in self._proc.glob("[0-9]*/comm"):
            with suppress(OSError):
                yield comm.read_text(encoding="utf-8", errors="replace").strip()

    def _server(self) -> str | None:
        try:
            done = subprocess.run(
                [self._timedatectl, "show-timesync", "--property=ServerName", "--value"],
                capture_output=True,
                text=True,
                timeout=_ASK_S,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() or None
