"""The uploaded segments of one clip: what they prove together, and the file that takes them to others."""

import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple

from agent import __version__
from agent.contract.envelope import rfc3339
from agent.contract.identity import common_name
from edge_centre.adapters.x509_at import why_no_list
from edge_centre.evidence.case import CUSTODY, HOW_TO
from edge_centre.evidence.media_signing.apart import said
from edge_centre.evidence.media_signing.keys import Trust
from edge_centre.evidence.mp4 import Unreadable
from edge_centre.evidence.segments import film_of
from edge_centre.viewing.asked import Asked

VERDICT = "verdict.json"
_LONGEST_S = 20.0
"""For a check: with the wait for its turn and the store, within the 60 s of the page's nginx."""
_HOW_TO = """\
How to check this recording

It is what a camera of the device {device} sent to the office while it recorded: each file below
{camera}/ is a part of some seconds, every byte as it was sent, and plays by itself.

{custody}    who exported this, when, and the SHA-256 of each file
{verdict}    what the office's program said of the parts together

1. Compare the SHA-256 of each file with {custody}, for example: sha256sum {first}
2. Get from the province, not from whoever gave you this: the certificates of its device authority
   (device-ca.pem), and its list of revoked devices.
3. With edge-agent installed on any computer, without a network:

   edge-centre evidence verify . --ca device-ca.pem --revoked device.crl --device {device}

   It says whether the parts are authentic, and if not, where the first thing is that is wrong.
   Exit code 4: authentic, alone. All is well but for 4 below.
   The signatures in them follow ONVIF Media Signing: other makers' programs can check these.
4. That nothing was recorded before the first part or after the last, only the recording on the
   device's card can show, with its signed list.
"""


class Authorities(NamedTuple):
    """Whose devices are trusted, read anew at each check: the list of revoked ones changes each day."""

    ca: Path
    revoked: Path | None = None

    def trust(self, device: str) -> Trust:
        """Return who may have signed for a device. Raises OSError, and ValueError with why it can't be."""
        authorities = self.ca.read_text(encoding="ascii", errors="replace")
        if "-----BEGIN CERTIFICATE-----" not in authorities:
            raise ValueError(f"{self.ca} holds no certificate in PEM form")
        revoked = "" if self.revoked is None else self.revoked.read_text(encoding="ascii", errors="replace")
        if self.revoked is not None and (why := why_no_list(authorities, revoked)) is not None:
            raise ValueError(f"{self.revoked}: {why}")
        return Trust(authorities, revoked, common_name(device))


def unchecked(why: str) -> dict[str, Any]:
    """Return what is said where no verdict could be found."""
    return {"verdict": None, "says": [f"It could not be checked: {why}"]}


def judged(contents: Mapping[str, bytes], asked: Asked, trust: Trust) -> dict[str, Any]:
    """Return the verdict on the parts that are there, as values of JSON: `verdict` is null where it could not be
    found out, and `says` is for people, also why. `is_pending`: it is null because no signature in these parts is of
    their pictures. `proven_s`: the end of what a signature covers, in seconds from the first picture; null if that is
    all. `objects`: the SHA-256 of each part that was read."""
    absent = [each for each in asked.parts if each not in contents]
    try:
        film, ca = film_of(contents.values()), "the province's device authority"
        found = said(film, trust, ca, is_alone=True, lacks=bool(absent), longest_s=_LONGEST_S)
    except Unreadable as error:
        return unchecked(str(error))
    says, end = found["says"], found["not_proven"]
    if found["is_pending"]:
        says[0] = "NOT PROVEN YET"
    if absent:
        says.insert(1, f"{len(absent)} of the {len(asked.parts)} parts that the device sent are not at the store.")
    return {
        "verdict": None if found["is_pending"] else found["verdict"],
        "is_pending": found["is_pending"],
        "says": says,
        "recorded": found["recorded"],
        "parts": len(contents),
        "absent": absent,
        "proven_s": end["time_s"] - found["begin_s"] if end else None,
        "objects": {name: sha256(content).hexdigest() for name, content in contents.items()},
    }


def pack(
    file: IO[bytes], contents: Mapping[str, bytes], asked: Asked, verdict: Mapping[str, Any], by: str, now: datetime
) -> None:
    """Write a ZIP file with the parts as they were sent, the verdict, and how to check both."""
    files = {**contents, VERDICT: json.dumps(verdict, indent=1, ensure_ascii=False).encode() + b"\n"}
    names = {"device": asked.device, "camera": asked.camera, "custody": CUSTODY, "verdict": VERDICT}
    files[HOW_TO] = _HOW_TO.format(**names, first=min(contents)).encode()
    custody = {
        "clip": asked.clip,
        "alarm": asked.alarm,
        "device": asked.device,
        "camera": asked.camera,
        "exported": rfc3339(now),
        "exported_by": {"login": by},
        "exported_from": "the office's store of uploaded recordings",
        "program": f"edge-agent {__version__}",
        "verdict": verdict["verdict"],
        "files": {name: sha256(content).hexdigest() for name, content in files.items()},
    }
    files[CUSTODY] = json.dumps(custody, indent=1, ensure_ascii=False).encode() + b"\n"
    with zipfile.ZipFile(file, "w") as archive:  # not compressed: films are
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, now.timetuple()[:6]), content)
