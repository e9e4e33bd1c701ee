"""`edge-centre evidence` for our own clips: verify one with all that lies beside it, export it, draft a certificate."""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from agent import __version__
from agent.contract.errors import EdgeAgentError, UsageError
from agent.contract.identity import common_name
from agent.trust.evidence.chain import FILE
from agent.trust.evidence.finding import Finding, note, wrong
from agent.trust.evidence.manifest import Manifest
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.adapters.x509_at import list_made_at, why_no_list
from edge_centre.evidence.case import (
    Media,
    Paths,
    content_of,
    found,
    heads_of,
    is_case,
    judged,
    judged_chain,
    owners,
    sealed_to,
    stamped,
)
from edge_centre.evidence.certificate import Officer, certificate, why_of
from edge_centre.evidence.segments import together
from edge_centre.evidence.signer import Trust
from edge_centre.evidence.verdict import Verdict, decided
from edge_centre.library import printable

AUTHENTIC, NOT_AUTHENTIC, ALONE = 0, 1, 4
_UNKNOWN = "no authority that was given"
_SAME_TIME = timedelta(seconds=5)
_EXAMPLES = """\
Examples:
  edge-centre evidence export CLIP.clip --key keys/evidence-1.key.json --ca device-ca.pem --out case-17 \\
    --by "Insp. Dlamini"
  edge-centre evidence certificate case-17 --ca device-ca.pem --officer "T. Dlamini" --position "records officer" \\
    --organisation "Gauteng Province" --out certificate.txt
  edge-centre evidence stamp heads.jsonl --url https://tsa.example.org --tsa tsa.pem
"""


def add_trust(parser: argparse.ArgumentParser, *, ca: bool = True) -> None:
    """Add what a clip is checked against; `ca` unless it is there already."""
    if ca:
        text = "certificates (PEM) of the authorities of devices"
        parser.add_argument("--ca", type=Path, metavar="FILE", required=True, help=text)
    parser.add_argument(
        "--revoked", type=Path, metavar="FILE", help="list of revoked devices (PEM), as brokers have it"
    )
    text = "heads of the chain that the centre has kept (lines of JSON): they show what was written anew, or is gone"
    parser.add_argument("--heads", type=Path, metavar="FILE", help=text)
    text = "authorities (PEM) for time stamps: the stamps that heads have are checked, and count"
    parser.add_argument("--tsa", type=Path, metavar="FILE", help=text)
    parser.add_argument("--device", metavar="PROVINCE/SITE/ID", help="the device whose recording it must be")


