"""A report of a commissioning as a file: sealed on the device by two keys, and checked wherever its authorities are
known."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from agent.contract.commands import CommandRejected
from agent.contract.commissioning import (
    REPORT,
    ROLES,
    CommissioningData,
    JwsSignature,
    Report,
    Signed,
    listed,
    payload_of,
    statement,
)
from agent.contract.errors import EdgeAgentError
from agent.contract.identity import common_name
from agent.contract.kinds import KINDS
from agent.contract.leaves import DocumentError, altered, base64url, canonical, digest, parse
from agent.contract.mistakes import mistake
from agent.trust import openssl
from agent.trust.jose_keys import KeyRing
from agent.trust.openssl import ISSUERS, Certificate, OpensslError

LARGEST_BYTES = 64 * 1024 * 1024
"""A file that is larger is not read."""
LARGEST_MESSAGE_BYTES = 120 * 1024
"""A report must fit into one message: the contract's largest payload, less its envelope."""
_UNSIGNED = {"report", "hashes", "signed", "historical", "pictures"}
_SLOW_CLOCK = timedelta(days=1)
_MOST_NAMED = 50
_MOST_CERTIFICATES = 5
_UNKNOWN = "unable to get local issuer certificate"
"""What openssl says where an authority is missing."""
_COPY = (
    "take the device's own file, /var/lib/edge-agent/commissioning/report.json, and verify that. If it fails in"
    ' the same way, somebody has changed it there: believe neither, and see "A stolen kiosk" in runbook.md'
)
_ELSEWHERE = 'somebody has the key of the device that has signed it, or its card: see "A stolen kiosk" in runbook.md'
_CLOCK = "The device's clock was wrong: set it (`timedatectl` on the device), and have it commissioned again"
_NEWEST = (
    "take the device's newest report (`commissioned` in its up/meta names it), or give --after the one before this"
)
_SHUT_OUT = (
    "if the device was revoked, ask the office why; one that was not stolen is enrolled and commissioned again. Else"
    " give the newest list of its province, which brokers have in /etc/mosquitto/edge-agent/device-ca.crl"
)
_WALK = "have the device commissioned again, by an admin or a technician whose key is in the key set"


class ReportError(EdgeAgentError):
    """This is no report, or it can't be sealed; the text says why."""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report with its signatures, and the pictures that belong to it by their SHA-256 in hex."""

    data: CommissioningData
    pictures: Mapping[str, bytes] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the file's bytes."""
        pictures = {name: base64.b64encode(picture).decode() for name, picture in self.pictures.items()}
        whole = self.data.model_dump(mode="json", exclude_none=True) | {"pictures": pictures}
        return json.dumps(whole, indent=1, ensure_ascii=False).encode() + b"\n"


class Finding(NamedTuple):
    """One line of what a check has found."""

    holds: bool
    text: str
    do: str = ""
    """What to do where it does not hold."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a report is checked against."""

    authorities: str
    """PEM: whose certificates devices have."""
    keys: KeyRing
    """The keys of those who may walk; a person whose key was taken out of it is revoked."""
    revoked: str = ""
    """PEM: lists of revoked devices; empty if none are to be asked."""
    device: str | None = None
    """`province/site/id` whose report it must be; None for any."""
    after: Report | None = None
    """The newest report that is known of the device: this one must follow it."""


def seal(
    report: Report, pictures: Iterable[bytes], key: Path, certificate: Path, technicians: JwsSignature
) -> ReportFile:
    """Sign a report by the device's key, beside the technician's signature over `payload_of` it. `certificate` is the
    device's; those of the authorities between stand behind it, or in `issuers.pem` beside it. Raises ReportError,
    OpensslError.

    A key in a TPM needs OPENSSL_CONF in the environment, as `openssl.configuration` says, and may take seconds.
    """
    found = {sha256(picture).hexdigest(): picture for picture in pictures}
    if lost := {each.sha256 for each in report.pictures} ^ found.keys():
        raise ReportError(f"the report and its pictures do not go together: {min(lost)}")
    hashes, payload = listed(report), payload_of(report)
    chain = openssl.pem_certificates(certificate.read_text())
    with suppress(OSError):  # of an older enrolment, or set up by hand
        chain += openssl.pem_certificates(certificate.with_name(ISSUERS).read_text())
    header = canonical({"alg": "ES256", "x5c": ["".join(each.pem.split("-----")[2].split()) for each in chain]})
    protected = base64url(header)
    signature = base64url(openssl.sign(key, f"{protected}.{payload}".encode()))
    both = (JwsSignature(protected=protected, signature=signature), technicians)
    data = CommissioningData(report=report, hashes=hashes, signed=Signed(payload=payload, signatures=both))
    size = len(data.model_dump_json(exclude_none=True).encode())
    if size > LARGEST_MESSAGE_BYTES:
        raise ReportError(f"a report of {size} bytes fits into no message: {LARGEST_MESSAGE_BYTES} bytes at most")
    return ReportFile(data, found)


