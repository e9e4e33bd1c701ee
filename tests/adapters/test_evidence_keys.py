"""The keys of evidence: the device's, in a file or in a TPM, and the province's."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agent.trust import evidence_keys
from agent.trust.evidence_keys import (
    DeviceKey,
    EvidenceKey,
    KeyTrouble,
    Recipient,
    decrypt,
    encrypt,
    is_signature,
    wrap,
)
from tests.support.certificates import Authority
from tests.support.tpm import CONFIGURATION, Tpm

NAME = "gp/jhb-park-station/kiosk-0042"
ORDER = evidence_keys._ORDER


@pytest.fixture
def tpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tpm]:
    with Tpm(tmp_path / "tpm") as running:
        (tmp_path / "openssl-tpm.cnf").write_text(CONFIGURATION)
        monkeypatch.setattr(evidence_keys, "PROVIDERS", str(tmp_path))
        for name, value in running.environ.items():
            monkeypatch.setenv(name, value)
        yield running


def test_a_key_in_a_tpm_signs_as_one_in_a_file_does(tpm: Tpm, tmp_path: Path) -> None:
    authority, file = Authority(tmp_path / "ca"), tpm.make_key(tmp_path / "device.key")
    public = load_der_public_key(tpm.public_key(file))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    in_tpm, in_file = DeviceKey(file, authority.certify(NAME, public)), authority.client(NAME)

    for key in (in_tpm, DeviceKey(in_file.key, in_file.cert)):
        signature = key(b"a fragment")
        assert is_signature(key.x5c[0], b"a fragment", signature)
        assert not is_signature(key.x5c[0], b"another", signature)
        assert key.seconds > 0
    assert not is_signature(in_tpm.x5c[0], b"a fragment", signature), "that of the other key"
    tpm.stop()
    with pytest.raises(KeyTrouble, match="can't sign"):
        in_tpm(b"a fragment")


def test_a_signature_has_one_form(tmp_path: Path) -> None:
    files = Authority(tmp_path / "ca").client(NAME)
    key = DeviceKey(files.key, files.cert)
    for number in range(20):
        signature = key(bytes([number]))
        r, s = signature[:32], int.from_bytes(signature[32:])
        assert is_signature(key.x5c[0], bytes([number]), signature)
        assert not is_signature(key.x5c[0], bytes([number]), r + (ORDER - s).to_bytes(32)), "it holds, and is refused"
        assert not is_signature(key.x5c[0], bytes([number]), signature + b"\0")


def test_what_is_sealed_is_opened_by_the_provinces_key_alone_and_in_its_place_alone() -> None:
    key, other = EvidenceKey.generate("evidence-1"), EvidenceKey.generate("evidence-1")
    content_key, sender, wrapped = wrap(Recipient.parse(str(key.public())))
    sealed = encrypt(content_key, 7, b"pictures", b"bound")

    assert key.unwrap(sender, wrapped) == content_key
    assert decrypt(content_key, 7, sealed, b"bound") == b"pictures"
    assert decrypt(content_key, 8, sealed, b"bound") is None
    assert decrypt(content_key, 7, sealed, b"elsewhere") is None
    for opener, its_sender, its_key in ((other, sender, wrapped), (key, sender, "AAAA"), (key, "x", wrapped)):
        with pytest.raises(KeyTrouble):
            opener.unwrap(its_sender, its_key)


@pytest.mark.parametrize("text", ["", "evidence-1", "evidence-1:short", "evidence-1:" + "A" * 44, "e:" + "A" * 43])
def test_a_recipient_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(KeyTrouble, match="no X25519 key"):
        Recipient.parse(text)


def test_another_key_is_no_evidence_key(tmp_path: Path) -> None:
    path = tmp_path / "operator-1.key.json"
    for content in ('{"kty":"OKP","crv":"Ed25519","kid":"k","d":"AA"}', "{}", "nothing"):
        path.write_text(content)
        with pytest.raises(KeyTrouble, match=r"evidence-N\.key\.json"):
            EvidenceKey.load(path)


def test_evidence_needs_a_key_of_p_256(tmp_path: Path) -> None:
    files = Authority(tmp_path / "ca").client(NAME)
    command = ("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
    files.key.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    with pytest.raises(KeyTrouble, match="P-256"):
        DeviceKey(files.key, files.cert)
