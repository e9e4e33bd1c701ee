"""What the doctor says of certificates and TLS, at deploy's own broker."""

import shutil
from pathlib import Path

import pytest

from tests.support.agent_process import USER, AgentProcess
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.doctor import Examined, examine
from tests.support.mosquitto import Mosquitto
from tests.system.test_tls import (
    Break,
    broker_of_another_name,
    copy_over,
    expired_broker,
    of_another_authority,
    of_another_device,
    own_files,
    wrong_authority,
)

pytestmark = pytest.mark.diagnosis


def findings(tmp_path: Path, broker: Mosquitto, files: CertificateFiles) -> Examined:
    device = AgentProcess(tmp_path / "kiosk", broker.url, mqtt=files.mqtt)
    return examine(device.config, "--simulate", "--only", "certificate", "--only", "broker")


def test_a_device_in_order_is_let_in_and_what_ends_soon_is_a_warning(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    """The certificates of the tests live for a day, their authorities for years."""
    found = findings(tmp_path, tls_broker, own_files(authorities.device(USER), tmp_path / "certificates"))
    assert found.code == 0
    assert "TLSv1.3" in found.one("broker-1", "ok")["what"]
    assert "the certificate of localhost" in found.one("broker-1", "warn")["what"]
    assert ["ends in" in finding["what"] for finding in found.of("certificate")] == [True, False]


def expired(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    copy_over(files, authorities.devices.client(USER, expired=True))


def with_another_key(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    shutil.copy(authorities.device(USER).key, files.key)


def own_certificate_as_authority(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    shutil.copy(files.cert, files.ca)


@pytest.mark.parametrize(
    ("spoil", "check", "says"),
    [
        pytest.param(expired, "certificate", "has expired on", id="expired, by its date"),
        pytest.param(expired, "broker-1", "this device's certificate has expired", id="expired, by the broker"),
        pytest.param(of_another_device, "certificate", "kiosk-0043' (CN)", id="wrong CN, by its name"),
        pytest.param(of_another_device, "broker-1", "check its access list", id="wrong CN, by the broker"),
        pytest.param(with_another_key, "certificate", "does not belong to the certificate", id="another key"),
        pytest.param(of_another_authority, "broker-1", "does not trust the authority of this device", id="stranger"),
        pytest.param(wrong_authority, "broker-1", "TLS: the broker's certificate comes from", id="not trusted"),
        pytest.param(own_certificate_as_authority, "certificate", "has no authority", id="no authority"),
        pytest.param(broker_of_another_name, "broker-1", "TLS: the broker's certificate is not for", id="name"),
        pytest.param(expired_broker, "broker-1", "the broker's certificate has expired", id="expired broker"),
    ],
)
def test_a_wrong_certificate_is_named(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities, spoil: Break, check: str, says: str
) -> None:
    files = own_files(authorities.device(USER), tmp_path / "certificates")
    spoil(tls_broker, authorities, files)
    assert says in findings(tmp_path, tls_broker, files).failure(check)


def test_a_device_without_the_certificate_that_the_broker_wants_is_told(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    ca = {"ca_file": str(authorities.server.ca)}
    device = AgentProcess(tmp_path / "kiosk", tls_broker.url, mqtt=ca)
    found = examine(device.config, "--simulate", "--only", "broker")
    assert "the broker wants a client certificate" in found.failure("broker-1")


def test_a_port_that_speaks_no_tls_is_told(tmp_path: Path, broker: Mosquitto, authorities: BrokerAuthorities) -> None:
    ca = {"ca_file": str(authorities.server.ca), "connect_timeout_s": 3}
    device = AgentProcess(tmp_path / "kiosk", broker.url.replace("mqtt:", "mqtts:"), mqtt=ca)
    found = examine(device.config, "--simulate", "--only", "broker")
    assert "TLS" in found.failure("broker-1")
