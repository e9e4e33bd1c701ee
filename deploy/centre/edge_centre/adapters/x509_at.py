"""Judges the certificate of a device as of a moment in the past: that of a recording."""

import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

_CERTIFICATES = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_LISTS = re.compile(r"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)
_MOST = 8
_BAD = (
    *(ValueError, TypeError, KeyError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion),
    *(x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)
"""What cryptography raises for certificates that somebody has bent."""


def common_name_of(der: bytes) -> str | None:
    """Return whose certificate this is; None if it is none."""
    try:
        names = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except _BAD:
        return None
    return str(names[0].value) if names else ""


def why_not_valid(chain: Sequence[bytes], authorities: str, at: datetime | None) -> str | None:
    """Return why a certificate was not valid at that moment, in a clause; None if it was.

    `chain` is DER, the certificate first; `authorities` is PEM, and each of them is trusted. Without a moment, dates
    do not count.
    """
    try:
        own, *between = [x509.load_der_x509_certificate(each) for each in chain[:_MOST]]
        trusted = _all(authorities)
    except _BAD:
        return "it is no certificate"
    for _ in range(_MOST):
        begins, ends = _life(own)
        if at is not None and not begins <= at <= ends:
            return f"{_name(own)} was valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC, and not then"
        if own in trusted:
            return None
        issuers = [each for each in (*trusted, *between) if _has_issued(each, own)]
        if not issuers:
            return f"no authority that was given has issued {_name(own)}"
        own = issuers[0]
    return "its chain of authorities is too long"


def revoked_at(chain: Sequence[bytes], authorities: str, lists: str) -> datetime | None:
    """Return when the first certificate of `chain`, or one of its authorities there, was revoked, by lists (PEM) that
    its authority has signed; None if it is on none of them. Raises ValueError for a list that can't be read."""
    found = [x509.load_pem_x509_crl(each.encode()) for each in _LISTS.findall(lists)]
    try:
        certificates = [x509.load_der_x509_certificate(each) for each in chain[:_MOST]]
        authorities_of_all = [*_all(authorities), *certificates[1:]]
    except _BAD:
        return None
    for own, each in itertools.product(certificates, found):
        entry: Any = each.get_revoked_certificate_by_serial_number(own.serial_number)
        issuers = (one for one in authorities_of_all if entry is not None and _has_issued(one, own))
        if any(_has_signed(issuer, each) for issuer in issuers):
            return _utc(entry, "revocation_date")
    return None


def list_made_at(lists: str) -> datetime:
    """Return when the oldest of these lists (PEM) was made. Raises ValueError."""
    return min(_utc(x509.load_pem_x509_crl(each.encode()), "last_update") for each in _LISTS.findall(lists))


def why_no_list(authorities: str, lists: str) -> str | None:
    """Return why these lists of revoked certificates (PEM) can't be gone by, in a clause; None if they can: each can be
    read, and is signed by one of the authorities (PEM). One that says nothing of ours must not pass for a clean one."""
    try:
        found = [x509.load_pem_x509_crl(each.encode()) for each in _LISTS.findall(lists)]
        trusted = _all(authorities)
    except _BAD:
        return "a list of revoked certificates in it can't be read"
    if not found:
        return "holds no list of revoked certificates in PEM form"
    if not all(any(_has_signed(issuer, each) for issuer in trusted) for each in found):
        return "holds a list that none of the authorities has signed that --ca gives"
    return None


@lru_cache(maxsize=4)
def _all(authorities: str) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificate(each.encode()) for each in _CERTIFICATES.findall(authorities))


def _has_issued(issuer: x509.Certificate, own: x509.Certificate) -> bool:
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        own.verify_directly_issued_by(issuer)
    except _BAD:
        return False
    return constraints.ca


def _has_signed(issuer: x509.Certificate, revoked: x509.CertificateRevocationList) -> bool:
    key: Any = issuer.public_key()
    try:
        return revoked.is_signature_valid(key)
    except _BAD:  # a key of a kind that signs no lists
        return False


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return f"the certificate of {names[0].value!s}" if names else "a certificate without a name"


def _life(certificate: x509.Certificate) -> tuple[datetime, datetime]:
    return _utc(certificate, "not_valid_before"), _utc(certificate, "not_valid_after")


def _utc(found: Any, name: str) -> datetime:
    """Return a date in UTC: cryptography before 42 knows no time zones."""
    moment = getattr(found, f"{name}_utc", None) or getattr(found, name).replace(tzinfo=UTC)
    assert isinstance(moment, datetime)
    return moment
