"""The text of a certificate under section 15(4) of the Electronic Communications and Transactions Act 25 of 2002.

It says what was checked; the officer who signs it answers for the rest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from agent.contract.envelope import rfc3339
from agent.trust.evidence.jws import digest
from agent.trust.evidence.manifest import ENTRY
from agent.trust.evidence.sealed_file import ClipError
from edge_centre.evidence.verdict import Verdict

_TEXT = """\
CERTIFICATE
in terms of section 15(4) of the Electronic Communications and Transactions Act 25 of 2002

(DRAFT, filled in by a program on {today}. The officer reads it, corrects it, and signs it only if
it is true.)

1. I, the undersigned, {officer}, am an officer in the service of
   {organisation} ("the organisation"), in the position of {position}.
   I am authorised to make this certificate. What it says is within my own knowledge, or follows
   from records of the organisation that are under my control.

2. In the ordinary course of its business the organisation operates street kiosks and cameras. The
   data message to which this certificate refers was made by one of them:

     recording         {clip}
     device            {device}
     camera            {camera}
     made because of   {why}
     from              {begin}
     to                {end}
                       (UTC, by the device's clock, which was {timeq})
     length            {seconds:.1f} s, {fragments} fragments, {size} bytes
     SHA-256           {sha256}

3. How it was generated and stored (section 15(3)(a)). The device keeps the last seconds of its
   camera's pictures in memory. When it was called upon, it wrote them to its storage medium and
   went on recording. It records no sound. The recording was encrypted as it was written, and can
   be opened only with the key {key}, which the organisation keeps. Software of the device:
   {software}.

4. How its integrity was maintained (sections 14 and 15(3)(b)). As it recorded, the device signed a
   list of all parts of the recording with its own key, and entered the recording's beginning and
   end into a row in which each entry names the one before it:

{entries}
   On {today} the recording was checked with the program edge-agent {version}. The result:
   {verdict}.

{findings}
5. How its originator was identified (section 15(3)(c)). The signatures are those of the key of
   {device}. The certificate of that key was issued by the organisation's authority, and was valid
   at the time of the recording.

6. The recording, a copy to watch, the device's signed list and the row of entries are annexed. I
   certify that the annexed recording is a correct copy of the data message described above.



   ______________________________        ______________________________
   {officer}
                                         place and date
"""


class Officer(NamedTuple):
    """Who signs."""

    name: str
    position: str
    organisation: str


def certificate(verdict: Verdict, officer: Officer, sha256: str, now: datetime, version: str) -> str:
    """Return the text. Raises ClipError for a recording that is not authentic: nobody should certify it."""
    if not verdict.word.startswith("authentic"):
        why = verdict.findings[0] if verdict.findings else ""
        raise ClipError(f"nobody should certify this recording: {verdict.word}. {why}")
    manifest = verdict.manifest
    films = [each for each in manifest.parts if each.begin and each.end]
    if not films:
        raise ClipError("the recording holds no pictures")
    entries = [each for each in manifest.statements if ENTRY in each.said]
    named = (f"     {each.said['seq']:>6} {each.said[ENTRY]:<6} SHA-256 {digest(each.token)}\n" for each in entries)
    findings = "".join(f"     - {each}\n" for each in verdict.findings)
    first, last = films[0], films[-1]
    assert first.begin is not None
    assert last.end is not None
    return _TEXT.format(
        today=rfc3339(now)[:10],
        officer=officer.name,
        position=officer.position,
        organisation=officer.organisation,
        clip=manifest.clip,
        device=manifest.facts.get("device"),
        camera=manifest.facts.get("camera"),
        why=why_of(manifest.facts.get("why")),
        begin=rfc3339(first.begin),
        end=rfc3339(last.end),
        timeq=", then ".join(dict.fromkeys(str(each.timeq) for each in films)),
        seconds=((last.end_ns or 0) - (first.begin_ns or 0)) / 1e9,
        fragments=len(films),
        size=sum(each.length for each in manifest.parts if each.kind != "picture"),
        sha256=sha256,
        key=str(manifest.facts.get("to")).partition(":")[0],
        software=manifest.facts.get("software", "(not stated)"),
        entries="".join(named),
        version=version,
        verdict=verdict.word,
        findings=findings or "     - nothing was altered and nothing is missing\n",
    )


def why_of(why: Any) -> str:
    """Return why a clip was made, as its manifest says it, in words."""
    if not isinstance(why, Mapping):
        return str(why)
    return ", ".join(f"{name} {value}" for name, value in why.items())
