"""`edge-agent doctor`, run as a technician runs it, and what it has found."""

import json
import os
import pwd
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.agent_process import AgentProcess, run_cli

NOWHERE = "mqtt://127.0.0.1:1"
"""Nobody listens there."""


def kiosk(directory: Path, *brokers: str, **sections: Any) -> AgentProcess:
    """A device that is not started; the doctor reads its settings and keys."""
    return AgentProcess(directory, *(brokers or (NOWHERE,)), **sections)


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of it: the exit code, and the JSON."""

    code: int
    tree: dict[str, Any]

    def of(self, name: str) -> list[dict[str, str]]:
        """The findings of one check."""
        [check] = [check for check in self.tree["checks"] if check["name"] == name]
        findings: list[dict[str, str]] = check["findings"]
        return findings

    def one(self, name: str, state: str) -> dict[str, str]:
        """The only finding of that check in that state; fails when there is none, or more."""
        found = [finding for finding in self.of(name) if finding["state"] == state]
        assert len(found) == 1, self.of(name)
        return found[0]

    def failure(self, name: str) -> str:
        """What fails in that check, which says also what to do."""
        assert self.code == 1
        finding = self.one(name, "fail")
        assert finding["do"]
        return f"{finding['what']} -> {finding['do']}"


def examine(config: Path, *options: str, environ: Mapping[str, str] | None = None) -> Examined:
    """Run it with `--json`."""
    done = run_cli("doctor", "--config", config, "--json", *options, environ=environ)
    print(done.stdout, done.stderr)
    assert done.stderr == ""
    return Examined(done.returncode, json.loads(done.stdout))


def plain_user() -> str:
    """A user without rights of its own: whoever runs the tests, or for root one that is there on every machine."""
    return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


@contextmanager
def open_directory() -> Iterator[Path]:
    """A directory below /dev that a plain user may look into, as it may not into those that pytest makes for root."""
    with tempfile.TemporaryDirectory(prefix="doctor-", dir="/dev/shm") as name:
        Path(name).chmod(0o755)
        yield Path(name)
