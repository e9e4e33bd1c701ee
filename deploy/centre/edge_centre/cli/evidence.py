"""`edge-centre evidence`: what a recording proves, for whoever must show it to others."""

import argparse
import json
import sys
from pathlib import Path

from agent.contract.errors import UsageError
from agent.contract.identity import common_name
from edge_centre.adapters.x509_at import why_no_list
from edge_centre.cli import evidence_case, evidence_grant, evidence_heads, evidence_serve
from edge_centre.evidence.media_signing.apart import said
from edge_centre.evidence.media_signing.keys import Trust
from edge_centre.evidence.media_signing.verdict import Result
from edge_centre.evidence.mp4 import Unreadable
from edge_centre.evidence.segments import together
from edge_centre.library import printable

_ALL = """\
Examples, from a press to a court in this order (docs/evidence.md says more):
  edge-centre evidence heads heads.jsonl --broker mqtts://broker-a.gp.example:8884 ...  always, at the centre
  edge-centre evidence stamp heads.jsonl --url https://tsa.example.org --tsa tsa.pem    each day
  edge-centre command ... clip-hold clip=CLIP hold=true reason="CAS 123/11/2026"        so that it is not deleted
  edge-centre evidence verify front --ca device-ca.pem --heads heads.jsonl              what was fetched of a camera
  edge-centre evidence export front/CLIP.clip --key keys/evidence-1.key.json --ca device-ca.pem --out case-17 --by NAME
  edge-centre evidence certificate case-17 --ca device-ca.pem --officer NAME ... --out certificate.txt

`edge-centre evidence ACTION --help` says what each takes.
"""
_EXAMPLE = """\
Examples:
  edge-centre evidence verify street.mp4 --ca device-ca.pem
  edge-centre evidence verify evidence/front --ca device-ca.pem --revoked device.crl --heads heads.jsonl
  edge-centre evidence verify case-17 --ca device-ca.pem --revoked device.crl --heads heads.jsonl
  edge-centre evidence verify street.mp4 --ca device-ca.pem --json > street.json

Exit codes: 0 authentic, 1 another verdict, 2 can't be read, 4 authentic, alone (without the device's chain).
"""
NOT_AUTHENTIC, UNREADABLE = 1, 2
_CODES = {Result.AUTHENTIC.value: evidence_case.AUTHENTIC, Result.ALONE.value: evidence_case.ALONE}
_LARGEST_PEM = 16 << 20


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `evidence` and its actions; each sets `run`."""
    parser = subparsers.add_parser(
        "evidence",
        help="show what a recording proves: verify it, open it for a case, certify it",
        description="Show what a recording proves. `grant`, `heads`, `serve` and `stamp` need a network, others none.",
        epilog=_ALL,
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    one = actions.add_parser(
        "verify",
        help="say whether a recording is authentic, and which place is wrong first",
        description="Say whether a recording is authentic: a clip of a device (CLIP.clip with CLIP.manifest beside "
        "it), a case folder, the directory of a camera's clips, its chain.jsonl, or an MP4 file (H.264 or H.265) that "
        "was signed by ONVIF Media Signing, of any maker. Names the first place that is wrong by its bytes.",
        epilog=_EXAMPLE,
    )
    one.add_argument("file", type=Path, metavar="PATH", help="the recording")
    text = "certificates (PEM) of the authorities that you trust; without them no recording is called authentic"
    one.add_argument("--ca", type=Path, metavar="FILE", help=text)
    one.add_argument("--json", action="store_true", help="print the verdict as JSON, with every wrong place")
    evidence_case.add_trust(one, ca=False)
    text = "the province's evidence key: opens a clip, and checks the stream inside too"
    one.add_argument("--key", type=Path, metavar="FILE", help=text)
    one.set_defaults(run=_verify)
    evidence_case.add_actions(actions)
    evidence_heads.add_action(actions)
    evidence_grant.add_action(actions)
    evidence_serve.add_action(actions)


def _verify(args: argparse.Namespace) -> int:
    if (ours := evidence_case.verify(args)) is not None:
        return ours
    trust = Trust(
        _read(args.ca, "certificate", "CERTIFICATE") if args.ca else None,
        _read(args.revoked, "list of revoked certificates", "X509 CRL") if args.revoked else "",
        common_name(args.device) if args.device else None,
    )
    if args.revoked and (why := why_no_list(trust.authorities or "", trust.revoked)) is not None:
        raise UsageError(f"{args.revoked}: {why}")
    try:
        film: Path | bytes = together(args.file) if args.file.is_dir() else args.file
        is_watched, ca = sys.stderr.isatty(), str(args.ca) if args.ca else None
        verdict = said(film, trust, ca, is_alone=args.file.is_dir(), is_watched=is_watched)
    except OSError as error:
        return _unreadable(args, (error.strerror or str(error)).lower())
    except Unreadable as error:
        return _unreadable(args, str(error))
    lines, tracks = verdict.pop("says"), verdict.pop("others")
    if args.json:
        del verdict["begin_s"], verdict["is_pending"]
        print(json.dumps({"file": str(args.file), **verdict, "other_tracks": tracks}, indent=1))
    else:
        print(f"{printable(str(args.file))}:")
        for line in lines:
            print(printable(line))
    return _CODES.get(verdict["verdict"], NOT_AUTHENTIC)


def _unreadable(args: argparse.Namespace, why: str) -> int:
    if args.json:
        print(json.dumps({"file": str(args.file), "verdict": None, "unreadable": why}, indent=1))
    print(printable(f"edge-centre: {args.file} can't be read: {why}"), file=sys.stderr)
    return UNREADABLE


def _read(path: Path, what: str, label: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_PEM).decode("ascii", "replace")
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from error
    if f"-----BEGIN {label}-----" not in content:
        raise UsageError(f"{path}: holds no {what} in PEM form")
    return content
