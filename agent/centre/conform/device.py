"""Grades a device: makes one check after the other, and collects what was wrong."""

import time
from collections.abc import Callable

from agent.centre.conform.checks import ABOUT_ALL, CHECKS
from agent.centre.conform.report import Finding, Report
from agent.centre.conform.subject import NothingMoreError, NotTried, Subject, Wrong

Check = Callable[[Subject], None]


def name_of(check: Check) -> str:
    """Return the name of a check in reports."""
    return check.__name__.replace("_", "-")


def grade(subject: Subject, on_finding: Callable[[Finding], None] = lambda _: None) -> Report:
    """Grade a device that is connected. `on_finding` is called after each check. Raises BrokerError when a command of
    the person who grades fails."""
    findings: list[Finding] = []
    ended_by = ""
    for check in CHECKS:
        finding, goes_on = _make(subject, check, "" if check in ABOUT_ALL else ended_by)
        ended_by = ended_by if goes_on else f"{finding.name} did not pass"
        findings.append(finding)
        on_finding(finding)
    return Report("device", subject.identity.source, [subject.broker], findings)


def _make(subject: Subject, check: Check, why_not: str) -> tuple[Finding, bool]:
    """Return what is found, and whether the next check makes sense."""
    name, what = name_of(check), " ".join((check.__doc__ or "").split())
    if why_not:
        return Finding(name, what, "not-tried", [why_not]), True
    begin_s = time.monotonic()
    faults: list[str] = []
    goes_on = True
    try:
        check(subject)
    except NotTried as reason:
        return Finding(name, what, "not-tried", [*reason.args]), True
    except Wrong as wrong:
        faults, goes_on = [*wrong.args], not isinstance(wrong, NothingMoreError)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        faults = [f"says something that can't be read here ({type(error).__name__}: {error})"]
    took_ms = round(1000 * (time.monotonic() - begin_s))
    return Finding(name, what, "failed" if faults else "passed", faults, took_ms), goes_on
