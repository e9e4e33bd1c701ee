"""What a check has found: one line that says what is so, and one that says what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a finding is to be taken. Only `FAIL` makes the doctor fail."""

    OK = "ok"
    UNKNOWN = "unknown"
    """It could not be checked; the finding says why."""
    WARN = "warn"
    FAIL = "fail"


_BY_WEIGHT = tuple(State)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has found. `do` is empty where nothing is to be done."""

    state: State
    what: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that one check has found, and how long it took."""

    name: str
    findings: tuple[Finding, ...]
    took_ms: int

    @property
    def state(self) -> State:
        """That of the worst finding."""
        return worst(finding.state for finding in self.findings)


def ok(what: str) -> Finding:
    """It is as it should be."""
    return Finding(State.OK, what)


def unknown(what: str, do: str = "") -> Finding:
    """It can't be told whether it is as it should be."""
    return Finding(State.UNKNOWN, what, do)


def warn(what: str, do: str) -> Finding:
    """It works, and will not for long or not well."""
    return Finding(State.WARN, what, do)


def fail(what: str, do: str) -> Finding:
    """It does not work."""
    return Finding(State.FAIL, what, do)


def worst(states: Iterable[State]) -> State:
    """The heaviest of them; `OK` when there is none."""
    return max(states, key=_BY_WEIGHT.index, default=State.OK)


def count(reports: Iterable[Report]) -> dict[str, int]:
    """How many findings there are of each state."""
    states = [finding.state for report in reports for finding in report.findings]
    return {state.value: states.count(state) for state in State}


def summary(reports: Iterable[Report]) -> str:
    """One line: how much is wrong, and where."""
    reports = tuple(reports)
    said = [
        text
        for state, text in (
            (State.FAIL, _counted(reports, State.FAIL, "thing is wrong", "things are wrong")),
            (State.WARN, _counted(reports, State.WARN, "warning", "warnings")),
            (
                State.UNKNOWN,
                _counted(reports, State.UNKNOWN, "thing could not be checked", "things could not be checked"),
            ),
        )
        if text
    ]
    if not said:
        return "All is well."
    nothing = "" if any(report.state is State.FAIL for report in reports) else "Nothing is wrong. "
    return f"{nothing}{'. '.join(said)}."


def _counted(reports: tuple[Report, ...], state: State, one: str, more: str) -> str:
    names = [report.name for report in reports for finding in report.findings if finding.state is state]
    if not names:
        return ""
    return f"{len(names)} {one if len(names) == 1 else more}: {', '.join(dict.fromkeys(names))}"


def failure(error: object, do: str = "see docs/how-to/debug-a-kiosk.md") -> Finding:
    """Of an error in one line: our own say what is wrong, and after the last `: ` or `; ` what to do. `do` is for one
    that does not."""
    text = str(error)
    at = max(text.rfind(": "), text.rfind("; "))
    return fail(text[:at], text[at + 2 :]) if at > 0 else fail(text, do)
