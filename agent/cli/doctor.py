"""`edge-agent doctor`: what is wrong with this device, and what to do about it."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from agent import __version__
from agent.adapters import account
from agent.adapters.account import SERVICE_USER
from agent.adapters.systemd_unit import ask_unit
from agent.cli.doctor_table import Table
from agent.contract.command_line import DEFAULT_CONFIG, add_config
from agent.contract.envelope import rfc3339
from agent.core.diagnosis.finding import Report, State, count, summary, worst
from agent.core.errors import SettingsError, UsageError
from agent.doctor.bounded import run_bounded
from agent.doctor.check import Check
from agent.doctor.plan import checks_of, checks_without, device_of
from agent.provisioning import progress
from agent.settings import Settings
from agent.settings.kept import look

_EXAMPLE = """\
Examples:
  sudo edge-agent doctor
  sudo edge-agent doctor --only broker --only clock
  edge-agent doctor --config firmware_configs/simulated/edge-agent.toml --simulate --json

It checks the real parts and changes nothing: no button is pressed, no lamp is lit, and a running agent keeps its
pins, its cameras and its connection. Each other broker gets one login and the end of a test alarm, which alarms nobody.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "doctor",
        help="check every part of a device, and say what to do",
        description="Check every part of this device, and say what is wrong and what to do. Exit code 1 if "
        "anything fails; warnings and what could not be checked do not count. With sudo it checks with the rights of "
        "the service's user.",
        epilog=_EXAMPLE,
    )
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, of the form in docs/contract.md")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="this check only, for example broker or broker-1"
    )
    parser.add_argument("--lights", action="store_true", help="light each lamp for a second, if no agent is running")
    parser.add_argument("--simulate", action="store_true", help="simulate pins and cameras")
    parser.add_argument("--limit", type=_seconds, metavar="S", help="time limit for each check; default: its own")
    parser.add_argument("--user", default=SERVICE_USER, help=f"the service's user; default: {SERVICE_USER}")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the checks one after the other and show what they find."""
    # If the service's own user is missing, that is a finding.
    if args.user != SERVICE_USER and account.find(args.user) is None:
        raise UsageError(f"--user {args.user}: this machine has no such user; the service's is {SERVICE_USER}")
    if not args.simulate:
        _take_rights(args.user)
    settings: Settings | None = None
    names, lacks = args.only, False
    try:
        begun = look(args.config)
        settings = begun.settings
        told = progress.read() if args.config == DEFAULT_CONFIG else None
        device = device_of(begun, simulate=args.simulate, user=args.user, told=told)
        lacks = bool(device.lacks)
        checks = checks_of(device, args.config, with_lights=args.lights)
    except SettingsError as error:
        checks = checks_without(error, args.config, args.user)
        names = [*names, "settings"] if names else []
    checks = _chosen(checks, names, " before this device is enrolled" if lacks else "")
    if args.json:
        reports = list(_run(checks, lambda _: _silent, args.limit))
        print(json.dumps(_as_json(args.config, settings, reports), indent=2, ensure_ascii=False))
    else:
        reports = _show(checks, args.limit)
    return 1 if worst(report.state for report in reports) is State.FAIL else 0


def _take_rights(user: str) -> None:
    """Switch to the service's user if we are root: root can read and write what the service can't."""
    if account.is_root():
        unit = ask_unit()
        found = account.find(user, unit.groups if unit else frozenset())
        if found is not None:
            account.become(found)


def _chosen(checks: Sequence[Check], names: Sequence[str], when: str) -> list[Check]:
    """Return the checks of these names; `broker` stands for every broker's. Raises UsageError."""
    if not names:
        return list(checks)
    groups = [{check.name, check.name.partition("-")[0]} for check in checks]
    for name in names:
        if not any(name in group for group in groups):
            raise UsageError(
                f"--only {name}: there is no such check here{when}; there are {', '.join(c.name for c in checks)}"
            )
    return [check for check, group in zip(checks, groups, strict=True) if group & set(names)]


def _run(
    checks: Sequence[Check], waiting: Callable[[str], Callable[[str, float], None]], limit_s: float | None
) -> Iterator[Report]:
    """Run each check, except those that could only repeat a failure."""
    failed: set[str] = set()
    for check in checks:
        run = partial(check.run, failed=frozenset(failed)) if check.heeds else check.run
        report = run_bounded(replace(check, run=run), waiting(check.name), limit_s)
        if not report.findings:
            continue
        if report.state is State.FAIL:
            failed.add(check.name)
        yield report


def _show(checks: Sequence[Check], limit_s: float | None) -> list[Report]:
    table = Table(sys.stdout, sys.stderr, max(len(check.name) for check in checks))
    reports = []
    for report in _run(checks, table.waiting, limit_s):
        reports.append(report)
        table.show(report)
    table.end(worst(report.state for report in reports), summary(reports))
    return reports


def _as_json(config: Path, settings: Settings | None, reports: Sequence[Report]) -> dict[str, Any]:
    return {
        "version": 1,
        "agent_version": __version__,
        "time": rfc3339(datetime.now(UTC)),
        "config": str(config),
        "device": None if settings is None else settings.device.id,
        "user": account.own_name(),
        "state": worst(report.state for report in reports).value,
        "summary": summary(reports),
        "counts": count(reports),
        "checks": [
            {
                "name": report.name,
                "state": report.state.value,
                "took_ms": report.took_ms,
                "findings": [
                    {"state": finding.state.value, "what": finding.what, "do": finding.do}
                    for finding in report.findings
                ],
            }
            for report in reports
        ],
    }


def _silent(_doing: str, _for_s: float) -> None:
    """Show nothing: a program reads the result at the end."""


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("a number of seconds above 0")
    return seconds
