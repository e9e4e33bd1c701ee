"""deploy/mosquitto/certificates.sh, and the broker, devices and centres that live by what it makes."""

import os
import ssl
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography.x509 import DNSName, SubjectAlternativeName, load_pem_x509_certificate

from agent.contract.identity import Identity, common_name
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.mosquitto import CENTRE, DEPLOYED, Mosquitto
from tests.support.run import ran
from tests.support.subscriber import Subscriber, assert_refused

DEVICE = ("gp", "jhb-park-station", "kiosk-0042")
NAME = "gp.jhb-park-station.kiosk-0042"
TREE = "edge/v1/gp/jhb-park-station/kiosk-0042"
TOPIC = f"{TREE}/up/alarm/police"


class _Scripted:
    """Stands in for BrokerAuthorities and its parts, with the files that the script has made."""

    def __init__(self, pki: Path) -> None:
        self._out = pki / "out"
        self.ca = pki / "server-ca" / "ca.pem"
        self.server = SimpleNamespace(server=lambda _: self.files("localhost"))
        self.devices = SimpleNamespace(ca=pki / "device-ca" / "ca.pem")
        self.centres = SimpleNamespace(ca=pki / "centre-ca" / "ca.pem")

    @property
    def authorities(self) -> BrokerAuthorities:
        return cast("BrokerAuthorities", self)

    def files(self, name: str) -> CertificateFiles:
        return CertificateFiles(self.ca, self._out / f"{name}.pem", self._out / f"{name}.key")

    def probe(self, name: str, directory: Path) -> CertificateFiles:
        """The same with the certificate that lies behind the key."""
        files = self.files(name)
        _, begins, rest = files.key.read_text().partition("-----BEGIN CERTIFICATE-----")
        cert = directory / f"{name}-probe.pem"
        cert.write_text(begins + rest)
        return CertificateFiles(files.ca, cert, files.key)


def run(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return ran(DEPLOYED / "certificates.sh", *arguments, cwd=directory, env={"PATH": os.environ["PATH"]})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the authorities, a broker, two devices and a centre have been made."""
    directory = tmp_path_factory.mktemp("office")
    for line in (
        ["authorities"],
        ["server", "localhost", "127.0.0.1"],
        ["device", *DEVICE],
        ["device", "gp", "jhb-park-station", "kiosk-0043"],
        ["centre", CENTRE],
    ):
        done = run(directory, *line)
        assert done.returncode == 0, done.stderr
    return directory


def test_devices_and_centres_meet_at_a_broker_with_certificates_of_the_script(made: Path, tmp_path: Path) -> None:
    scripted = _Scripted(made / "pki")
    with (
        Mosquitto(tmp_path / "broker", authorities=scripted.authorities) as broker,
        Subscriber(broker.centre_port, ["edge/v1/+/+/+/up/#"], files=scripted.files(CENTRE)) as centre,
        Subscriber(broker.port, files=scripted.files(NAME)) as device,
    ):
        assert not device.publish(TOPIC, b"help").is_failure
        assert centre.wait_for().payload == b"help"


def test_authorities_of_an_older_version_sign_all_that_a_certificate_holds_today(tmp_path: Path) -> None:
    run(tmp_path, "authorities")
    configuration = tmp_path / "pki/openssl.cnf"
    configuration.write_text(configuration.read_text().replace("subjectAltName = $ENV::SUBJECT_ALT_NAME\n", ""))

    assert run(tmp_path, "device", *DEVICE).returncode == 0

    certificate = load_pem_x509_certificate((tmp_path / f"pki/out/{NAME}.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    assert names.get_values_for_type(DNSName) == [NAME]


def test_the_strictest_reading_of_the_standard_accepts_the_brokers_certificate(made: Path, tmp_path: Path) -> None:
    scripted = _Scripted(made / "pki")
    context = ssl.create_default_context(cafile=scripted.ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    files = scripted.files(NAME)
    context.load_cert_chain(files.cert, files.key)
    with (
        Mosquitto(tmp_path / "broker", authorities=scripted.authorities) as broker,
        Subscriber(broker.port, context=context) as device,
    ):
        assert device.connected


def test_a_revoked_device_stays_outside_and_the_others_inside(made: Path, tmp_path: Path) -> None:
    done = run(made, "revoke", "pki/out/gp.jhb-park-station.kiosk-0043.pem")
    assert done.returncode == 0, done.stderr
    scripted = _Scripted(made / "pki")
    crl = made / "pki" / "device-ca" / "ca.crl"
    with Mosquitto(tmp_path / "broker", authorities=scripted.authorities, device_crl=crl) as broker:
        assert_refused(broker.port, files=scripted.files(NAME.replace("0042", "0043")))
        stolen = scripted.probe(NAME.replace("0042", "0043"), tmp_path)
        assert_refused(broker.port, files=stolen)
        for files in (scripted.files(NAME), scripted.probe(NAME, tmp_path)):
            with Subscriber(broker.port, files=files) as device:
                assert device.connected


def test_a_name_that_is_too_long_for_a_certificate_gets_lines_of_its_own_in_the_access_list(
    made: Path, tmp_path: Path
) -> None:
    levels = ("kwazulu-natal", "durban-central-station-platform-14-north", "kiosk-0042")
    done = run(made, "device", *levels)
    identity = Identity(*levels)
    assert f"\nuser {common_name(identity.user)}\n" in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith(("user ", "topic "))]
    scripted = _Scripted(made / "pki")
    with Mosquitto(tmp_path / "broker", authorities=scripted.authorities, access="\n".join(lines)) as broker:
        with Subscriber(broker.port, files=scripted.files(".".join(levels))) as device:
            assert not device.publish(identity.up("state"), b"online").is_failure
            assert device.publish(f"{TREE}/up/state", b"forged").is_failure
        with Subscriber(broker.port, files=scripted.probe(".".join(levels), tmp_path)) as probe:
            assert not probe.publish(identity.up("alarm", "self-test"), b"test").is_failure
            assert probe.publish(identity.up("state"), b"forged").is_failure


def test_keys_are_for_their_owner_alone(made: Path) -> None:
    keys = list((made / "pki").rglob("*.key"))
    assert len(keys) >= 3 + 4
    assert {key.stat().st_mode & 0o077 for key in keys} == {0}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "say what"),
        (["nonsense"], "none of"),
        (["device", "gp", "site", "Kiosk_1"], "no name"),
        (["device", "gp", "+", "kiosk-0042"], "no name"),
        (["device", "gp", "site", "a/b"], "no name"),
        (["device", "CN=jhb-centre", "", ""], "no name"),
        (["device", "kiosk-0042"], "give province, site and id"),
        (["device", *DEVICE], "already"),
        (["authorities"], "already"),
        (["revoke", "absent.pem"], "name the certificate"),
    ],
)
def test_a_mistake_is_answered_in_one_line_and_changes_nothing(made: Path, arguments: list[str], text: str) -> None:
    before = sorted((made / "pki").rglob("*"))
    done = run(made, *arguments)
    assert done.returncode == 1
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted((made / "pki").rglob("*")) == before


def test_without_authorities_a_device_gets_the_first_step(tmp_path: Path) -> None:
    done = run(tmp_path, "device", *DEVICE)
    assert done.returncode == 1
    assert "run certificates.sh authorities" in done.stderr
