"""A walk's report, signed by a key that only the board's TPM can use: swtpm plays the TPM."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agent.provisioning.sealing import sealed
from agent.runtime.commissioning import sealing
from agent.runtime.commissioning.sealing import FILE
from agent.trust import openssl
from edge_centre.__main__ import main
from tests.runtime.commissioning.test_sealing import Device
from tests.support.agent_process import REPOSITORY
from tests.support.commissioning import USER
from tests.support.tpm import Tpm


@pytest.fixture
def tpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tpm]:
    with Tpm(tmp_path / "tpm") as tpm:
        # The package has this file where the process that signs looks for it by itself.
        environ = {**tpm.environ, "OPENSSL_CONF": str(REPOSITORY / "deploy/openssl/openssl-tpm.cnf")}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        yield tpm


@pytest.fixture
def device(tmp_path: Path, tpm: Tpm) -> Iterator[Device]:
    device = Device(tmp_path)
    key = tpm.make_key(tmp_path / "tpm.key")
    public = load_der_public_key(tpm.public_key(key))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    files = {"key_file": key, "cert_file": device.office.devices.certify(USER, public)}
    device.settings = device.settings.model_copy(update={"mqtt": device.settings.mqtt.model_copy(update=files)})
    device.begin()
    with device.thread:
        yield device
    device.outbox.close()


def test_a_tpm_signs_the_report_and_one_that_can_not_costs_no_walk(
    device: Device, tpm: Tpm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drafted, file = device.draft(), device.settings.storage.directory / FILE
    place = f"the key {device.settings.mqtt.key_file} is in this board's TPM, which can't use it: "

    tpm.stop()
    refused = device.sign(drafted)["refused"]
    assert refused.startswith(f"{place}no TPM answers; look for the TPM (`ls -l /dev/tpmrm0`)"), refused

    with Tpm(tmp_path / "another") as another, monkeypatch.context() as board:
        board.setenv("TPM2OPENSSL_TCTI", another.environ["TPM2OPENSSL_TCTI"])
        refused = device.sign(drafted)["refused"]
    assert refused.startswith(f"{place}the key is another TPM's, or this TPM was cleared; "), refused

    tpm.start()
    tpm.allow(wrong_passwords=0)
    refused = device.sign(drafted)["refused"]
    assert refused.startswith(f"{place}it is locked for a while, as somebody has tried too many passwords; "), refused
    tpm.allow(wrong_passwords=32)

    tpm.send(signal.SIGSTOP)
    with monkeypatch.context() as hurried:  # the process that signs would be patient for a minute
        hurried.setattr(openssl, "_PATIENCE_S", 0.5)
        hurried.setattr(sealing, "in_a_process", sealed)
        refused = device.sign(drafted)["refused"]
    assert refused.startswith(f"{place}it did not answer in time; "), refused
    tpm.send(signal.SIGCONT)
    assert (device.messages(), file.exists()) == ([], False)

    assert device.sign(drafted)["sealed"]["file"] == str(file)
    trust = ("--device-ca", str(device.office.devices.ca), "--keys", str(device.office.keys))
    assert main(["report", "verify", str(file), *trust, "--device", USER]) == 0, capsys.readouterr()
    assert [message["type"] for message in device.messages()] == ["edge.commissioning.v1", "edge.meta.v1"]