def add_actions(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `export` and `certificate`; each sets `run`."""
    one = actions.add_parser(
        "export",
        help="open a clip and write a case folder",
        description="Open a clip with the province's evidence key, and write a case folder: the recording as the "
        "device signed it, one that opens anywhere, the signed list, the chain, who exported it, and how to verify it. "
        "From an MP4 file with its own signatures (ONVIF Media Signing), write a film of what they cover, without "
        "anything that the file makes a player do (turn, crop, stretch, hide, speed up, show titles).",
        epilog=_EXAMPLES,
    )
    text = "the clip, with its manifest and chain.jsonl beside it; or an MP4 file, or a folder of uploaded segments"
    one.add_argument("file", type=Path, metavar="CLIP", help=text)
    text = "the private key that opens a clip: evidence-N.key.json; an MP4 file needs none"
    one.add_argument("--key", type=Path, metavar="FILE", help=text)
    one.add_argument("--out", required=True, type=Path, metavar="DIR", help="the case folder; must not exist yet")
    one.add_argument("--by", required=True, metavar="NAME", help="who exports it")
    one.add_argument("--why", default="", metavar="TEXT", help="for which case")
    text = "open it although it is not authentic, to watch what can be opened; custody.json says so"
    one.add_argument("--anyway", action="store_true", help=text)
    add_trust(one)
    one.set_defaults(run=_export)
    one = actions.add_parser(
        "certificate",
        help="draft an officer's certificate of a case folder",
        description="Fill in the text of a certificate under section 15(4) of the Electronic Communications and "
        "Transactions Act 25 of 2002, for the officer who signs it. Not for a recording that was altered.",
        epilog=_EXAMPLES,
    )
    one.add_argument("file", type=Path, metavar="CASE", help="the case folder")
    one.add_argument("--officer", required=True, metavar="NAME", help="who signs")
    one.add_argument("--position", required=True, metavar="TEXT", help="what the officer is")
    one.add_argument("--organisation", required=True, metavar="NAME", help="in whose service")
    one.add_argument("--out", required=True, type=Path, metavar="FILE", help="the text; must not exist yet")
    add_trust(one)
    one.set_defaults(run=_certificate)
    one = actions.add_parser(
        "stamp",
        help="have the heads of the chains stamped with the time",
        description="Have an authority for time stamps (RFC 3161) stamp the newest head of each camera, so that nobody "
        "needs to believe the centre when it was there. Only hashes leave this machine. Run it every day, by a timer.",
        epilog=_EXAMPLES,
    )
    one.add_argument("file", type=Path, metavar="HEADS", help="heads that the centre has kept; stamps are added to it")
    one.add_argument("--url", required=True, help="of the authority")
    one.add_argument("--tsa", required=True, type=Path, metavar="FILE", help="the authority's root (PEM)")
    one.set_defaults(run=_stamp)


def verify(args: argparse.Namespace) -> int | None:
    """Verify what `args.file` stands for, and say so; None if it is none of ours.

    Raises UsageError for what can't be read.
    """
    try:
        clips = found(args.file)
        if clips is None:
            return None
        trust, key = _trust(args), EvidenceKey.load(args.key) if args.key else None
        verdicts = [(each.clip.name, _judged(each, trust, key, is_one=len(clips) == 1)) for each in clips]
        if args.file.is_dir() and not is_case(args.file):
            there = {verdict.manifest.clip for _, verdict in verdicts}
            verdicts.append((FILE, judged_chain(args.file / FILE, trust, there)))
        elif args.file.name == FILE or (args.file / FILE).exists():
            verdicts.append((FILE, judged_chain(args.file / FILE if args.file.is_dir() else args.file, trust)))
    except EdgeAgentError as error:
        raise UsageError(str(error)) from error
    for name, verdict in verdicts:
        print(_as_json(name, verdict) if args.json else _as_text(name, verdict))
    if not args.json:
        if trust.revoked:
            print(f"Held against the list of revoked devices of {list_made_at(trust.revoked):%Y-%m-%d %H:%M} UTC.")
        for line in _next(args, [verdict for _, verdict in verdicts], trust):
            print(f"Next: {printable(line)}.")
    return _code([verdict for _, verdict in verdicts])


def _code(verdicts: Sequence[Verdict]) -> int:
    if not all(each.is_authentic or each.is_alone for each in verdicts):
        return NOT_AUTHENTIC
    return ALONE if any(each.is_alone for each in verdicts) else AUTHENTIC


def _judged(paths: Paths, trust: Trust, key: EvidenceKey | None, *, is_one: bool) -> Verdict:
    """Judge one of the clips of a path: of many, those that are sealed to another key stay closed."""
    to = sealed_to(paths) if key is not None and not is_one else None
    if to is None or key is None or to == str(key.public()):
        verdict = judged(paths, trust, key, media_of(trust))
    else:
        text = f"it is sealed to {to.partition(':')[0]}, and was not opened"
        verdict = decided(judged(paths, trust, None, media_of(trust)), [note(paths.clip.name, text)])
    verdict.plain = {}  # a card has more than a memory
    return verdict


def media_of(trust: Trust) -> Media:
    """Return what checks the stream inside of a clip by its own signatures."""
    from edge_centre.evidence.media_signing.apart import said as said_of  # noqa: PLC0415
    from edge_centre.evidence.media_signing.keys import Trust as Signers  # noqa: PLC0415
    from edge_centre.evidence.media_signing.verdict import Fault, Result  # noqa: PLC0415
    from edge_centre.evidence.mp4 import Unreadable  # noqa: PLC0415

    def media(film: bytes, manifest: Manifest) -> Sequence[Finding]:
        name, device = "the stream inside", common_name(str(manifest.facts.get("device")))

        def said_by(revoked: str) -> dict[str, Any]:
            return said_of(film, Signers(trust.authorities, revoked, device), None)

        try:
            said = said_by("")
            result, found = Result(said["verdict"]), said["findings"]
            if result is Result.AUTHENTIC:
                text, proven = "is signed by itself too (ONVIF Media Signing), and authentic", 0
                if manifest.vouched < len(manifest.parts) and _is_of_then(said["recorded"], manifest):
                    is_good = not trust.revoked or said_by(trust.revoked)["verdict"] == Result.AUTHENTIC.value
                    end = said["not_proven"]["first_byte"] if said["not_proven"] else len(film)
                    proven = end if is_good else 0
                return [Finding("vouched" if proven else "note", name, 0, proven, text)]
        except Unreadable as error:
            return [note(name, f"can't be checked by itself: {error}")]
        if strange := [each for each in found if each["fault"] == Fault.SIGNER.value]:
            return [wrong(name, 0, len(film), strange[0]["text"])]
        if result is Result.NOT_AUTHENTIC and found:
            first = found[0]
            why = _why_not_signed(manifest, {each["fault"] for each in found} == {Fault.FOREIGN.value})
            where = f"{first['text']}: {first['place']}"
            if not why and manifest.vouched == len(manifest.parts):  # the device has signed each byte so
                why = f"its own signatures do not match, but the manifest's do: {where}"
            return [note(name, why) if why else wrong(name, first["first_byte"], first["end"], where)]
        return [note(name, f"by its own signatures (ONVIF Media Signing): {result.value}")]

    return media


def _why_not_signed(manifest: Manifest, is_tail: bool) -> str:
    """Return why a stream's own signatures may not reach all of it; empty for no reason. Its manifest covers it all the
    same. `is_tail`: all that is wrong is that some pictures have none."""
    if manifest.end == "cut" and is_tail:
        return "it was cut off before its own next signature"
    indices = [each.index for each in manifest.parts if each.index is not None]
    if any("lost" in each for each in manifest.notes) or any(b - a != 1 for a, b in pairwise(indices)):
        return "its own signatures do not reach across what the device could not write"
    return ""


def _is_of_then(recorded: Sequence[str] | None, manifest: Manifest) -> bool:
    """Whether a stream says the same times as its manifest: a stream of another day vouches for nothing here."""
    timed = [each for each in manifest.parts if each.begin and each.end]
    if recorded is None or not timed or timed[0].begin is None or timed[-1].end is None:
        return False
    begin, end = map(datetime.fromisoformat, recorded)
    return abs(begin - timed[0].begin) < _SAME_TIME and abs(end - timed[-1].end) < _SAME_TIME


def _export(args: argparse.Namespace) -> int:
    from edge_centre.evidence.export import export  # noqa: PLC0415 - `verify` needs none of it

    trust, by, now = _trust(args), {"name": args.by, "why": args.why}, datetime.now(UTC)
    if found(args.file) is None:
        return _export_film(args, trust, by, now)
    if args.key is None:
        raise UsageError(f"{args.file}: is sealed; give the key that opens it: --key evidence-1.key.json")
    key = EvidenceKey.load(args.key)
    verdict = export(_one(args.file), trust, key, args.out, by, now, media_of(trust), anyway=args.anyway)
    print(_as_text(args.file.name, verdict))
    print(f"written to {args.out}; {args.out / 'HOW-TO-VERIFY.txt'} says how to check it")
    return _code([verdict])


def _export_film(args: argparse.Namespace, trust: Trust, by: Mapping[str, str], now: datetime) -> int:
    from edge_centre.evidence.export import export_film  # noqa: PLC0415
    from edge_centre.evidence.media_signing.apart import said  # noqa: PLC0415
    from edge_centre.evidence.media_signing.keys import Trust as Signers  # noqa: PLC0415
    from edge_centre.evidence.media_signing.verdict import Result  # noqa: PLC0415
    from edge_centre.evidence.mp4 import Unreadable  # noqa: PLC0415

    content = together(args.file) if args.file.is_dir() else content_of(args.file).content
    name = common_name(trust.device) if trust.device else None
    signers = Signers(trust.authorities, trust.revoked, name)
    try:
        with TemporaryFile() as made:
            verdict = said(content, signers, str(args.ca), is_alone=args.file.is_dir(), into=made)
            made.seek(0)
            watch = made.read()
    except Unreadable as error:
        raise UsageError(f"{args.file}: can't be read: {error}") from error
    lines, *_ = [verdict.pop(name) for name in ("says", "others", "begin_s", "is_pending")]
    export_film(args.file.resolve().name, content, verdict, watch, args.out, by, now)
    print(f"{printable(str(args.file))}:")
    for line in lines:
        print(printable(line))
    print(f"written to {args.out}; {args.out / 'HOW-TO-VERIFY.txt'} says how to check it")
    return {Result.AUTHENTIC.value: AUTHENTIC, Result.ALONE.value: ALONE}.get(verdict["verdict"], NOT_AUTHENTIC)


def _certificate(args: argparse.Namespace) -> int:
    paths, trust = _one(args.file), _trust(args)
    verdict = judged(paths, trust, None, media_of(trust))
    officer = Officer(args.officer, args.position, args.organisation)
    digest = sha256(content_of(paths.clip).content).hexdigest()
    text = certificate(verdict, officer, digest, datetime.now(UTC), __version__)
    try:
        with args.out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise EdgeAgentError(f"{args.out}: {(error.strerror or str(error)).lower()}") from error
    print(f"{args.out}: a draft. The officer reads it, corrects it, and signs it only if it is true.")
    return _code([verdict])


def _stamp(args: argparse.Namespace) -> int:
    for each in stamped(args.file, args.url, args.tsa):
        print(printable(f"head {each.head.seq} of the camera {each.camera} of {each.device}: stamped {each.at}"))
    return 0


def _one(path: Path) -> Paths:
    clips = found(path)
    if clips is None or len(clips) != 1:
        raise UsageError(f"{path}: name one clip: CLIP.clip with CLIP.manifest beside it, or a case folder")
    return clips[0]


def _trust(args: argparse.Namespace) -> Trust:
    if args.ca is None:
        raise UsageError("our own clips are checked against the authority of devices: give --ca device-ca.pem")
    authorities = content_of(args.ca).content.decode("ascii", "replace")
    if "-----BEGIN CERTIFICATE-----" not in authorities:
        raise UsageError(f"{args.ca}: holds no certificate in PEM form")
    revoked = content_of(args.revoked).content.decode("ascii", "replace") if args.revoked else ""
    if args.revoked and (why := why_no_list(authorities, revoked)) is not None:
        raise UsageError(f"{args.revoked}: {why}")
    return Trust(authorities, revoked, args.device, heads_of(args.heads, args.tsa, owners(args.file)))


def _as_text(name: str, verdict: Verdict) -> str:
    facts, parts = verdict.manifest.facts, [each for each in verdict.manifest.parts if each.begin and each.end]
    lines = [f"{name}: {verdict.word}"]
    if facts:
        camera, device = facts.get("camera"), facts.get("device")
        lines.append(f"  clip {verdict.manifest.clip} of the camera {camera} of {device}")
        lines.append(f"  made because of {why_of(facts.get('why'))}")
    if parts and parts[0].begin and parts[-1].end:
        span = f"{parts[0].begin:%Y-%m-%d %H:%M:%S} to {parts[-1].end:%H:%M:%S} UTC"
        lines.append(f"  {span}, {len(parts)} fragments; the clock was {parts[0].timeq}")
    first = {(each.file, each.text): each for each in reversed(verdict.findings)}  # a wrong key is at each signature
    times = Counter((each.file, each.text) for each in verdict.findings)
    for what, count in times.items():
        lines += [f"  {first[what]}{f' (and at {count - 1} further places)' if count > 1 else ''}"]
    return "\n".join(printable(line) for line in lines)


def _next(args: argparse.Namespace, verdicts: Sequence[Verdict], trust: Trust) -> Iterator[str]:
    """Yield what a person can do after a check."""
    words = {each.word for each in verdicts}
    if any(_UNKNOWN in finding.text for each in verdicts for finding in each.findings):
        yield f"is {args.ca} the authority of this province's devices? Get it from the province, and from nobody else"
    elif trust.device and any(f"and not of {trust.device}" in str(finding) for v in verdicts for finding in v.findings):
        yield f"check --device {trust.device}. If it is right, ask for that device's recording: this is another's"
    elif "not authentic" in words:
        yield "fetch it again, since a copy may be damaged on its way; if it stays so, keep all files as they are"
    elif "authentic with missing" in words:
        yield "what is there may be shown, and what is missing must be said with it"
    elif "authentic, alone" in words:
        yield f"put {FILE} of the camera's directory beside it: only the chain shows what else was recorded"
    if args.revoked is None:
        yield "give --revoked device.crl, from the province: a stolen key may have signed it"
    whose = {(each.manifest.facts.get("device"), each.manifest.facts.get("camera")) for each in verdicts}
    refused = None if args.heads is None else args.heads.with_name(f"{args.heads.name}.refused")
    kept_out = heads_of(refused) if refused is not None and refused.exists() else ()
    if any((each.device, each.camera) in whose for each in kept_out):
        yield f"the centre has refused heads of this camera ({refused}): find out why before you rely on its chain"
    if args.heads is None:
        yield "give --heads heads.jsonl, from the centre: only it shows a chain that was cut off or written anew"
    elif not trust.heads:
        yield f"the centre has kept no head of this camera in {args.heads}: find out why before you rely on its chain"


def _as_json(name: str, verdict: Verdict) -> str:
    findings = [
        {"kind": each.kind, "file": each.file, "begin": each.begin, "end": each.end, "text": each.text}
        for each in verdict.findings
    ]
    return json.dumps({"file": name, "verdict": verdict.word, "findings": findings}, indent=1)
