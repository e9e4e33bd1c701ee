"""A check: a name, a time limit, and the function that looks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.adapters.account import SERVICE_USER
from agent.adapters.running_agent import RunningAgent
from agent.bootstrap import specs
from agent.core.diagnosis.finding import Finding, unknown
from agent.provisioning.progress import Told
from agent.settings import Settings
from agent.settings.kept import Begun
from agent.trust.whole_file import read_file

NETWORK, ENROLMENT = "network", "enrolment"
"""Checks whose failure explains many others."""
Note = Callable[[str], None]
"""Called with what a check is doing now: for the person who waits, and in case it never returns."""


@dataclass(frozen=True, slots=True)
class Check:
    """`run` may block, crash or hang: it has a process of its own, which is killed after `limit_s`."""

    name: str
    limit_s: float
    run: Callable[..., Iterable[Finding]]
    """Takes a `Note`."""
    heeds: bool = False
    """`run` also takes `failed`, the names of the checks that have failed. It leaves out only what follows from them;
    if nothing else is left, it finds nothing."""


NOT_TRIED = unknown("it was not tried: a running agent may have it", "run the doctor with sudo")


@dataclass(frozen=True, slots=True)
class Device:
    """What the checks look at."""

    settings: Settings
    simulate: bool
    """Pins and cameras are stand-ins, as in `edge-agent run --simulate`."""
    agent: RunningAgent | None
    """The agent that already runs on this state directory: what it holds is left alone."""
    user: str = SERVICE_USER
    """The user that the service runs as."""
    begun: Begun | None = None
    """What the settings were made of."""
    told: Told | None = None
    """The enrolment's last message on this machine."""
    untold: bool = False
    """True if nobody can tell whether an agent runs: then nothing is tried that it might hold."""

    @property
    def status(self) -> str | None:
        """The text of that agent's status file; None if there is none or it can't be read."""
        runtime = None if self.agent is None else self.agent.runtime_directory
        try:
            return None if runtime is None else read_file(runtime / specs.STATUS_FILE).decode()
        except (OSError, UnicodeDecodeError):
            return None

    @property
    def lacks(self) -> list[Path]:
        """The files of an identity that the settings name, if none of them is there: it has not been enrolled, nor set
        up by hand."""
        mqtt = self.settings.mqtt
        named = [path for path in (mqtt.cert_file, mqtt.key_file, mqtt.ca_file) if path is not None]
        return named if all(map(_is_missing, named)) else []

    @property
    def directory(self) -> Path:
        """The state directory."""
        return self.settings.storage.directory


def _is_missing(path: Path) -> bool:
    try:
        path.lstat()
    except PermissionError:  # the check of what is there says so
        return False
    except OSError:
        return True
    return False
