"""The authorities of a province, and the certificates that they sign (EC P-256, SHA-256).

There is a root for each kind of holder, so that a certificate of one kind can't be used where another is wanted:
whoever trusts a root also takes every chain below it that a client sends. The roots stay offline. Two have an authority
below them that is online, at the registrar: that of devices signs their certificates and the revocation list, that of
pages the certificates of devices' service pages, and nothing else.

That of devices has no name constraints. Those of X.509 bind the end of a DNS name, and a device's begins with its
province; the registrar itself refuses the names of other provinces. The root of pages, which phones trust, and what is
below it are good for names that end in `.local` alone.

    root = Authority.root("device", "kzn")
    root.save(Path("pki/offline/device"))
    issuing = root.issuing()
    certificate = issuing.device(key.public_key(), "kzn/durban-station/kiosk-0001", "10000000abcdef")
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.contract.identity import client_id, common_name
from agent.trust.claim import BOARD_URN

Kind = Literal["server", "device", "centre", "operator", "page"]

ROOT_DAYS = 20 * 365
ISSUING_DAYS = 5 * 365
HOST_DAYS = 825
"""Of servers and centres."""
DEVICE_DAYS = 90
_SLOW_CLOCK = timedelta(hours=1)
"""A certificate is valid for so long already when it is made: whoever looks at it may have a slow clock."""
_LOCAL = x509.NameConstraints(
    [x509.DNSName("local")], [x509.IPAddress(ip_network("0.0.0.0/0")), x509.IPAddress(ip_network("::/0"))]
)
"""Names on a network without a name server; without the second part any address would be permitted."""
_CERTIFICATE, _KEY = "ca.pem", "ca.key"


class AuthorityError(Exception):
    """An authority's files can't be used. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that is no longer valid."""

    serial: int
    at: datetime
    is_compromised: bool = False
    """Whether somebody may have it who must be shut out, also from a connection that is open."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority with its key. Its repr does not show the secret."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def root(cls, kind: Kind, province: str, now: datetime | None = None) -> Self:
        """Make a root for the certificates of one kind."""
        key = new_key()
        name = _name(f"Edge agent {province} {kind} root")
        builder = _builder(name, name, key.public_key(), now, ROOT_DAYS)
        builder = _as_authority(builder, key.public_key(), 1 if kind in {"device", "page"} else 0)
        if kind == "page":
            builder = builder.add_extension(_LOCAL, critical=True)
        return cls(builder.sign(key, hashes.SHA256()), key)

    def issuing(self, now: datetime | None = None, key: ec.EllipticCurvePrivateKey | None = None) -> Self:
        """Make the online authority below this root, for devices or for pages; with the `key` of an older one it takes
        its place, and what that has signed goes on."""
        key = key or new_key()
        own = str(self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        name = _name(own.removesuffix("root") + "issuing")
        builder = _builder(name, self.certificate.subject, key.public_key(), now, ISSUING_DAYS, self.end)
        builder = _as_authority(builder, key.public_key(), 0)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        if any(isinstance(each.value, x509.NameConstraints) for each in self.certificate.extensions):
            usage = ExtendedKeyUsageOID.SERVER_AUTH
            # Not every phone holds a root to its constraints, but each holds what is below it.
            builder = builder.add_extension(_LOCAL, critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return type(self)(self._sign(builder), key)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what `save` wrote. Raises AuthorityError."""
        return cls.read(directory / _CERTIFICATE, directory / _KEY)

    @classmethod
    def read(cls, certificate: Path, key: Path) -> Self:
        """Read two files. Raises AuthorityError: also when others than the key's owner may read it."""
        try:
            mode = key.stat().st_mode & 0o777
            if mode & 0o077:
                raise AuthorityError(
                    f"{key}: others than its owner may read this key (mode {mode:04o}): run `chmod 600 {key}`, and ask "
                    "yourself who has read it"
                )
            private = load_pem_private_key(key.read_bytes(), None)
            public = x509.load_pem_x509_certificate(certificate.read_bytes())
        except OSError as error:
            raise AuthorityError(f"{error.filename}: can't be read: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise AuthorityError(f"{key}, {certificate}: not the key and the certificate of an authority") from error
        if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != public.public_key():
            raise AuthorityError(f"{certificate} is not the certificate of the key in {key}")
        return cls(public, private)

    def save(self, directory: Path) -> None:
        """Write `ca.pem` and `ca.key` (0600) into a directory that does not exist yet: all of it, or nothing.

        Raises AuthorityError when it does exist: a new key would shut out everybody whom the old one has vouched for.
        """
        if directory.exists():
            raise AuthorityError(f"{directory} is there already; a new authority would shut everybody out")
        new = directory.with_name(f"{directory.name}.new")
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(parents=True, mode=0o700)
        write_key(new / _KEY, self.key)
        write_certificates(new / _CERTIFICATE, self.certificate)
        new.rename(directory)

    def server(
        self, public_key: ec.EllipticCurvePublicKey, hosts: Sequence[str], now: datetime | None = None
    ) -> x509.Certificate:
        """Return a server's certificate for its names and addresses."""
        names = [_general_name(host) for host in hosts]
        return self._issue(public_key, hosts[0], names, ExtendedKeyUsageOID.SERVER_AUTH, HOST_DAYS, now)

    def centre(self, public_key: ec.EllipticCurvePublicKey, name: str, now: datetime | None = None) -> x509.Certificate:
        """Return a command centre's certificate."""
        names = [x509.DNSName(client_id(name))]
        return self._issue(public_key, name, names, ExtendedKeyUsageOID.CLIENT_AUTH, HOST_DAYS, now)

    def device(
        self,
        public_key: ec.EllipticCurvePublicKey,
        user: str,
        board: str | None = None,
        *,
        days: float = DEVICE_DAYS,
        now: datetime | None = None,
    ) -> x509.Certificate:
        """Return the certificate of a device, or of its probe: `user` is `Identity.user` or `Identity.probe`."""
        names: list[x509.GeneralName] = [x509.DNSName(client_id(user))]  # with dots, for brokers that write topics so
        if board is not None:
            names.append(x509.UniformResourceIdentifier(BOARD_URN + board))
        return self._issue(public_key, user, names, ExtendedKeyUsageOID.CLIENT_AUTH, days, now)

    def page(
        self,
        public_key: ec.EllipticCurvePublicKey,
        host: str,
        *,
        days: float = DEVICE_DAYS,
        now: datetime | None = None,
    ) -> x509.Certificate:
        """Return the certificate of a device's service page, for its name on the local network."""
        return self._issue(public_key, host, [x509.DNSName(host)], ExtendedKeyUsageOID.SERVER_AUTH, days, now)

    def revocation_list(self, revoked: Iterable[Revoked], number: int, now: datetime | None = None) -> bytes:
        """Return a list of these certificates, as PEM. `number` grows with each list.

        It is valid for as long as the authority: one that has expired would shut every device out.
        """
        now = now or datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - _SLOW_CLOCK)
            .next_update(self.end)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.serial).revocation_date(each.at)
            if each.is_compromised:
                entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    @property
    def end(self) -> datetime:
        """When its certificate ends, and all that it has signed."""
        return self.certificate.not_valid_after_utc

    def _issue(
        self,
        public_key: ec.EllipticCurvePublicKey,
        name: str,
        names: Iterable[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        days: float,
        now: datetime | None,
    ) -> x509.Certificate:
        subject = _name(common_name(name))
        builder = (
            _builder(subject, self.certificate.subject, public_key, now, days, self.end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        return self._sign(builder)

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return builder.add_extension(issuer, critical=False).sign(self.key, hashes.SHA256())


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def write_key(path: Path, key: ec.EllipticCurvePrivateKey, *behind: x509.Certificate) -> None:
    """Write a key into a new file that its owner alone can read, PKCS#8 as PEM. Raises FileExistsError.

    `behind` are written after it: a device's program looks there for the certificate of its probe.
    """
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(path, pem + _pem(behind), 0o600)


def write_certificates(path: Path, *certificates: x509.Certificate) -> None:
    """Write certificates into a new file, as PEM. Raises FileExistsError."""
    _write(path, _pem(certificates), 0o644)


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime | None,
    days: float,
    end: datetime | None = None,
) -> x509.CertificateBuilder:
    now = now or datetime.now(UTC)
    until = now + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLOW_CLOCK)
        # No certificate outlives its authority.
        .not_valid_after(min(until, end) if end else until)
    )


def _as_authority(
    builder: x509.CertificateBuilder, public_key: ec.EllipticCurvePublicKey, path_length: int
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
