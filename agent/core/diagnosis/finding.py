"""The findings of a check: one line says what is so, and one says what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How serious a finding is. Only `FAIL` makes the doctor fail."""

    OK = "ok"
    UNKNOWN = "unknown"
    """The check was impossible; the finding says why."""
    WARN = "warn"
    FAIL = "fail"


_BY_WEIGHT = tuple(State)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has found. `do` is empty if there is nothing to do."""

    state: State
    what: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one check found, and how long it took."""

    name: str
    findings: tuple[Finding, ...]
    took_ms: int

    @property
    def state(self) -> State:
        """The state of the worst finding."""
        return worst(finding.state for finding in self.findings)


def ok(what: str) -> Finding:
    """Make a finding of something that is as it should be."""
    return Finding(State.OK, what)


def unknown(what: str, do: str = "") -> Finding:
    """Make a finding of something that could not be checked."""
    return Finding(State.UNKNOWN, what, do)


def warn(what: str, do: str) -> Finding:
    """Make a finding of something that works, but not well or not for much longer."""
    return Finding(State.WARN, what, do)


def fail(what: str, do: str) -> Finding:
    """Make a finding of something that does not work."""
    return Finding(State.FAIL, what, do)


def worst(states: Iterable[State]) -> State:
    """Return the worst of the states; `OK` if there are none."""
    return max(states, key=_BY_WEIGHT.index, default=State.OK)


def count(reports: Iterable[Report]) -> dict[str, int]:
    """Return the number of findings of each state."""
    states = [finding.state for report in reports for finding in report.findings]
    return {state.value: states.count(state) for state in State}


def summary(reports: Iterable[Report]) -> str:
    """Return one line that says how much is wrong, and where."""
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
    """Make a finding of an error whose text is one line.

    Our own errors say what is wrong and then, after the last `: ` or `; `, what to do. `do` is for an error that does
    not.
    """
    text = str(error)
    at = max(text.rfind(": "), text.rfind("; "))
    return fail(text[:at], text[at + 2 :]) if at > 0 else fail(text, do)
