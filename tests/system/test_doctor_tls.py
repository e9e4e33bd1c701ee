"""What the doctor says of certificates and TLS, at deploy's own broker."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.agent_process import USER, AgentProcess
from tests.support.certificates import Authority, BrokerAuthorities, CertificateFiles
from tests.support.doctor import Examined, examine
from tests.support.mosquitto import Mosquitto
from tests.system.test_tls import give_broker, mqtt, own_files

Break = Callable[[Mosquitto, BrokerAuthorities, CertificateFiles], None]


def copy_over(files: CertificateFiles, other: CertificateFiles) -> None:
    shutil.copy(other.cert, files.cert)
    shutil.copy(other.key, files.key)


def look(tmp_path: Path, broker: Mosquitto, files: CertificateFiles) -> Examined:
    device = AgentProcess(tmp_path / "kiosk", broker.url, mqtt=mqtt(files))
    return examine(device.config, "--simulate", "--only", "certificate", "--only", "broker")


def test_a_device_in_order_is_let_in_and_what_ends_soon_is_a_warning(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    """The certificates of the tests live for a day."""
    found = look(tmp_path, tls_broker, own_files(authorities.device(USER), tmp_path / "certificates"))
    assert found.code == 0
    assert "TLSv1.3" in found.one("broker-1", "ok")["what"]
    assert "the certificate of localhost" in found.one("broker-1", "warn")["what"]
    assert ["ends in" in finding["what"] for finding in found.of("certificate")] == [True, True]


def expired(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    copy_over(files, authorities.devices.client(USER, expired=True))


def of_another_device(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    copy_over(files, authorities.device(USER.replace("0042", "0043")))


def with_another_key(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    shutil.copy(authorities.device(USER).key, files.key)


def of_a_stranger(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    copy_over(files, Authority(files.ca.parent / "stranger", "Stranger").client(USER))


def with_a_wrong_authority(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    shutil.copy(Authority(files.ca.parent / "stranger", "Stranger").ca, files.ca)


def with_the_devices_certificate_as_authority(
    broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles
) -> None:
    shutil.copy(files.cert, files.ca)


def with_a_broker_of_another_name(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    give_broker(broker, authorities.server.server(["broker.example"]))


def with_an_expired_broker(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    give_broker(broker, authorities.server.server(expired=True))


@pytest.mark.parametrize(
    ("spoil", "check", "says"),
    [
        pytest.param(expired, "certificate", "has expired on", id="expired, by its date"),
        pytest.param(expired, "broker-1", "this device's certificate has expired", id="expired, by the broker"),
        pytest.param(of_another_device, "certificate", "kiosk-0043' (CN)", id="wrong CN, by its name"),
        pytest.param(of_another_device, "broker-1", "check its access list", id="wrong CN, by the broker"),
        pytest.param(with_another_key, "certificate", "does not belong to the certificate", id="another key"),
        pytest.param(of_a_stranger, "broker-1", "does not trust the authority of this device", id="stranger"),
        pytest.param(with_a_wrong_authority, "broker-1", "TLS: the broker's certificate comes from", id="not trusted"),
        pytest.param(with_the_devices_certificate_as_authority, "certificate", "has no authority", id="no authority"),
        pytest.param(with_a_broker_of_another_name, "broker-1", "TLS: the broker's certificate is not for", id="name"),
        pytest.param(with_an_expired_broker, "broker-1", "the broker's certificate has expired", id="expired broker"),
    ],
)
def test_a_wrong_certificate_is_named(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities, spoil: Break, check: str, says: str
) -> None:
    files = own_files(authorities.device(USER), tmp_path / "certificates")
    spoil(tls_broker, authorities, files)
    assert says in look(tmp_path, tls_broker, files).failure(check)


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
