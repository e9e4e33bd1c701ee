"""Throw-away authorities and certificates for tests of TLS, made as the province kit makes its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from edge_centre.authority import HOST_DAYS, Revoked, new_key, write_certificates, write_key
from edge_centre.authority import Authority as Kit

LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """What a client or a server is given: the authority that it trusts, its certificate, its key."""

    ca: Path
    cert: Path
    key: Path

    @property
    def mqtt(self) -> dict[str, str]:
        """The settings of a device that uses them."""
        return {"ca_file": str(self.ca), "cert_file": str(self.cert), "key_file": str(self.key)}


class Authority:
    """One certificate authority, whose files lie in `directory`; it is new unless it `began` earlier."""

    def __init__(self, directory: Path, name: str = "test", began: datetime | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._root = Kit.root("device", name, began)
        self.ca = directory / "ca.pem"
        write_certificates(self.ca, self._root.certificate)

    def client(
        self, *names: str, expired: bool = False, days: Sequence[int] = (), made: datetime | None = None
    ) -> CertificateFiles:
        """Client certificates for any common names and one key: those after the first lie behind the key. `days` is
        how long each is valid; `made` is when, now if left out."""
        key, now = new_key(), made or _now(expired)
        lives = zip(names, days or [1] * len(names), strict=True)
        return self._written(
            key, *(self._root.device(key.public_key(), name, days=valid, now=now) for name, valid in lives)
        )

    def server(
        self, hosts: Sequence[str] = LOOPBACK, *, expired: bool = False, life: timedelta = timedelta(days=1)
    ) -> CertificateFiles:
        """A server certificate for these host names and addresses; it ends after `life`."""
        key, now = new_key(), _now(expired) - timedelta(days=HOST_DAYS) + life
        return self._written(key, self._root.server(key.public_key(), hosts, now))

    def certify(self, name: str, public_key: ec.EllipticCurvePublicKey) -> Path:
        """A client certificate for a key that somebody else keeps."""
        issued = self._root.device(public_key, name, days=1)
        path = self._directory / f"{issued.serial_number:x}.pem"
        write_certificates(path, issued)
        return path

    def revocation_list(self, *revoked: CertificateFiles) -> Path:
        """A revocation list, as PEM, with these certificates on it."""
        now = datetime.now(UTC)
        found = [x509.load_pem_x509_certificate(files.cert.read_bytes()).serial_number for files in revoked]
        path = self._directory / "ca.crl"
        path.write_bytes(self._root.revocation_list([Revoked(serial, now) for serial in found], 1))
        return path

    def _written(
        self, key: ec.EllipticCurvePrivateKey, first: x509.Certificate, *behind: x509.Certificate
    ) -> CertificateFiles:
        stem = self._directory / f"{first.serial_number:x}"
        files = CertificateFiles(self.ca, stem.with_suffix(".pem"), stem.with_suffix(".key"))
        write_certificates(files.cert, first)
        write_key(files.key, key, *behind)
        return files


@dataclass(frozen=True, slots=True)
class BrokerAuthorities:
    """The three authorities of a deployment: they sign the broker, the devices, the command centres."""

    server: Authority
    devices: Authority
    centres: Authority

    @classmethod
    def create(cls, directory: Path) -> "BrokerAuthorities":
        """Make them, each in its own directory."""
        return cls(*(Authority(directory / name, name) for name in ("server", "devices", "centres")))

    def device(self, user: str) -> CertificateFiles:
        """The files of a device, `province/site/id`, and of its probe: it trusts the broker's authority."""
        files = self.devices.client(user, f"{user}/up/alarm")
        return CertificateFiles(self.server.ca, files.cert, files.key)

    def centre(self, name: str) -> CertificateFiles:
        """A command centre's files: it trusts the broker's authority."""
        files = self.centres.client(name)
        return CertificateFiles(self.server.ca, files.cert, files.key)


def _now(expired: bool) -> datetime:
    """When a certificate is made that is valid, or one that no longer is."""
    return datetime.now(UTC) - timedelta(days=2 if expired else 0)
