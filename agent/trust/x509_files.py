"""Reads certificates and keys in PEM files, and says what is wrong with them in a person's words."""

import os
import re
import stat
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.contract.errors import BrokerError, NoProbeCertificate
from agent.trust.certificates import Certificate, DeviceCertificate, KeyKind
from agent.trust.whole_file import read_file

if TYPE_CHECKING:
    from cryptography import x509

PROVIDERS = "/usr/share/edge-agent"
"""Where the configurations are that have OpenSSL load a provider for keys outside files."""
_PROVIDER_S = 8.0
"""A TPM takes its time."""


def authorities(path: Path) -> list[Certificate]:
    """Return the certificates in `ca_file`, at least one. Raises BrokerError."""
    return [_certificate(path, each) for each in _read(path, "ca_file")]


def device_certificate(cert: Path, key: Path, ca: Path | None) -> DeviceCertificate:
    """Return the first certificate of `cert`, and the results of checking it and its key. Raises BrokerError."""
    from cryptography import x509  # noqa: PLC0415 - the start of the agent must not load it
    from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: PLC0415

    own, *chain = _read(cert, "cert_file")
    for_clients = True
    with suppress(x509.ExtensionNotFound):
        usages = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        for_clients = ExtendedKeyUsageOID.CLIENT_AUTH in usages
    kind, trouble = kind_of_key(key), ""
    try:
        public = _public_bytes(_read_key(key)) if kind == "file" else _public_by_provider(key, kind)
    except _ProviderError as error:
        public, trouble = b"", str(error)
    issuers = [each for each in (*chain, *_trusted(ca)) if each.subject == own.issuer]
    return DeviceCertificate(
        own=_certificate(cert, own),
        key_file=str(key),
        key_matches=public == _public_bytes(own),
        key_kind=kind,
        key_trouble=trouble,
        for_clients=for_clients,
        chain_holds=any(_is_signed_by(own, issuer) for issuer in issuers) if issuers else None,
        others=tuple(_common_name(each) for each in _read(key, "key_file", may_be_none=True)),
        key_is_open=bool(key.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)),
    )


def owner(cert: Path) -> str:
    """Return the common name of the first certificate in a file. Raises BrokerError."""
    return _common_name(_read(cert, "cert_file")[0])


def probe_certificate(key: Path, common_name: str) -> bytes:
    """Return the probe's certificate in PEM form. Raises NoProbeCertificate, BrokerError.

    It is stored behind the key in its file: behind the device's own certificate it would be sent along with that, and
    RabbitMQ accepts no client that sends two.
    """
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    for each in _read(key, "key_file", may_be_none=True):
        if _common_name(each) == common_name:
            return each.public_bytes(Encoding.PEM)
    raise NoProbeCertificate(
        f"{key} has no certificate for the probe ({common_name}), and a login as the device might end its connection"
    )


def own_and_first_end(cert: Path, key: Path, probe: str) -> tuple[Certificate, datetime]:
    """Return the device's own certificate, and when it ends, or the probe's behind the key if that ends earlier.
    `probe` is its common name. Raises BrokerError."""
    own = _read(cert, "cert_file")[0]
    probes = [each for each in _read(key, "key_file", may_be_none=True) if _common_name(each) == probe]
    return _certificate(cert, own), min(_utc(each, "not_valid_after") for each in (own, *probes))


def _read(path: Path, setting: str, *, may_be_none: bool = False) -> "list[x509.Certificate]":
    from cryptography import x509  # noqa: PLC0415

    try:
        content = read_file(path)
        found = [] if may_be_none and b"CERTIFICATE" not in content else x509.load_pem_x509_certificates(content)
    except OSError as error:
        raise BrokerError(
            f"{path} can't be read: {(error.strerror or str(error)).lower()} ([mqtt] {setting})"
        ) from error
    except ValueError as error:
        raise BrokerError(f"{path} holds no certificate in PEM form ([mqtt] {setting})") from error
    return list(found)


class _ProviderError(Exception):
    """OpenSSL can't use a key that is not in its file."""


def kind_of_key(path: Path) -> KeyKind:
    """Return where the key is that the file stands for."""
    try:
        content = read_file(path)
    except OSError as error:
        raise BrokerError(_unreadable_key(path, error)) from error
    return "tpm" if b"TSS2 PRIVATE KEY" in content else "pkcs11" if b"PKCS#11" in content else "file"


def _public_by_provider(path: Path, kind: str) -> bytes:
    """Return the public key, in DER form, of a key that only OpenSSL's provider for its place can use.

    The `openssl` command does it: the process itself has loaded OpenSSL already, without that provider.
    """
    environ = {**os.environ, "OPENSSL_CONF": f"{PROVIDERS}/openssl-{kind}.cnf"}
    command = ("openssl", "pkey", "-in", str(path), "-pubout", "-outform", "DER")
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROVIDER_S, check=False, env=environ)
    except FileNotFoundError as error:
        raise _ProviderError("the command openssl is missing") from error
    except subprocess.TimeoutExpired as error:
        raise _ProviderError(f"it did not answer within {_PROVIDER_S:g} s") from error
    if done.returncode != 0:
        # The provider's own line; OpenSSL's say that no decoder took the file.
        own = re.search(r"^ERROR:.*?\) (.+?)\s*$", done.stderr.decode("utf-8", "replace"), re.MULTILINE)
        raise _ProviderError(own[1] if own else f"openssl finds no private key by {PROVIDERS}/openssl-{kind}.cnf")
    return done.stdout


def _unreadable_key(path: Path, error: OSError) -> str:
    return f"{path} can't be read: {(error.strerror or str(error)).lower()} ([mqtt] key_file)"


def _read_key(path: Path) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        return load_pem_private_key(read_file(path), password=None)
    except OSError as error:
        raise BrokerError(_unreadable_key(path, error)) from error
    except TypeError as error:
        raise BrokerError(f"{path} needs a password, and nobody can type one at a kiosk ([mqtt] key_file)") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BrokerError(f"{path} holds no private key in PEM form ([mqtt] key_file)") from error


def _trusted(ca: Path | None) -> "list[x509.Certificate]":
    """Return the trusted authorities; none if the file can't be read, which is reported elsewhere."""
    try:
        return [] if ca is None else _read(ca, "ca_file")
    except BrokerError:
        return []


def _is_signed_by(certificate: "x509.Certificate", issuer: "x509.Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _public_bytes(holder: object) -> bytes:
    """Return the public key of a certificate or a private key, in DER form."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    public: bytes = holder.public_key().public_bytes(  # type: ignore[attr-defined]
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    return public


def _certificate(path: Path, found: "x509.Certificate") -> Certificate:
    from cryptography import x509  # noqa: PLC0415

    is_authority = False
    with suppress(x509.ExtensionNotFound):
        is_authority = found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    return Certificate(
        file=str(path),
        common_name=_common_name(found),
        not_before=_utc(found, "not_valid_before"),
        not_after=_utc(found, "not_valid_after"),
        is_authority=is_authority,
    )


def _common_name(found: "x509.Certificate") -> str:
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _utc(found: "x509.Certificate", name: str) -> datetime:
    """Return a date of the certificate in UTC. Debian 12's cryptography 38 knows no time zones, and newer versions warn
    about its way."""
    moment = getattr(found, f"{name}_utc", None) or getattr(found, name).replace(tzinfo=UTC)
    assert isinstance(moment, datetime)
    return moment
