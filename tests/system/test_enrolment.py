"""Whole enrolments in processes of their own: keys in a file, a TPM and a token; our registrar, and a stranger's."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.contract.leaves import base64url
from agent.trust.claim import Claim, Invitation, read
from agent.trust.jose_keys import PrivateKey
from tests.cli.test_enrol import SETTINGS
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.est_server import LOGIN, EstServer
from tests.support.mosquitto import Mosquitto
from tests.support.registrar import ServedRegistrar, authorities
from tests.support.run import ran
from tests.support.soft_token import URI, make_token
from tests.support.tpm import Tpm
from tests.support.wait import wait_for

pytestmark = pytest.mark.enrolment

REPOSITORY = Path(__file__).parents[2]
NAME = "kzn/durban-station/kiosk-0001"
SUPERVISOR = PrivateKey.generate("supervisor", "thandi")
_CONNECT = """
import sys
from pathlib import Path
from agent.bootstrap import specs
from agent.doctor.brokers import log_in
from agent.settings import load
known = load(Path(sys.argv[1]))
for address in specs.broker_addresses(known):
    print(log_in(known, address, beside=False), log_in(known, address, beside=True))
"""


class Device:
    """A device in processes of its own, with `environ` for its keys."""

    def __init__(self, directory: Path, environ: dict[str, str], key: str) -> None:
        directory.mkdir()
        self.directory = directory
        self.state = directory / "state"
        self.state.mkdir()
        self.config = directory / "edge-agent.toml"
        self.config.write_text(SETTINGS.format(state=self.state, keys=directory / "command-keys.json"))
        self.key = key
        # The clock of a test's machine may be one that nobody has set.
        self._environ = {**os.environ, **environ, "PYTHONPATH": f"{REPOSITORY}/tests/support/trusted_clock"}

    @property
    def current(self) -> Path:
        return self.state / "credentials" / "current"

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "agent", *words, "--config", str(self.config)]

    def run(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return ran(*self.command(*words), env=self._environ, cwd=REPOSITORY, input=stdin)

    def enrol(self, *words: str, stdin: str = "") -> None:
        done = self.run("enrol", "--key", self.key, *words, stdin=stdin)
        assert done.returncode == 0, (done.stdout, done.stderr)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command("enrol", "--key", self.key, *words),
            env=self._environ, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def connects(self) -> bool:
        """Whether all brokers of the settings let the device in, and its probe."""

        def connected() -> str | None:
            done = ran(sys.executable, "-c", _CONNECT, self.config, env=self._environ, cwd=REPOSITORY)
            assert done.returncode == 0 or "the disk does not answer" in done.stderr, done.stderr  # a busy machine's
            return done.stdout if done.returncode == 0 else None

        return (wait_for(connected) or "").split() == ["5", "5"]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = BrokerAuthorities.create(tmp_path / "authorities")
    both = (authorities("device"), authorities("issuing"))
    made.devices.ca.write_bytes(b"".join(each.certificate.public_bytes(Encoding.PEM) for each in both))
    with Mosquitto(tmp_path / "broker", authorities=made) as running:
        yield running


@pytest.fixture
def registrar(tmp_path: Path, broker: Mosquitto) -> Iterator[ServedRegistrar]:
    with ServedRegistrar(tmp_path / "registrar", SUPERVISOR, brokers=[broker.url]) as served:
        files = served.directory
        broker.use_certificate(CertificateFiles(files / "server.pem", files / "server.pem", files / "server.key"))
        broker.restart()
        yield served


@pytest.fixture(params=["file", "tpm", "pkcs11"])
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Device]:
    match request.param:
        case "file":
            yield Device(tmp_path / "device", {}, "file")
        case "tpm":
            with Tpm(tmp_path / "tpm") as tpm:
                environ = {**tpm.environ, "OPENSSL_CONF": f"{REPOSITORY}/deploy/openssl/openssl-tpm.cnf"}
                yield Device(tmp_path / "device", environ, "tpm")
        case _:
            yield Device(tmp_path / "device", make_token(tmp_path / "token"), URI)


def claim_of(registrar: ServedRegistrar) -> Claim:
    done = registrar.run("claim", *NAME.split("/")[1:])
    assert done.returncode == 0, done.stderr
    claim = read(done.stdout)
    assert isinstance(claim, Claim)
    return claim


def test_a_claim_enrols_a_device_with_any_kind_of_key_and_it_renews(
    device: Device, registrar: ServedRegistrar, broker: Mosquitto
) -> None:
    device.enrol(stdin=claim_of(registrar).text())

    first = (device.current / "device.pem").read_bytes()
    key = (device.current / "device.key").read_bytes()
    assert (b"-----BEGIN PRIVATE KEY-----" in key) == (device.key == "file")
    assert (device.current / "page.pem").read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----"), "wherever its own is"
    assert device.connects()
    page = f"the service page has a certificate for {NAME.rpartition('/')[2]}.local until "
    assert page in device.run("doctor", "--only", "certificate").stdout
    page_before = (device.current / "page.pem").read_bytes()
    done = device.run("renew", "--now")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert (device.current / "device.pem").read_bytes() != first
    assert (device.current / "page.pem").read_bytes() != page_before
    kept = (device.current / "device.key").read_bytes().partition(b"-----BEGIN CERTIFICATE")[0]
    assert key.startswith(kept) == (device.key != "file")
    assert device.connects()


def test_a_key_that_can_not_be_copied_is_of_no_use_elsewhere(tmp_path: Path, registrar: ServedRegistrar) -> None:
    with Tpm(tmp_path / "tpm") as tpm:
        environ = {**tpm.environ, "OPENSSL_CONF": f"{REPOSITORY}/deploy/openssl/openssl-tpm.cnf"}
        device = Device(tmp_path / "device", environ, "tpm")
        device.enrol(stdin=claim_of(registrar).text())
    with Tpm(tmp_path / "another") as another:
        key = device.current / "device.key"
        words = ["openssl", "pkeyutl", "-sign", "-rawin", "-digest", "sha256", "-inkey", str(key), "-in", str(key)]
        done = subprocess.run(
            words, env={**os.environ, **environ, **another.environ}, capture_output=True, check=False, timeout=60
        )
        assert done.returncode != 0


def test_without_a_claim_the_office_compares_the_code_and_approves(
    tmp_path: Path, registrar: ServedRegistrar, broker: Mosquitto
) -> None:
    device = Device(tmp_path / "device", {}, "file")
    server_root = x509.load_pem_x509_certificate((registrar.directory / "server-root.pem").read_bytes())
    root = base64url(server_root.public_bytes(Encoding.DER))
    invitation = Invitation(registrar=f"https://localhost:{registrar.port}", root=root).text()
    process = device.start(invitation, "--name", NAME, "--place", "Hall 3, pillar 7")
    try:

        def waiting() -> list[dict[str, str]]:
            assert process.poll() is None, process.communicate()
            answer = registrar.signed(SUPERVISOR, "GET", "/registrar/requests")
            return list(json.loads(answer.body))

        [request] = wait_for(waiting, what="a request")
        assert request["place"] == "Hall 3, pillar 7"
        path = f"/registrar/requests/{request['key']}"
        assert registrar.signed(SUPERVISOR, "POST", path, b'{"do": "approve"}').status == 200
        out, error = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 0, error
    assert f"Code: {request['code']} " in out
    assert device.connects()


def test_a_claim_that_another_board_has_used_is_refused_in_words(tmp_path: Path, registrar: ServedRegistrar) -> None:
    claim = claim_of(registrar).text()
    Device(tmp_path / "first", {}, "file").enrol(stdin=claim)

    done = Device(tmp_path / "second", {}, "file").run("enrol", stdin=claim)

    assert done.returncode == 3
    assert "edge-agent: refused: localhost" in done.stderr
    assert claim not in done.stdout + done.stderr


def test_a_server_of_est_that_others_wrote_enrols_and_renews(device: Device, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{LOGIN[1]}\n")
    with EstServer(tmp_path / "est") as server:
        at = ("--est", server.url, "--ca", str(server.ca), "--user", LOGIN[0])
        device.enrol(*at, "--password-file", str(tmp_path / "password"), "--name", NAME)
        made = BrokerAuthorities.create(tmp_path / "authorities")
        made.devices.ca.write_bytes(server.ca.read_bytes())
        with Mosquitto(tmp_path / "broker", authorities=made) as broker:
            own = server.directory
            broker.use_certificate(CertificateFiles(server.ca, own / "server.pem", own / "server.key"))
            broker.restart()
            layer = device.directory / "edge-agent.d" / "96-site.toml"
            layer.write_text(f'[mqtt]\nbrokers = ["{broker.url}"]\n')
            assert device.connects()
            first = (device.current / "device.pem").read_bytes()
            done = device.run("renew", "--now")
            assert done.returncode == 0, (done.stdout, done.stderr)
            assert (device.current / "device.pem").read_bytes() != first
            assert device.connects()
