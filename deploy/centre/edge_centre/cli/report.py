"""`edge-centre report`: check the signed report of a commissioning, and make a page of it."""

import argparse
import os
import subprocess
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from agent.contract.commissioning import Report, Verdict
from agent.contract.errors import EdgeAgentError, UsageError
from agent.contract.identity import ROOT
from agent.trust.commissioning_report import Finding, ReportError, ReportFile, check, read
from edge_centre.adapters.browser import find_browser
from edge_centre.cli import report_file
from edge_centre.cli.report_trust import add_trust, content, is_trust_given, trust_of
from edge_centre.cli.target import identity_of
from edge_centre.library import printable

_EXAMPLE = """\
Example:
  edge-centre report file --help                              how to receive and file reports
  edge-centre report verify kiosk-0042.json --province kzn
  edge-centre report verify kiosk-0042.json --device-ca device-ca.pem --keys keys/keys.json --revoked device.crl
  edge-centre report render kiosk-0042.json --out reports --province kzn
"""
_PATIENCE_S = 60.0
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--no-pdf-header-footer",
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `report` and its subcommands; each sets `run`."""
    parser = subparsers.add_parser(
        "report",
        help="file and check commissioning reports, and make pages from them",
        description="File and check signed commissioning reports, and make pages from them. FILE is the device's"
        " own copy, or what it sent on up/commissioning.",
        epilog=_EXAMPLE,
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    one = actions.add_parser(
        "verify",
        help="verify a report's signatures",
        description="Verify a report: one line for each check, and which places were altered. Exit code 0 if all checks"
        " hold, 1 otherwise.",
        epilog=_EXAMPLE,
    )
    _add_shared(one)
    one.set_defaults(run=_verify)
    one = actions.add_parser(
        "render",
        help="make a page from a report, and a PDF if Chromium is installed",
        description="Make an HTML page from a report, and a PDF if Chromium is installed. With --province, or"
        " --device-ca and --keys, the report is verified and the page says so. Exit code 1 if a check does not hold.",
        epilog=_EXAMPLE,
    )
    _add_shared(one)
    one.add_argument("--out", required=True, type=Path, metavar="DIR", help="created if it does not exist")
    one.set_defaults(run=_render)
    report_file.add_action(actions)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the report")
    add_trust(parser)
    parser.add_argument("--device", metavar="PROVINCE/SITE/ID", help="the device whose report it must be")
    parser.add_argument("--after", type=Path, metavar="FILE", help="the newest known report, which it must follow")


def _verify(args: argparse.Namespace) -> int:
    file, findings = _checked(args)
    report = file.data.report
    for holds, text, _ in findings:
        print(printable(f"{'holds' if holds else 'NOT SO'}: {text}"))
    if args.revoked is None:
        print("not checked: whether the device has been revoked (--revoked FILE)")
    if dos := [finding.do for finding in findings if not finding.holds]:
        for do in dict.fromkeys(dos):
            print(printable(f"Next: {do}."))
        return 1
    words: dict[Verdict, str] = {"passed": "passed", "failed": "failed", "left-out": "left out"}
    counts = ", ".join(f"{count} {word}" for verdict, word in words.items() if (count := report.count(verdict)))
    print(printable(f"{report.device.name}, {report.ended}: {report.verdict} ({counts})"))
    return 0


def _render(args: argparse.Namespace) -> int:
    from edge_centre.cli.report_page import page  # noqa: PLC0415 - `verify` needs none of it

    if is_trust_given(args):
        file, findings = _checked(args)
        revoked = f"Revoked devices: {args.revoked.name}" if args.revoked else "Revocation was not checked"
        names = [each.name for each in (args.device_ca, args.keys) if each]
        against = f"against {' and '.join([f'the province {args.province}', *names] if args.province else names)}"
        checked: str | None = f"Checked {datetime.now(UTC):%Y-%m-%d %H:%M} UTC {against}. {revoked}."
    elif any((args.device_ca, args.keys, args.revoked, args.device, args.after)):
        raise UsageError("a check needs both --device-ca and --keys, or --province")
    else:
        try:
            file, findings = read(content(args.file))
        except ReportError as error:
            raise _unreadable(args.file, error) from error
        checked = None
    report = file.data.report
    path = args.out / f"{report.device.name.replace('/', '-')}-{_date(report.ended)}-{_short(report.id)}.html"
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        path.write_text(page(file, findings, checked), encoding="utf-8")
    except OSError as error:
        raise EdgeAgentError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    print(path)
    print(_pdf(path))
    return 0 if all(finding.holds for finding in findings) else 1


def _checked(args: argparse.Namespace) -> tuple[ReportFile, list[Finding]]:
    trust = replace(
        trust_of(args),
        device=identity_of(args.device, ROOT).user if args.device else None,
        after=_before(args.after) if args.after else None,
    )
    try:
        return check(content(args.file), trust, datetime.now(UTC))
    except ReportError as error:
        raise _unreadable(args.file, error) from error


def _unreadable(path: Path, error: ReportError) -> ReportError:
    return ReportError(
        f"{path}: {error}; copy it again from the device, where it is /var/lib/edge-agent/commissioning/report.json"
    )


def _before(path: Path) -> Report:
    file, faults = read(content(path))
    if faults:
        raise UsageError(f"{path}: {faults[0].text}")
    return file.data.report


def _pdf(page: Path) -> str:
    """Have Chromium print a page beside it; return the PDF's path, or a sentence that says why there is none."""
    browser = find_browser()
    if browser is None:
        return "No PDF: Chromium is not on this machine. Open the page in a browser, and print it to a file."
    target = page.with_suffix(".pdf").absolute()
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no right to one
    with tempfile.TemporaryDirectory() as profile:
        options = [*_OPTIONS, *sandbox, f"--user-data-dir={profile}", f"--print-to-pdf={target}"]
        try:
            subprocess.run(
                [browser, *options, page.absolute().as_uri()], check=True, capture_output=True, timeout=_PATIENCE_S
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"No PDF: {browser} has failed ({type(error).__name__}). Open the page in a browser, and print it."
    return str(target) if target.exists() else f"No PDF: {browser} has made none."


def _date(time: str) -> str:
    try:
        return f"{datetime.fromisoformat(time):%Y-%m-%d}"
    except ValueError:
        return "undated"


def _short(name: str) -> str:
    """What of a report's id tells two reports of one day apart, and is no path."""
    return "".join(each for each in name if each in "0123456789abcdef")[-8:]
