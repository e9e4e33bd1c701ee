"""Throw-away authorities and certificates (EC P-256) for tests of TLS."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """What a client or a server is given: the authority that it trusts, its certificate, its key."""

    ca: Path
    cert: Path
    key: Path


class Authority:
    """One certificate authority, whose files lie in `directory`."""

    def __init__(self, directory: Path, name: str = "Test CA") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            _builder(self._name, self._name, self._key.public_key(), now, timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.ca = directory / "ca.pem"
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def client(self, *names: str, expired: bool = False, days: Sequence[int] = ()) -> CertificateFiles:
        """Client certificates for any common names and one key: those after the first lie behind the key. `days` is
        how long each is valid."""
        return self._issue(names, (), ExtendedKeyUsageOID.CLIENT_AUTH, expired=expired, days=days)

    def server(self, hosts: Sequence[str] = LOOPBACK, *, expired: bool = False) -> CertificateFiles:
        """A server certificate for these host names and addresses."""
        return self._issue(hosts[:1], hosts, ExtendedKeyUsageOID.SERVER_AUTH, expired=expired)

    def certify(self, name: str, public_key: ec.EllipticCurvePublicKey) -> Path:
        """A client certificate for a key that somebody else keeps."""
        issued = self._certify(name, public_key, (), ExtendedKeyUsageOID.CLIENT_AUTH, expired=False, days=1)
        path = self._directory / f"{issued.serial_number:x}.pem"
        path.write_bytes(issued.public_bytes(serialization.Encoding.PEM))
        return path

    def revocation_list(self, *revoked: CertificateFiles) -> Path:
        """A revocation list, as PEM, with these certificates on it."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now - timedelta(minutes=1))
            .next_update(now + timedelta(days=1))
        )
        for files in revoked:
            serial = x509.load_pem_x509_certificate(files.cert.read_bytes()).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
            builder = builder.add_revoked_certificate(entry)
        path = self._directory / "ca.crl"
        path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    def _issue(
        self,
        names: Sequence[str],
        hosts: Sequence[str],
        usage: x509.ObjectIdentifier,
        *,
        expired: bool,
        days: Sequence[int] = (),
    ) -> CertificateFiles:
        key = ec.generate_private_key(ec.SECP256R1())
        issued = [
            self._certify(name, key.public_key(), hosts, usage, expired=expired, days=valid)
            for name, valid in zip(names, days or [1] * len(names), strict=True)
        ]
        stem = f"{issued[0].serial_number:x}"
        files = CertificateFiles(self.ca, self._directory / f"{stem}.pem", self._directory / f"{stem}.key")
        first, *others = [each.public_bytes(serialization.Encoding.PEM) for each in issued]
        files.cert.write_bytes(first)
        files.key.touch(mode=0o600)
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + b"".join(others)
        )
        return files

    def _certify(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        hosts: Sequence[str],
        usage: x509.ObjectIdentifier,
        *,
        expired: bool,
        days: int,
    ) -> x509.Certificate:
        start = datetime.now(UTC) - timedelta(days=3 if expired else 0)
        builder = (
            _builder(_name(name), self._name, key, start, timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


@dataclass(frozen=True, slots=True)
class BrokerAuthorities:
    """The three authorities of a deployment: they sign the broker, the devices, the command centres."""

    server: Authority
    devices: Authority
    centres: Authority

    @classmethod
    def create(cls, directory: Path) -> "BrokerAuthorities":
        """Make them, each in its own directory."""
        return cls(*(Authority(directory / name, f"Test {name}") for name in ("server", "devices", "centres")))

    def device(self, user: str) -> CertificateFiles:
        """The files of a device, `province/site/id`, and of its probe: it trusts the broker's authority."""
        files = self.devices.client(user, f"{user}/up/alarm")
        return CertificateFiles(self.server.ca, files.cert, files.key)

    def centre(self, name: str) -> CertificateFiles:
        """A command centre's files: it trusts the broker's authority."""
        files = self.centres.client(name)
        return CertificateFiles(self.server.ca, files.cert, files.key)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    start: datetime,
    validity: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(minutes=5))
        .not_valid_after(start + validity)
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
