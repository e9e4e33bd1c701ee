"""What systemd says about the service's unit."""

import subprocess
from dataclasses import dataclass
from functools import cache

UNIT = "edge-agent.service"
_ASK_S = 10.0
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "NRestarts", "SupplementaryGroups")


@dataclass(frozen=True, slots=True)
class Unit:
    """The installed unit. `active` and `sub` are systemd's words, such as `activating` and `auto-restart`."""

    active: str
    sub: str
    restarts: int
    groups: frozenset[str]
    """The groups that the unit gives the service besides those of its user."""

    @property
    def runs(self) -> bool:
        """Whether it has a process, or is about to."""
        return self.active in {"active", "reloading", "deactivating"} or self.sub.startswith("start")


@cache
def ask_unit(systemctl: str = "systemctl") -> Unit | None:
    """Ask systemd about the unit; None without systemd, or without such a unit.

    It asks once per process: where no D-Bus runs, a process that has given up root can't ask again.
    """
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