def read(content: bytes) -> tuple[ReportFile, list[Finding]]:
    """Return a report, from its file or from the message on MQTT, with what is wrong with it as a document.

    Raises ReportError when it is none.
    """
    if len(content) > LARGEST_BYTES:
        raise ReportError(f"a file of {len(content)} bytes is no report")
    try:
        whole: Any = parse(content)
    except DocumentError as error:
        raise ReportError(f"this is no whole report: {error}") from error
    sender = None
    if isinstance(whole, dict) and whole.get("type") == KINDS["commissioning"].type:
        whole, sender = whole.get("data"), whole.get("source")
    if not isinstance(whole, dict) or not isinstance(whole.get("report"), dict):
        raise ReportError("this is no report of a commissioning")
    hashes = whole.get("hashes")
    places = altered(whole["report"], REPORT, hashes) if isinstance(hashes, dict) else ["/hashes is no list of hashes"]
    faults = [*places, *(f"/{name} was added" for name in sorted(whole.keys() - _UNSIGNED))]
    try:
        data = CommissioningData.model_validate(whole)
    except ValidationError as error:
        # What was altered comes before what a model makes of it.
        raise ReportError("; ".join([*map(_shown, faults[:_MOST_NAMED]), mistake(error)])) from error
    pictures, spoilt = _pictures(whole.get("pictures", {}), data.report)
    faults += spoilt
    source = f"/edge/{data.report.device.name}"
    if sender is not None and sender != source:
        faults.append(f"{sender} has sent the report of {source}: somebody replays it for another device")
    return ReportFile(data, pictures), [
        Finding(False, _shown(fault), _ELSEWHERE if fault.startswith("/edge/") else _COPY) for fault in faults
    ]


def check(content: bytes, trust: Trust, now: datetime) -> tuple[ReportFile, list[Finding]]:
    """Return a report and one finding for each thing that makes it one. Raises ReportError, OpensslError."""
    file, faults = read(content)
    report = file.data.report
    if len(faults) > _MOST_NAMED:
        faults = [*faults[:_MOST_NAMED], Finding(False, f"and {len(faults) - _MOST_NAMED} more places", _COPY)]
    findings = faults or [Finding(True, f"all {len(file.data.hashes)} places are as the list of hashes says")]
    if missing := [each.name for each in report.pictures if each.sha256 not in file.pictures]:
        findings.append(Finding(True, f"without pictures, which a message never has: {', '.join(missing)}"))
    signed = file.data.signed
    findings += [_of_the_list(file), _of_the_device(file, trust)]
    findings.append(of_the_technician(report, signed.payload, signed.signatures[1], trust.keys))
    return file, [*findings, *_of_its_turn(report, trust, now)]


def _of_the_list(file: ReportFile) -> Finding:
    report, hashes = file.data.report, file.data.hashes
    said = _decoded(file.data.signed.payload)
    try:
        signed = json.loads(said or b"")
    except (ValueError, RecursionError):
        signed = None
    if signed is None or said != canonical(signed) or not isinstance(signed, dict):
        return Finding(False, "what was signed (/signed/payload) was altered", _COPY)
    if signed.get("hashes") != digest(hashes):
        return Finding(False, "the list of hashes (/hashes) is not the one that was signed (/signed/payload)", _COPY)
    if signed != statement(report, hashes):
        return Finding(False, "what was signed (/signed/payload) is of another report or device", _COPY)
    return Finding(True, "the list of hashes is the one that was signed")


def _of_the_device(file: ReportFile, trust: Trust) -> Finding:
    signed, report = file.data.signed, file.data.report
    own = signed.signatures[0]
    try:
        header = json.loads(_decoded(own.protected) or b"")
        ders = [base64.b64decode(each, validate=True) for each in header["x5c"][:_MOST_CERTIFICATES]]
        chain = [openssl.describe(openssl.to_pem(each)) for each in ders]
        certificate, between, ends = chain[0], [each.pem for each in chain[1:]], _time(report.ended)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError, OpensslError):
        return Finding(
            False, "the device's signature (/signed/signatures/0) was altered: its header names no certificate", _COPY
        )
    known = openssl.pem_certificates(trust.authorities)
    name, roots = report.device.name, [each.pem for each in known]
    if why := openssl.why_not_issued(certificate.pem, roots, between, "sslclient", at=ends):
        return Finding(False, *_foreign(certificate, report.ended[:10], why, [] if between else known))
    signature = _decoded(own.signature)
    content = f"{own.protected}.{signed.payload}".encode()
    if header.get("alg") != "ES256" or not openssl.is_signature(signature or b"", content, certificate.public_key):
        text = f"the device's signature (/signed/signatures/0) is not one of {certificate.common_name}"
        return Finding(False, text, _COPY)
    if certificate.common_name != common_name(name):
        text = f"the report is of {name}, and {certificate.common_name} has signed it: replayed for another device"
        return Finding(False, text, _ELSEWHERE)
    if trust.revoked and (why := openssl.why_revoked(certificate.pem, roots, between, trust.revoked)):
        return Finding(False, f"the device's certificate does not hold any more: {why}", _SHUT_OUT)
    return Finding(True, f"the device {name} has signed it, with a certificate that ends {certificate.ends:%Y-%m-%d}")


