"""`edge-centre conform`: grade a subscriber or a device against the contract, and check the report."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.contract.errors import UsageError
from agent.contract.identity import ROOT
from agent.trust.jose_keys import KeyRing, PrivateKey
from agent.trust.tls_context import TlsFiles
from edge_centre.cli.target import broker_url, identity_of, root_of
from edge_centre.conform import centre, device
from edge_centre.conform.report import Report, untried, verified
from edge_centre.conform.subject import Subject
from edge_centre.conform.verdict import Finding, Verdict, name_of
from edge_centre.library import printable

_STYLE: dict[Verdict, str] = {"passed": "green", "failed": "bold red", "not-tried": "blue"}
_EXAMPLE = """\
Example:
  edge-centre conform centre --broker mqtt://127.0.0.1:1883 --key keys/operator-1.key.json --report centre.json
  edge-centre conform device gp/jhb-park-station/kiosk-0042 --broker mqtt://127.0.0.1:1883 \\
      --key keys/operator-1.key.json --report device.json
  edge-centre conform verify centre.json --keys keys/keys.json
"""
_CENTRE = """\
Example:
  edge-centre conform centre --broker mqtt://127.0.0.1:1883 --key keys/operator-1.key.json --report centre.json
  edge-centre conform centre --broker mqtts://a:8884 --broker mqtts://b:8884 --ca ca.pem --cert centre.pem \\
      --cert-key centre.key --key keys/operator-1.key.json --keys keys/keys.json --report centre.json
"""
_DEVICE = """\
Example:
  edge-centre conform device gp/jhb-park-station/kiosk-0042 --broker mqtt://127.0.0.1:1883 \\
      --key keys/operator-1.key.json --report device.json
  edge-centre conform device gp/workbench/kiosk-simulated --broker mqtt://127.0.0.1:1883 --yes \\
      --press "edge-agent sim --config edge-agent.toml press police" --cut "systemctl kill -s KILL edge-agent" \\
      --key keys/operator-1.key.json --report device.json
"""
_WARNING = """\
This is for {source} on a bench, not in the street. It will
- have its button pressed twice: it raises an alarm, with lamps, tone and siren as its settings say, at every centre
- send it about twenty acks and commands that it must refuse, each of which is a security event
- take, dispatch and close the alarm, and let it raise itself again once{cut}
"""
_CUT = "\n- cut it off from its broker by: {command}"
_VERIFY = """\
Example:
  edge-centre conform verify centre.json --keys keys/keys.json
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "conform",
        help="grade a subscriber or a device against the contract",
        description="Grade a subscriber or a device against the contract, at a broker of yours. docs/conformance.md "
        "says how.",
        epilog=_EXAMPLE,
    )
    kinds = parser.add_subparsers(metavar="WHAT", required=True)
    this = kinds.add_parser(
        "centre",
        help="play devices for a subscriber, and grade what it makes of them",
        description="Play devices for a running subscriber, and grade what it says on the result topic. Exit code 0 "
        "if nothing was wrong, 1 otherwise.",
        epilog=_CENTRE,
    )
    this.add_argument(
        "--broker", action="append", type=broker_url, required=True, metavar="URL", help="address; may be repeated"
    )
    _add_shared(this)
    this.add_argument(
        "--keys", type=Path, metavar="FILE", help="key set of the subscriber; default: the public half of --key"
    )
    this.add_argument("--only", action="append", metavar="NAME", help="only this scenario; may be repeated")
    this.set_defaults(run=_centre)
    this = kinds.add_parser(
        "device",
        help="examine a device on the bench",
        description="Order a device about, and grade what it says. It raises an alarm: not for a device in service. "
        "Exit code 0 if nothing was wrong, 1 otherwise.",
        epilog=_DEVICE,
    )
    this.add_argument("device", metavar="PROVINCE/SITE/ID", help="the device")
    this.add_argument("--broker", type=broker_url, required=True, metavar="URL", help="address of the broker it is at")
    _add_shared(this)
    this.add_argument("--press", metavar="COMMAND", help="presses its button; without it you are asked to")
    text = "cuts the device off from its broker, and it comes back; without it its will is not tried"
    this.add_argument("--cut", metavar="COMMAND", help=text)
    text = "how often it reports its health by its settings (default: 75)"
    this.add_argument("--health", type=float, default=75.0, metavar="S", help=text)
    this.add_argument("--yes", action="store_true", help="do not ask before the device is disturbed")
    this.set_defaults(run=_device)
    this = kinds.add_parser(
        "verify",
        help="check the signature of a report",
        description="Check that a report was not changed since it was signed, and by whom. Exit code 0 if its "
        "signature is right and it says that all is well, 1 otherwise.",
        epilog=_VERIFY,
    )
    this.add_argument("report", type=Path, metavar="REPORT", help="the file that --report named")
    this.add_argument("--keys", required=True, type=Path, metavar="FILE", help="key set with the signer's public key")
    this.set_defaults(run=_verify)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ca", type=Path, help="certificate of the broker's authority; default: the system's")
    parser.add_argument("--cert", type=Path, help="your own client certificate")
    parser.add_argument("--cert-key", type=Path, help="the private key of --cert")
    parser.add_argument("--root", default=ROOT, help=f"root of the topics (default: {ROOT})")
    parser.add_argument("--key", required=True, type=Path, help="private key that signs, made by `edge-centre keygen`")
    parser.add_argument("--report", required=True, type=Path, metavar="OUT.json", help="where to write the report")


