"""Says a verdict: in sentences for whoever brings a recording before a court, and as plain values for programs."""

from collections.abc import Iterator
from typing import Any

from edge_centre.evidence.media_signing.verdict import Fault, Finding, Place, Result, Verdict, clock

_MOST_LINES = 20
_HEADS = {
    Result.AUTHENTIC: "All pictures from {span} are as they were signed, in their order, and none is missing.",
    Result.MISSING: "The pictures that are here are as they were signed and in their order, but some are missing.",
    Result.ALONE: "All pictures from {span} are as they were signed, in their order, and none is missing. Only the "
    "device's signed list and its chain can show what was recorded before and after them, and they are not here.",
    Result.OTHERWISE: "The pictures are as they were signed, in their order, and none is missing. But the file makes a "
    "player show them differently: `edge-centre evidence export` makes a film without that.",
    Result.SIGNER_UNKNOWN: "The signatures hold, but nobody has vouched for the signer: a forger could have "
    "signed with a key of their own. Give the certificate of the authority that you trust (--ca).",
    Result.NOT_SIGNED: "There is no signature in this file, so nothing can be said of whether it was altered. A signed "
    "recording looks so too after its signatures were taken out.",
    Result.NOT_AUTHENTIC: "This is not what was signed.",
}
_NONE_HERE = (
    "The signatures in this file hold, and are of no picture in it: either all of it was altered, or it is one of "
    "several parts of a recording, whose own signature is in a later one. Verify all parts together, in one folder."
)
_UNTRUSTED = "The pictures are as they were signed, but the signer can't be trusted."


def sentences(verdict: Verdict, ca: str | None, others: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the verdict in lines. `ca` names whoever was trusted; `others` are the kinds of tracks without video."""
    span = f"{clock(verdict.span[0])} to {clock(verdict.span[1])}" if verdict.span else ""
    is_good = verdict.result in {Result.AUTHENTIC, Result.ALONE}
    end = f" up to {clock(verdict.tail.time)}" if is_good and verdict.tail else ""
    yield f"{verdict.result.value.upper()}{end}"
    is_signer = verdict.first is not None and verdict.first.fault is Fault.SIGNER
    if verdict.signs_nothing_here:
        yield _NONE_HERE
    else:
        yield _UNTRUSTED if is_signer else _HEADS[verdict.result].format(span=span)
    yield from _wrong(verdict)
    yield from (f"Shown otherwise: {each}." for each in verdict.changes)
    yield from (f"Not signed, and in the file: {each}." for each in verdict.beside)
    if verdict.result is Result.NOT_SIGNED:
        return
    if verdict.tail is not None:
        yield (
            f"Not proven: what is from byte {verdict.tail.offset} on, at {clock(verdict.tail.time)}, to the end. Its"
            " signature would come with the next pictures, and they are not in this file."
        )
    yield from _origin(verdict, ca)
    yield _limits(verdict, others)


def _wrong(verdict: Verdict) -> Iterator[str]:
    places = [each for each in verdict.findings if each.fault is not Fault.SIGNER]
    for number, each in enumerate(places[:_MOST_LINES]):
        yield f"{'Also wrong' if number else 'First wrong place'}: {each}"
    left = len(places) + verdict.more - _MOST_LINES
    if left > 0:
        yield f"And {left} more places (the first {len(places)} with --json)."
    if places and verdict.span is not None:
        yield f"{verdict.units} pieces of pictures, in {verdict.gops} signed stretches, are as they were signed."
    yield from (f"{each.text[0].upper()}{each.text[1:]}." for each in verdict.findings if each.fault is Fault.SIGNER)


def _origin(verdict: Verdict, ca: str | None) -> Iterator[str]:
    for signer in verdict.signers:
        trust = {
            True: f"vouched for by {ca}",
            False: f"not vouched for by {ca}",
            None: "and nobody was asked to vouch for it",
        }[signer.vouched]
        yield (
            f"Signed with the key of {signer.subject} (certificate by {signer.issuer}, SHA-256 {signer.fingerprint}), "
            f"{trust}."
        )
    if verdict.recorded is not None:
        begin, end = verdict.recorded
        yield f"Recorded from {begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC, as the signer says."
    elif verdict.signers:
        yield "The signer gives no time, so its certificate was not held against the time of the recording."
    if verdict.begins_at is not None and verdict.begins_at > 1:
        yield f"The file begins with signed stretch {verdict.begins_at}: what was recorded before is not in it."


def _limits(verdict: Verdict, others: tuple[str, ...]) -> str:
    found = [f"{what} ({count})" for what, count in sorted(verdict.uncovered.items())]
    found += [f"a track of sound ({each})" if each == "soun" else f"a track of kind {each}" for each in others]
    inside = f" Beside the pictures the file has {', '.join(found)}." if found else ""
    return (
        "ONVIF Media Signing covers the coded pictures and their order. It covers no sound, no parameter sets (size and"
        " format of the pictures), no SEIs of others, and not when a player shows each picture." + inside
    )


def plain(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as values of JSON."""
    return {
        "verdict": verdict.result.value,
        "findings": [_finding(each) for each in verdict.findings],
        "findings_left_out": verdict.more,
        "signed_stretches": verdict.gops,
        "begins_at": verdict.begins_at,
        "pieces": verdict.units,
        "span_s": verdict.span,
        "recorded": [each.isoformat() for each in verdict.recorded] if verdict.recorded else None,
        "signers": [
            {
                "subject": each.subject,
                "issuer": each.issuer,
                "certificate_sha256": each.fingerprint,
                "vouched_for": each.vouched,
            }
            for each in verdict.signers
        ],
        "device": verdict.device,
        "not_proven": _where(verdict.tail) if verdict.tail else None,
        "shown_otherwise": list(verdict.changes),
        "not_signed_beside": list(verdict.beside),
        "not_covered": verdict.uncovered,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    said = {"fault": finding.fault.value, "text": finding.text, "place": str(finding.place)}
    return {**said, **_where(finding.place)}


def _where(place: Place) -> dict[str, Any]:
    return {"first_byte": place.offset, "end": place.end, "time_s": round(place.time, 6), "what": place.what}