def _foreign(certificate: Certificate, day: str, why: str, alone_before: Sequence[Certificate]) -> tuple[str, str]:
    """Return what is wrong, and what to do. `alone_before` are the authorities that are known, where the report has
    brought none along."""
    holder, roots = certificate.common_name, {each.common_name for each in alone_before if each.is_root}
    if 0 < len(roots) == len(alone_before) and certificate.issuer not in roots and why == _UNKNOWN:
        text = (
            f'nobody can tell whether {holder} is ours: its authority, "{certificate.issuer}", is neither among those '
            "given nor in the report (an older version left it out): give the certificate of the issuing authority too"
        )
        return text, "give --province CODE, or put the province's pki/issuing.pem into the file of --device-ca too"
    text = f"signed by a stranger (/signed/signatures/0): on {day} {holder} had no certificate of ours: {why}"
    return text, (
        "check that --province or --device-ca is the device's own province. If it is, believe nothing of this report:"
        " no device of yours has signed it"
    )


def of_the_technician(report: Report, payload: str, own: JwsSignature, keys: KeyRing) -> Finding:
    """Return whether `own` is the signature of a person who may commission today, over a report's payload."""
    by = report.by
    token = f"{own.protected}.{payload}.{own.signature}".encode()
    if any(_decoded(each) is None for each in (own.protected, own.signature)):
        return Finding(False, "the technician's signature (/signed/signatures/1) was altered", _COPY)
    try:
        verified = keys.verify(token)
    except CommandRejected as error:
        if error.code == "unknown-key":
            key = str(error).partition(" is ")[0]  # the one that its header names
            return Finding(
                False,
                f"the technician's {key} is not in the key set: revoked, or a stranger's",
                f"if the key is new, `edge-centre keys add` puts it into the key set; verify again then. Else {_WALK}",
            )
        return Finding(False, f"the technician's signature (/signed/signatures/1) does not hold: {error}", _COPY)
    if verified.role not in ROLES:
        return Finding(
            False, f"{verified.issuer} has signed it as {verified.role}, who may not commission a device", _WALK
        )
    if (by.issuer, by.kid) != (verified.issuer, verified.kid):
        text = f"the report names {by.issuer} ({by.kid}), and {verified.issuer} ({verified.kid}) has signed it"
        return Finding(False, text, f"ask both who has walked. Then {_WALK}")
    return Finding(True, f"{verified.issuer} has signed it as {verified.role}, with the key {verified.kid}")


def _of_its_turn(report: Report, trust: Trust, now: datetime) -> Iterator[Finding]:
    name, ended = report.device.name, report.ended
    if trust.device is not None and trust.device != name:
        yield Finding(
            False,
            f"this is the report of {name}, and not of {trust.device}",
            f"give the file of {trust.device}, or --device {name}. If it came from {trust.device}: {_ELSEWHERE}",
        )
    try:
        began, end = _time(report.began), _time(ended)
    except ValueError:
        yield Finding(False, "its times are no times", _COPY)
        return
    if began > end:
        yield Finding(False, f"it ended ({ended}) before it began ({report.began})", _CLOCK)
    if end > now + _SLOW_CLOCK:
        yield Finding(False, f"it ended on {ended[:10]}, which is to come", f"look at the clock here first. {_CLOCK}")
    if (before := trust.after) is None:
        return
    if before.id == report.id:
        yield Finding(False, "it is the report that is known already, and no new one", _NEWEST)
    elif report.follows != before.id or end <= _time(before.ended):
        text = f"an old report given as new: it ended on {ended}, and does not follow the one of {before.ended}"
        yield Finding(False, text, _NEWEST)
    else:
        yield Finding(True, f"it follows the report of {before.ended[:10]}")


def _pictures(given: Any, report: Report) -> tuple[dict[str, bytes], list[str]]:
    """Return the pictures that are those of the report, and what is wrong with the others."""
    if not isinstance(given, dict):
        return {}, ["/pictures was altered"]
    names = {each.sha256: each.name for each in report.pictures}
    whole = {name: picture for name, text in given.items() if (picture := _bytes(text)) is not None}
    found = {name: whole[name] for name in names.keys() & whole if sha256(whole[name]).hexdigest() == name}
    spoilt = (name for name in given if name not in found)
    return found, [f"/pictures/{name} was {'altered' if name in names else 'added'}" for name in spoilt]


def _bytes(text: Any) -> bytes | None:
    """Return what base64 says, None unless it is its one form."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return None
    return content if base64.b64encode(content).decode() == text else None


def _decoded(text: str) -> bytes | None:
    """The same for base64url without padding, in which the last letter may have bits that nobody reads."""
    return _bytes(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4))


def _time(text: str) -> datetime:
    """Read a time of the contract. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _shown(text: str) -> str:
    """Return a place that somebody else has named so that no terminal obeys it."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:300]