def _centre(args: argparse.Namespace) -> int:
    key = PrivateKey.load(args.key)
    chosen = _chosen(args.only or [])
    ring = KeyRing.load(args.keys)
    if args.keys is None:
        ring.take([key.public().as_jwk()], 1)
        ring.reload()
    report = centre.grade(args.broker, _tls(args), root_of(args.root), ring, chosen, on_finding=_note)
    return _end(report, args.report, key)


def _device(args: argparse.Namespace) -> int:
    key = PrivateKey.load(args.key)
    if key.role == "technician":
        raise UsageError("--key: a technician may not take an alarm; use the key of an operator, supervisor or admin")
    identity = identity_of(args.device, root_of(args.root))
    if args.press is None and not sys.stdin.isatty():
        raise UsageError("nobody is there to press the button: give --press, a command that does")
    if not args.yes:
        _ask_first(identity.source, args.cut)
    with Subject(
        args.broker, _tls(args), identity, key, args.press, args.cut, args.health, lambda text: print(text, flush=True)
    ) as subject:
        report = device.grade(subject, on_finding=_note)
    return _end(report, args.report, key)


def _ask_first(source: str, cut: str | None) -> None:
    """Say what will happen to the device, and go on only if a person wants that. Raises UsageError."""
    print(_WARNING.format(source=source, cut=_CUT.format(command=cut) if cut else ""), file=sys.stderr)
    if not sys.stdin.isatty():
        raise UsageError("give --yes if that is what you want")
    if input("Go on? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise UsageError("nothing was done")


def _verify(args: argparse.Namespace) -> int:
    report, signer = verified(args.report, KeyRing.load(args.keys))
    verdict = "passed" if report["passed"] else "did not pass"
    print(printable(f"signed by {signer}: {report['graded']} {report['subject']} {verdict}, {report['time']}"))
    if names := untried(report):
        print(printable(f"not tried: {', '.join(names)}"))
    return 0 if report["passed"] else 1


def _chosen(names: list[str]) -> tuple[centre.Scenario, ...]:
    known = {name_of(scenario): scenario for scenario in centre.SCENARIOS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"--only {unknown[0]}: there is no such scenario; there are {', '.join(known)}")
    return tuple(known[name] for name in names) or centre.SCENARIOS


def _tls(args: argparse.Namespace) -> TlsFiles:
    return TlsFiles(args.ca, args.cert, args.cert_key)


def _note(finding: Finding) -> None:
    """Say that something has ended, to whoever waits. On any thread."""
    sys.stderr.write(f"{finding.name}: {finding.verdict}\n")
    sys.stderr.flush()


def _end(report: Report, path: Path, key: PrivateKey) -> int:
    """Write the report, show it, and return the exit code."""
    report.write(path, key)
    console = Console(highlight=False)
    if console.is_terminal:
        table = Table(box=None, pad_edge=False, show_header=False)
        for finding in report.findings:
            words = Text("\n".join(map(printable, finding.faults)) or finding.what, "" if finding.faults else "dim")
            table.add_row(Text(finding.verdict, _STYLE[finding.verdict]), finding.name, words)
        console.print(table)
    else:  # one line each, for grep
        for finding in report.findings:
            print(printable(f"{finding.verdict:9}  {finding.name}  {'; '.join(finding.faults)}").rstrip())
    console.print(Text(printable(report.summary)), soft_wrap=True)
    return 0 if report.passed else 1
