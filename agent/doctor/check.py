"""A check: a name, a limit, and something that looks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.adapters.account import SERVICE_USER
from agent.adapters.running_agent import RunningAgent
from agent.bootstrap import specs
from agent.core.diagnosis.finding import Finding, unknown
from agent.settings import Settings

Note = Callable[[str], None]
"""Takes what a check is doing now, for whoever waits, and for the case that it never comes back."""


@dataclass(frozen=True, slots=True)
class Check:
    """`run` may block, crash or hang: it has a process of its own, which is ended after `limit_s`."""

    name: str
    limit_s: float
    run: Callable[[Note], Iterable[Finding]]


NOT_TRIED = unknown("it was not tried, since an agent may run that has it", "run the doctor with sudo")


@dataclass(frozen=True, slots=True)
class Device:
    """What the checks look at."""

    settings: Settings
    simulate: bool
    """Pins and cameras are stand-ins, as in `edge-agent run --simulate`."""
    agent: RunningAgent | None
    """The agent that runs on this state directory already: what it holds is left alone."""
    user: str = SERVICE_USER
    """Whom the service runs as."""
    untold: bool = False
    """Whether an agent runs can't be told, so nothing is tried that one may hold."""

    @property
    def status(self) -> str | None:
        """What that agent says of itself; None without it, or where it may not be read."""
        runtime = None if self.agent is None else self.agent.runtime_directory
        try:
            return None if runtime is None else (runtime / specs.STATUS_FILE).read_text(encoding="utf-8")
        except OSError:
            return None

    @property
    def directory(self) -> Path:
        """Of the state."""
        return self.settings.storage.directory
