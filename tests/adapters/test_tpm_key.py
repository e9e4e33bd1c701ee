"""A key that only a TPM can use: swtpm plays the TPM, and OpenSSL's own provider reads the key."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agent.core.errors import BrokerError
from agent.trust import x509_files
from agent.trust.x509_files import device_certificate
from tests.support.certificates import Authority
from tests.support.tpm import CONFIGURATION, Tpm

NAME = "kiosk-0042"


@pytest.fixture
def tpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tpm]:
    (tmp_path / "openssl-tpm.cnf").write_text(CONFIGURATION)
    monkeypatch.setattr(x509_files, "PROVIDERS", str(tmp_path))
    with Tpm(tmp_path / "tpm") as tpm:
        for name, value in tpm.environ.items():
            monkeypatch.setenv(name, value)
        yield tpm


def test_a_tpms_key_is_compared_with_the_certificate_by_the_tpm(tmp_path: Path, tpm: Tpm) -> None:
    key, other = tpm.make_key(tmp_path / "device.key"), tpm.make_key(tmp_path / "other.key")
    authority = Authority(tmp_path / "ca", "Devices")
    public = load_der_public_key(tpm.public_key(key))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    cert = authority.certify(NAME, public)
    found = device_certificate(cert, key, authority.ca)
    assert (found.key_kind, found.key_matches, found.key_trouble) == ("tpm", True, "")
    found = device_certificate(cert, other, authority.ca)
    assert (found.key_kind, found.key_matches, found.key_trouble) == ("tpm", False, "")


def test_without_its_tpm_it_says_why_the_key_can_not_be_used(tmp_path: Path, tpm: Tpm) -> None:
    key = tpm.make_key(tmp_path / "device.key")
    files = Authority(tmp_path / "ca", "Devices").client(NAME)
    tpm.stop()
    found = device_certificate(files.cert, key, files.ca)
    assert (found.key_kind, found.key_matches) == ("tpm", False)
    assert "Cannot connect to swtpm" in found.key_trouble


def test_without_its_provider_it_says_where_openssl_looked(
    tmp_path: Path, tpm: Tpm, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tpm.make_key(tmp_path / "device.key")
    files = Authority(tmp_path / "ca", "Devices").client(NAME)
    monkeypatch.setattr(x509_files, "PROVIDERS", str(tmp_path / "nowhere"))
    trouble = device_certificate(files.cert, key, files.ca).key_trouble
    assert trouble == f"openssl finds no private key by {tmp_path}/nowhere/openssl-tpm.cnf"


def test_where_openssl_is_missing_or_does_not_end_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Authority(tmp_path / "ca", "Devices").client(NAME)
    key = tmp_path / "device.key"
    key.write_text("-----BEGIN PKCS#11 PROVIDER URI-----\nAAAA\n-----END PKCS#11 PROVIDER URI-----\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = device_certificate(files.cert, key, files.ca)
    assert (found.key_kind, found.key_trouble) == ("pkcs11", "the command openssl is missing")

    monkeypatch.setattr(x509_files, "_PROVIDER_S", 0.1)
    hangs = tmp_path / "openssl"
    hangs.write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    hangs.chmod(0o755)
    assert device_certificate(files.cert, key, files.ca).key_trouble == "it did not answer within 0.1 s"


def test_a_file_that_holds_no_key_at_all_is_still_told(tmp_path: Path) -> None:
    files = Authority(tmp_path / "ca", "Devices").client(NAME)
    files.key.write_bytes(base64.b64encode(b"nothing"))
    with pytest.raises(BrokerError, match="holds no private key in PEM form"):
        device_certificate(files.cert, files.key, files.ca)
