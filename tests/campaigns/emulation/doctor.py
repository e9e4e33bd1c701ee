"""What `edge-agent doctor` says to a technician who asks it in the machine."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.campaigns.emulation.machine import Machine

SETTINGS = "/etc/edge-agent/edge-agent.toml"
_WITHIN_S = 120.0
_LOG = "/run/emulation-doctor.log"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that it has looked at."""

    check: str
    state: str
    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.what} -> {self.do}" if self.do else self.what


@dataclass(frozen=True, slots=True)
class Doctor:
    """What it said."""

    code: int
    user: str
    summary: str
    findings: Sequence[Finding]

    def one(self, check: str, *states: str) -> Finding:
        """The only finding of this check, in one of these states. Raises AssertionError."""
        found = [each for each in self.findings if each.check == check]
        assert len(found) == 1, f"{len(found)} findings of {check}: {self}"
        assert found[0].state in states, str(self)
        return found[0]

    def fault(self, check: str, what: str) -> Finding:
        """Where it says that this is wrong, and what to do. Raises AssertionError."""
        found = [each for each in self.findings if (each.check, each.state) == (check, "fail") and what in each.what]
        assert self.code == 1, f"exit code {self.code}"
        assert found, f"the doctor does not say {what!r}, but {self}"
        assert found[0].do, f"it does not say what to do: {found[0]}"
        return found[0]

    def check_well(self) -> None:
        """Raises AssertionError when anything is wrong."""
        wrong = [each for each in self.findings if each.state == "fail"]
        assert (self.code, wrong) == (0, []), f"exit code {self.code}: {'; '.join(map(str, wrong))}"

    def __str__(self) -> str:
        return "; ".join(f"{each.state} {each.check}: {each.what}" for each in self.findings)


def ask(machine: Machine, *checks: str) -> Doctor:
    """All of it, or these checks alone. Raises AssertionError when it says nothing that can be read."""
    only = "".join(f" --only {check}" for check in checks)
    done = machine.run(f"edge-agent doctor --config {SETTINGS} --json{only} 2> {_LOG}", _WITHIN_S)
    try:
        return read(done.code, done.said)
    except (ValueError, LookupError) as error:
        complaint = machine.check(f"tail -c 2000 {_LOG}")
        raise AssertionError(f"the doctor ended with {done.code}: {done.said[-500:]}{complaint}") from error


def read(code: int, said: str) -> Doctor:
    """Its report. Raises ValueError or LookupError when this is none."""
    report = json.loads(said)
    findings = [
        Finding(check["name"], each["state"], each["what"], each["do"])
        for check in report["checks"]
        for each in check["findings"]
    ]
    return Doctor(code, report["user"], report["summary"], findings)
