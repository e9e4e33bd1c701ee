"""A case folder: the recording as the device signed it, one that opens anywhere, and what proves it."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent import __version__
from agent.contract.envelope import rfc3339
from agent.trust.evidence.chain import FILE
from agent.trust.evidence.sealed_file import ClipError
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.evidence.case import (
    CUSTODY,
    HOW_TO,
    MANIFEST,
    OPENED,
    PLAIN,
    Media,
    Paths,
    content_of,
    judged,
    picture_name,
)
from edge_centre.evidence.remux import indexed, plain_mp4
from edge_centre.evidence.signer import Trust
from edge_centre.evidence.verdict import Verdict

_CLIP = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HOW_TO = """\
How to check this recording

{clip}.mp4           the recording, every byte as the device {device}
                     signed it, and before its fragments an index (sidx), so that players
                     know its length; most players open it
{clip}-plain.mp4     the same pictures, unchanged, in an ordinary file that opens anywhere:
                     to watch, not the original
{clip}.manifest      what the recording is made of, signed by the device while it recorded
chain.jsonl          every clip that this camera began, ended or deleted, in one signed row
custody.json         who exported this, when, from which file, and the SHA-256 of each file

1. Compare the SHA-256 of each file with custody.json, for example: sha256sum {clip}.mp4
2. Get from the province, not from whoever gave you this folder: the certificates of its device
   authority (device-ca.pem), its list of revoked devices, and the heads of the chain that the
   centre has kept.
3. With edge-agent installed on any computer, without a network:

   edge-centre evidence verify . --ca device-ca.pem --revoked device.crl --heads heads.jsonl

   It says whether the recording is authentic, and if not, where the first thing is that is
   wrong. Exit code 0: authentic.
4. {clip}.mp4 may also carry signatures of its own (ONVIF Media Signing): other makers' programs
   can check these.

Nobody has written time or text into the pictures. The times are in the manifest.
"""
_HOW_TO_FILM = """\
How to check this recording

{given}   the recording as it was handed in, every byte
{plain}   its pictures as they were signed, and nothing else of that file: to watch. What
          the file would have had a player do (turn, crop, stretch, hide, hurry, show titles)
          is not in it, nor are pictures behind its last signature
custody.json   who exported this, when, from which file, and the SHA-256 of each file

1. Compare the SHA-256 of each file with custody.json, for example: sha256sum {plain}
2. Get from the province, not from whoever gave you this folder: the certificates of its device
   authority (device-ca.pem), and its list of revoked devices.
3. With edge-agent installed on any computer, without a network:

   edge-centre evidence verify {plain} --ca device-ca.pem --revoked device.crl

   The signatures follow ONVIF Media Signing: other makers' programs can check them too.
"""


def export(
    paths: Paths,
    trust: Trust,
    key: EvidenceKey,
    out: Path,
    by: Mapping[str, str],
    now: datetime,
    media: Media | None,
    *,
    anyway: bool = False,
) -> Verdict:
    """Open a clip and write its case folder, which must not exist yet. Returns the verdict, as `custody.json` has it.

    Raises KeyTrouble, and ClipError: also when the clip is not authentic, unless it is to be opened `anyway`. What was
    altered itself is never opened. Then nothing is written.
    """
    verdict = judged(paths, trust, key, media)
    film = verdict.film()
    if not film or (verdict.word == "not authentic" and not anyway):
        why = verdict.findings[0] if verdict.findings else "it holds nothing"
        raise ClipError(f"{paths.clip} was not exported, and nothing was written: {why}")
    clip, manifest = verdict.manifest.clip, content_of(paths.manifest)
    if not _CLIP.fullmatch(clip):
        raise ClipError(f"{paths.clip} was not exported: its manifest gives it no name that a device would give")
    files = {f"{clip}{OPENED}": indexed(film), f"{clip}{PLAIN}": plain_mp4(film), f"{clip}{MANIFEST}": manifest.content}
    for each in verdict.manifest.parts:
        if each.kind == "picture":
            files[picture_name(clip, each.n)] = verdict.plain[each.n]
    if paths.chain is not None:
        files[FILE] = content_of(paths.chain).content
    device = verdict.manifest.facts.get("device")
    files[HOW_TO] = _HOW_TO.format(clip=clip, device=device).encode()
    custody = {
        "clip": clip,
        "device": device,
        "camera": verdict.manifest.facts.get("camera"),
        "exported": rfc3339(now),
        "exported_by": dict(by),
        "exported_from": {"file": paths.clip.name, "sha256": sha256(content_of(paths.clip).content).hexdigest()},
        "opened_with": key.kid,
        "program": f"edge-agent {__version__}",
        "verdict": verdict.word,
        "findings": [str(each) for each in verdict.findings],
        "files": {name: sha256(content).hexdigest() for name, content in files.items()},
    }
    _write(out, files, custody)
    return verdict


def export_film(
    name: str, content: bytes, verdict: Mapping[str, Any], watch: bytes, out: Path, by: Mapping[str, str], now: datetime
) -> None:
    """Write a folder, which must not exist yet, with a film as it was handed in, and what its signatures prove of it as
    a film to `watch`: empty where they prove nothing, or none can be made. `verdict` is what `said` returns of it.
    Raises ClipError, and nothing is written."""
    if not watch:
        why = verdict.get("unmade") or f"it is {verdict['verdict']}"
        raise ClipError(f"{name} was not exported, and nothing was written: {why}")
    stem = name.removesuffix(OPENED)
    given, watched = f"{stem}{OPENED}", f"{stem}{PLAIN}"
    files = {given: content, watched: watch, HOW_TO: _HOW_TO_FILM.format(given=given, plain=watched).encode()}
    custody = {
        "film": given,
        "exported": rfc3339(now),
        "exported_by": dict(by),
        "program": f"edge-agent {__version__}",
        **verdict,
        "files": {each: sha256(inside).hexdigest() for each, inside in files.items()},
    }
    _write(out, files, custody)


def _write(out: Path, files: dict[str, bytes], custody: Mapping[str, Any]) -> None:
    files[CUSTODY] = json.dumps(custody, indent=1, ensure_ascii=False).encode() + b"\n"
    try:
        out.mkdir(mode=0o700, parents=True)  # on a machine of many, whoever exports says who else may see it
        for name, content in files.items():
            (out / name).write_bytes(content)
    except FileExistsError as error:
        raise ClipError(f"{out} is there already: a case folder is written once") from error
    except OSError as error:
        raise ClipError(f"{out}: {(error.strerror or str(error)).lower()}") from error
