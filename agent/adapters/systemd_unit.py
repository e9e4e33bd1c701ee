"""What systemd says of the service's unit."""

import subprocess
from dataclasses import dataclass
from functools import cache

UNIT = "edge-agent.service"
_ASK_S = 10.0
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "NRestarts", "SupplementaryGroups")


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit as it is installed. `active` and `sub` are systemd's words, such as `activating` and `auto-restart`."""

    active: str
    sub: str
    restarts: int
    groups: frozenset[str]
    """Those that it gives the service besides those of its user."""

    @property
    def runs(self) -> bool:
        """It has a process, or is about to."""
        return self.active in {"active", "reloading", "deactivating"} or self.sub.startswith("start")


@cache
def ask_unit(systemctl: str = "systemctl") -> Unit | None:
    """None without systemd, or without such a unit. It is asked once in a process: whoever gives up root's rights
    afterwards can't ask any more where no D-Bus runs."""
    try:
        done = subprocess.run(
            [systemctl, "show", UNIT, f"--property={','.join(_PROPERTIES)}"],
            capture_output=True,
            text=True,
            timeout=_ASK_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    said = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    if said.get("LoadState") != "loaded":
        return None
    restarts = said.get("NRestarts", "")
    return Unit(
        active=said.get("ActiveState", ""),
        sub=said.get("SubState", ""),
        restarts=int(restarts) if restarts.isdecimal() else 0,
        groups=frozenset(said.get("SupplementaryGroups", "").split()),
    )
