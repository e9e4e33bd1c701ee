"""Grades a device: makes one check after the other, and collects what was wrong."""

from collections.abc import Callable

from edge_centre.conform.checks import ABOUT_ALL, CHECKS
from edge_centre.conform.report import Report
from edge_centre.conform.subject import Subject
from edge_centre.conform.verdict import Finding, finding, name_of, what_of


def grade(subject: Subject, on_finding: Callable[[Finding], None] = lambda _: None) -> Report:
    """Grade a device that is connected. `on_finding` is called after each check. Raises BrokerError when a command of
    the person who grades fails."""
    findings: list[Finding] = []
    for check in CHECKS:
        ended_by = next((each.name for each in findings if not each.goes_on), "")
        if ended_by and check not in ABOUT_ALL:
            found = Finding(name_of(check), what_of(check), "not-tried", [f"{ended_by} did not pass"])
        else:
            found = finding(check, subject)
        findings.append(found)
        on_finding(found)
    return Report("device", subject.identity.source, [subject.broker], findings)
