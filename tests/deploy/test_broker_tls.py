"""Who the broker of deploy's configuration lets in, and which broker a device trusts."""

import socket
import ssl
from pathlib import Path

import pytest

from tests.support.agent_process import USER
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber, assert_refused


@pytest.fixture(scope="module")
def kiosk(authorities: BrokerAuthorities) -> CertificateFiles:
    """The certificate of kiosk-0042."""
    return authorities.device(USER)


def test_a_client_without_a_certificate_is_refused(tls_broker: Mosquitto, authorities: BrokerAuthorities) -> None:
    context = ssl.create_default_context(cafile=authorities.server.ca)
    assert_refused(tls_broker.port, context=context)


def test_an_expired_certificate_is_refused(tls_broker: Mosquitto, authorities: BrokerAuthorities) -> None:
    expired = authorities.devices.client(USER, expired=True)
    files = CertificateFiles(authorities.server.ca, expired.cert, expired.key)
    assert_refused(tls_broker.port, files=files)


def test_a_certificate_of_a_foreign_authority_is_refused(tls_broker: Mosquitto, authorities: BrokerAuthorities) -> None:
    files = CertificateFiles(authorities.server.ca, *_pair(authorities.centres.client(USER)))
    assert_refused(tls_broker.port, files=files)


def test_a_revoked_certificate_is_refused_and_others_are_not(
    tmp_path: Path, authorities: BrokerAuthorities, kiosk: CertificateFiles
) -> None:
    crl = authorities.devices.revocation_list(kiosk)
    with Mosquitto(tmp_path / "broker", authorities=authorities, device_crl=crl) as broker:
        assert_refused(broker.port, files=kiosk)
        with Subscriber(broker.port, files=authorities.device(USER.replace("0042", "0043"))) as other:
            assert other.connected


def test_a_broker_that_is_not_the_one_named_is_not_trusted(
    tmp_path: Path, authorities: BrokerAuthorities, kiosk: CertificateFiles
) -> None:
    with (
        Mosquitto(tmp_path / "broker", authorities=authorities, server_hosts=["elsewhere.example"]) as broker,
        pytest.raises(ssl.SSLCertVerificationError, match="mismatch"),
    ):
        _shake_hands(broker, _context(authorities, kiosk))


@pytest.mark.parametrize("version", ["TLSv1_3", "TLSv1_2"])
def test_current_versions_of_tls_are_spoken(
    tls_broker: Mosquitto, authorities: BrokerAuthorities, kiosk: CertificateFiles, version: str
) -> None:
    context = _context(authorities, kiosk)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    assert _shake_hands(tls_broker, context) == version.replace("_", ".")


def test_old_versions_of_tls_are_refused(
    tls_broker: Mosquitto, authorities: BrokerAuthorities, kiosk: CertificateFiles
) -> None:
    context = _context(authorities, kiosk)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")  # else this machine's own OpenSSL would refuse first
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        _shake_hands(tls_broker, context)


def _pair(files: CertificateFiles) -> tuple[Path, Path]:
    return files.cert, files.key


def _shake_hands(broker: Mosquitto, context: ssl.SSLContext) -> str | None:
    # Not by paho, which leaves its socket open when the handshake fails.
    with (
        socket.create_connection(("127.0.0.1", broker.port), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as secure,
    ):
        return secure.version()


def _context(authorities: BrokerAuthorities, files: CertificateFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authorities.server.ca)
    context.load_cert_chain(files.cert, files.key)
    return context
