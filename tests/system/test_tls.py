"""The chain as a site has it: deploy's broker, TLS, a certificate each, and what is told when one is wrong."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.contract.identity import Identity
from agent.core.errors import BrokerError
from agent.trust.tls_context import TlsFiles
from agent.trust.x509_files import device_certificate
from edge_centre.cli.sender import Sender
from edge_centre.cli.target import Target
from tests.support.agent_process import USER, AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.certificates import Authority, BrokerAuthorities, CertificateFiles
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.wait import wait_for


def test_a_press_arrives_over_tls_and_the_ack_of_a_centre_with_its_own_certificate_lights_green(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    files = own_files(authorities.device(USER), tmp_path / "certificates")
    with (
        centre_of(tls_broker, authorities) as centre,
        AgentProcess(tmp_path / "kiosk", tls_broker.url, mqtt=files.mqtt) as agent,
    ):
        agent.press()
        alarm = centre.wait_for_alarm("updated", stage="sent")
        assert agent.outputs()["green"] == "off"
        mine = authorities.centre(CENTRE)
        answer = run_cli(
            *("ack", "--config", agent.config, "--key", agent.key_file, "--action", "registered"),
            *("--broker", f"mqtts://localhost:{tls_broker.centre_port}"),
            *("--ca", mine.ca, "--cert", mine.cert, "--cert-key", mine.key),
            alarm.data["alarm_id"],
        )
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.startswith("ack: succeeded")
        agent.wait_for_outputs(yellow="on", green="on")

        # The device's own certificate is no centre's: who steals a kiosk can't answer for the control room.
        stolen = Target(Identity(*USER.split("/")), [tls_broker.url], TlsFiles(files.ca, files.cert, files.key))
        closed = {"alarm_id": alarm.data["alarm_id"], "action": "closed"}
        with Sender(stolen, lambda _: None) as thief, pytest.raises(BrokerError):
            thief.send(name="ack", arguments=closed, key=agent.key, timeout_s=1)
        assert agent.outputs()["green"] == "on"

        told = centre.wait_for("health", lambda m: "certificate_ends" in m.data, timeout_s=20)
        assert told.data["certificate_ends"] == end_of(files)


# A FIFO stands for a disk that hangs; the agent itself refuses to read one.
READS_FIFOS = """
import pathlib, sys
from agent.trust import x509_files
x509_files.read_file = pathlib.Path.read_bytes
from agent.__main__ import main
sys.exit(main())
"""


def test_a_disk_that_hangs_under_the_certificate_holds_up_nothing(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    files = own_files(authorities.device(USER), tmp_path / "certificates")
    with (
        centre_of(tls_broker, authorities) as centre,
        AgentProcess(
            tmp_path / "kiosk", tls_broker.url, program=(sys.executable, "-c", READS_FIFOS), mqtt=files.mqtt
        ) as agent,
    ):
        centre.wait_for("health")
        content, end = files.cert.read_bytes(), end_of(files)
        files.cert.unlink()
        os.mkfifo(files.cert)
        with os.fdopen(wait_for(lambda: open_for_writing(files.cert), what="the reader"), "wb") as disk:
            # From here on somebody reads the certificate, and the disk gives nothing.
            agent.press()
            alarm = centre.wait_for_alarm("updated", stage="sent")
            centre.acknowledge(alarm.data["alarm_id"], agent.key)
            agent.wait_for_outputs(green="on")
            before = len(centre.messages("health"))
            wait_for(lambda: len(centre.messages("health")) >= before + 4, what="four health reports")
            assert "certificate_ends" not in centre.messages("health")[-1].data
            disk.write(content)
        told = centre.wait_for("health", lambda m: "certificate_ends" in m.data)
        assert told.data["certificate_ends"] == end


def test_no_command_comes_in_as_the_device_which_the_broker_would_cut_off_for_it(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    files = own_files(authorities.device(USER), tmp_path / "certificates")
    with (
        centre_of(tls_broker, authorities) as centre,
        AgentProcess(tmp_path / "kiosk", tls_broker.url, mqtt=files.mqtt) as agent,
    ):
        centre.wait_for("state", lambda m: m.data["state"] == "online")
        signed = ("--key", agent.key_file)
        own = ("--config", agent.config, "--cert", files.cert, "--cert-key", files.key)
        trust = ("--device-ca", authorities.devices.ca, "--keys", agent.directory / "keys" / "keys.json")
        reports = run_cli("report", "file", "--to", tmp_path / "reports", "--seconds", "1", *trust, *own)
        assert reports.returncode == 2
        assert f"is the certificate of the device {USER}" in reports.stderr
        assert "give a command centre's, provinces/CODE/centres/NAME/NAME.pem" in reports.stderr
        for words in (("watch",), ("command", *signed, "ping"), ("ack", *signed, "--action", "closed", "a1")):
            assert run_cli(*words, *own).returncode == 2
            done = run_cli(*words, "--config", agent.config)
            assert done.returncode == 2
            assert "give those of a command centre with --cert and --cert-key" in done.stderr
            assert len(done.stderr.splitlines()) == 1
            elsewhere = run_cli(*words, "--config", agent.config, "--broker", tls_broker.url)
            assert elsewhere.returncode == 1
            assert "whether it accepts the certificate of --cert" in elsewhere.stderr
        agent.press()
        centre.wait_for_alarm("updated", stage="sent")
        assert {m.data["state"] for m in centre.messages("state")} == {"online"}


def test_whoever_watches_is_told_what_is_wrong_with_the_certificates(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    stranger = Authority(tmp_path / "stranger", "Stranger")
    mine, theirs = authorities.centre(CENTRE), stranger.client(CENTRE)
    agent = AgentProcess(tmp_path / "kiosk", tls_broker.url)

    def told(ca: Path, cert: Path, key: Path, port: int | None = tls_broker.centre_port) -> str:
        own = ("--ca", ca, "--cert", cert, "--cert-key", key)
        done = run_cli("watch", "--config", agent.config, "--broker", f"mqtts://localhost:{port}", *own)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        return done.stderr

    said = told(stranger.ca, mine.cert, mine.key)
    assert "comes from an authority that is not trusted here" in said
    assert said.endswith("check --ca\n")
    assert "whether it accepts the certificate of --cert" in told(mine.ca, theirs.cert, theirs.key)
    assert told(tmp_path / "gone.pem", mine.cert, mine.key).endswith(
        "gone.pem can't be used: no such file or directory; check --ca\n"
    )
    assert "nothing listens on localhost:1" in told(mine.ca, mine.cert, mine.key, port=1)


Break = Callable[[Mosquitto, BrokerAuthorities, CertificateFiles], None]


def copy_over(files: CertificateFiles, other: CertificateFiles) -> None:
    shutil.copy(other.cert, files.cert)
    shutil.copy(other.key, files.key)


def wrong_authority(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    shutil.copy(Authority(files.ca.parent / "stranger", "Stranger").ca, files.ca)


def of_another_device(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    copy_over(files, authorities.device(USER.replace("0042", "0043")))


def of_another_authority(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    copy_over(files, Authority(files.ca.parent / "stranger", "Stranger").client(USER))


def broker_of_another_name(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    give_broker(broker, authorities.server.server(["broker.example"]))


def expired_broker(broker: Mosquitto, authorities: BrokerAuthorities, files: CertificateFiles) -> None:
    give_broker(broker, authorities.server.server(expired=True))


@pytest.mark.parametrize(
    ("spoil", "kind", "says"),
    [
        pytest.param(wrong_authority, "tls-failed", "check [mqtt] ca_file", id="wrong authority"),
        pytest.param(broker_of_another_name, "tls-failed", "is not for localhost", id="wrong host name"),
        pytest.param(expired_broker, "tls-failed", "has expired", id="expired broker"),
        pytest.param(of_another_device, "broker-refused", "check its access list", id="certificate of another device"),
        pytest.param(
            of_another_authority,
            "tls-failed",
            "does not trust the authority of this device's certificate",
            id="device of another authority",
        ),
    ],
)
def test_a_wrong_certificate_is_told_in_words_and_the_press_arrives_once_it_is_put_right(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities, spoil: Break, kind: str, says: str
) -> None:
    right = authorities.device(USER)
    files = own_files(right, tmp_path / "certificates")
    spoil(tls_broker, authorities, files)
    with AgentProcess(tmp_path / "kiosk", tls_broker.url, mqtt=files.mqtt) as agent:
        wait_for(lambda: says in agent.log(), what=f"{says!r} in the log")
        agent.press()
        assert agent.outputs()["yellow"] == "on"
        complaints = [line for line in agent.log().splitlines() if "ERROR" in line and says in line]
        assert len(complaints) == len({line.split("ERROR")[1] for line in complaints}), "it repeats itself"
        assert "Traceback" not in agent.log()

        own_files(right, tmp_path / "certificates")
        give_broker(tls_broker, authorities.server.server())
        with centre_of(tls_broker, authorities) as centre:
            raised = centre.wait_for_alarm("raised", timeout_s=20)
            assert raised.data["press_count"] == 1
            told = centre.wait_for(f"security/{kind}")
            assert says in told.data["text"]
            degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "uplink")
            restored = centre.wait_for("event/part-restored", lambda m: m.data["part"] == "uplink")
            assert degraded.seq < restored.seq


def centre_of(broker: Mosquitto, authorities: BrokerAuthorities) -> Centre:
    return Centre(broker.centre_port, host="localhost", files=authorities.centre(CENTRE))


def end_of(files: CertificateFiles) -> str:
    end = device_certificate(files.cert, files.key, None).own.not_after
    return f"{end:%Y-%m-%dT%H:%M:%S}.000Z"


def open_for_writing(fifo: Path) -> int:
    """The write end; 0 while nobody reads."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return 0


def own_files(files: CertificateFiles, directory: Path) -> CertificateFiles:
    """A copy that a test may spoil."""
    directory.mkdir(exist_ok=True)
    own = CertificateFiles(directory / "ca.pem", directory / "device.pem", directory / "device.key")
    for source, copy in ((files.ca, own.ca), (files.cert, own.cert), (files.key, own.key)):
        shutil.copy(source, copy)
    return own


def give_broker(broker: Mosquitto, files: CertificateFiles) -> None:
    """Let the broker show this certificate from now on."""
    broker.use_certificate(files)
    broker.restart()
