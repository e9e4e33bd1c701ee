"""What a grader has found, as a table's rows, as a file, and signed."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from agent.contract.commands import CommandRejected
from agent.contract.envelope import rfc3339
from agent.contract.errors import EdgeAgentError
from agent.trust.jose_keys import KeyRing, PrivateKey, sign
from edge_centre.conform.verdict import Finding, Verdict

FORM = 1
"""Version of the file's form."""


@dataclass(frozen=True, slots=True)
class Report:
    """A whole grading."""

    graded: Literal["centre", "device"]
    subject: str
    """The name of the centre, or the source of the device."""
    brokers: Sequence[str]
    findings: Sequence[Finding]
    left_out: Sequence[str] = ()
    """The scenarios that nobody wanted to be tried."""
    time: str = field(default_factory=lambda: rfc3339(datetime.now(UTC)))
    """When it ended, by this machine's clock."""
    form: int = FORM

    @property
    def passed(self) -> bool:
        """Whether nothing that was tried failed, and something was tried."""
        verdicts = {finding.verdict for finding in self.findings}
        return "failed" not in verdicts and "passed" in verdicts

    @property
    def summary(self) -> str:
        """The last line for a person."""
        failed, untried = (self._names(verdict) for verdict in ("failed", "not-tried"))
        words = [f"{len(self._names('passed'))} of {len(self.findings)} passed"]
        words += [f"failed: {', '.join(failed)}"] if failed else []
        words += [f"not tried: {', '.join(untried)}"] if untried else []
        words += [f"{len(self.left_out)} left out"] if self.left_out else []
        return "; ".join(words)

    def write(self, path: Path, key: PrivateKey) -> None:
        """Write the report and its signature. Raises EdgeAgentError."""
        fields = ("name", "what", "verdict", "faults", "took_ms")
        findings = [{field: getattr(each, field) for field in fields} for each in self.findings]
        content = {**asdict(self), "findings": findings, "passed": self.passed}
        token = sign({"report": content["graded"], "sha256": _digest(content), "iss": key.issuer}, key)
        text = json.dumps({"report": content, "signature": token.decode("ascii")}, indent=1)
        try:
            path.write_text(f"{text}\n", encoding="ascii")
        except OSError as error:
            raise EdgeAgentError(f"{path}: {(error.strerror or str(error)).lower()}") from error

    def _names(self, verdict: Verdict) -> list[str]:
        return [finding.name for finding in self.findings if finding.verdict == verdict]


def untried(report: dict[str, Any]) -> list[str]:
    """Return the names of what a verified report says nothing of."""
    names = [each["name"] for each in report["findings"] if each["verdict"] == "not-tried"]
    return [*names, *report.get("left_out", ())]


def verified(path: Path, keys: KeyRing) -> tuple[dict[str, Any], str]:
    """Return the content of a report whose signature is right, and who has signed it. Raises EdgeAgentError."""
    try:
        content = json.loads(path.read_bytes())
        report, token = content["report"], content["signature"].encode("ascii")
        form, passed = report["form"], report["passed"]
        signed = keys.verify(token)
    except OSError as error:
        raise EdgeAgentError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except CommandRejected as error:
        why = "the key that signed it is not known: it is not in --keys" if error.code == "unknown-key" else str(error)
        raise EdgeAgentError(f"{path}: {why}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EdgeAgentError(f"{path}: this is no report of edge-centre conform") from error
    if signed.claims.get("sha256") != _digest(report):
        raise EdgeAgentError(f"{path}: the report was changed after it was signed")
    if form != FORM or not isinstance(passed, bool):
        raise EdgeAgentError(f"{path}: this version does not know the report's form")
    return report, f"{signed.kid} of {signed.issuer}"


def _digest(content: Any) -> str:
    """SHA-256 of the report as JSON with sorted keys, without spaces, in ASCII."""
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")).hexdigest()
