import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from agent.core.errors import BrokerError
from agent.trust.x509_files import authorities, device_certificate, own_and_first_end
from tests.support.certificates import Authority, CertificateFiles


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca", "Devices")


@pytest.fixture
def files(authority: Authority) -> CertificateFiles:
    return authority.client("kiosk-0042")


def test_a_certificate_is_read_with_its_key_and_authority(files: CertificateFiles) -> None:
    found = device_certificate(files.cert, files.key, files.ca)
    assert found.own.common_name == "kiosk-0042"
    assert found.own.not_before < datetime.now(UTC) < found.own.not_after
    assert (found.key_matches, found.for_clients, found.chain_holds, found.key_is_open) == (True, True, True, False)
    [ca] = authorities(files.ca)
    assert (ca.common_name, ca.is_authority) == ("Edge agent Devices device root", True)


def test_the_key_of_another_device_does_not_match(authority: Authority, files: CertificateFiles) -> None:
    other = authority.client("kiosk-0043")
    assert not device_certificate(files.cert, other.key, files.ca).key_matches


def test_an_authority_of_the_same_name_that_did_not_sign_it_is_found_out(
    tmp_path: Path, files: CertificateFiles
) -> None:
    impostor = Authority(tmp_path / "impostor", "Devices")
    assert device_certificate(files.cert, files.key, impostor.ca).chain_holds is False


def test_without_its_authority_nothing_is_said_of_its_chain(tmp_path: Path, files: CertificateFiles) -> None:
    """`ca_file` is the authority of the brokers, which need not be that of the devices."""
    servers = Authority(tmp_path / "servers", "Servers")
    assert device_certificate(files.cert, files.key, servers.ca).chain_holds is None
    assert device_certificate(files.cert, files.key, tmp_path / "nothing").chain_holds is None


def test_a_chain_in_one_file_is_followed(tmp_path: Path, files: CertificateFiles) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(files.cert.read_bytes() + files.ca.read_bytes())
    assert device_certificate(chain, files.key, None).chain_holds is True


def test_a_servers_certificate_is_not_for_clients(authority: Authority) -> None:
    server = authority.server()
    assert not device_certificate(server.cert, server.key, None).for_clients


def test_a_key_that_everybody_may_read_is_open(files: CertificateFiles) -> None:
    files.key.chmod(0o644)
    assert device_certificate(files.cert, files.key, None).key_is_open


@pytest.mark.parametrize("spoil", ["gone", "empty", "garbage", "locked"])
@pytest.mark.parametrize("which", ["cert_file", "key_file", "ca_file"])
def test_a_file_that_can_not_be_used_is_named_with_its_setting(
    tmp_path: Path, files: CertificateFiles, which: str, spoil: str
) -> None:
    path = tmp_path / "spoiled.pem"
    if spoil == "empty":
        path.touch()
    elif spoil == "garbage":
        path.write_bytes(b"-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n")
    elif spoil == "locked":
        key = ec.generate_private_key(ec.SECP256R1())
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    own = {"cert_file": files.cert, "key_file": files.key} | {which: path}
    with pytest.raises(BrokerError) as told:
        authorities(path) if which == "ca_file" else device_certificate(own["cert_file"], own["key_file"], None)
    assert str(path) in str(told.value)
    assert f"[mqtt] {which}" in str(told.value)
    assert "\n" not in str(told.value)


def test_the_files_may_be_links(tmp_path: Path, files: CertificateFiles) -> None:
    shutil.copy(files.cert, tmp_path / "real.pem")
    (tmp_path / "link.pem").symlink_to(tmp_path / "real.pem")
    assert device_certificate(tmp_path / "link.pem", files.key, None).key_matches


@pytest.mark.parametrize(("days", "first"), [((5, 9, 2), 5), ((9, 5, 2), 5)])
def test_the_end_is_that_of_the_devices_own_certificate_or_of_its_probes_if_that_is_earlier(
    authority: Authority, days: tuple[int, ...], first: int
) -> None:
    files = authority.client("kiosk-0042", "probe", "somebody else", days=days)
    left = own_and_first_end(files.cert, files.key, "probe")[1] - datetime.now(UTC)
    assert timedelta(days=first - 1) < left < timedelta(days=first)
    assert (
        own_and_first_end(files.cert, files.key, "none")[1]
        == device_certificate(files.cert, files.key, None).own.not_after
    )


@pytest.mark.parametrize("which", ["cert", "key"])
def test_no_end_is_told_of_files_that_can_not_be_read(files: CertificateFiles, which: str) -> None:
    getattr(files, which).unlink()
    with pytest.raises(BrokerError, match=f"{which}_file"):
        own_and_first_end(files.cert, files.key, "probe")[1]
