"""`edge-agent enrol` and `edge-agent renew`, as a technician and a timer run them, with a real broker at the end."""

import io
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.__main__ import main
from agent.adapters.board import Board
from agent.adapters.system_clock import SystemClock
from agent.bootstrap import specs
from agent.cli.enrol import use_provider
from agent.contract.vocabulary import TimeQuality
from agent.core import service_code
from agent.doctor.brokers import log_in
from agent.provisioning import progress
from agent.provisioning.asking import Tools
from agent.provisioning.credentials import Store
from agent.provisioning.renew import last_result
from agent.provisioning.settings_files import LAYER
from agent.runtime.remote.kept import Kept, Layer
from agent.settings import load
from agent.settings.kept import begin, load_kept, store_kept
from agent.trust import openssl
from agent.trust.claim import Invitation
from agent.trust.jose_keys import PrivateKey
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.enrolling import StillClock
from tests.support.fake_registrar import NAME, SECRET, FakeRegistrar, Handler
from tests.support.mosquitto import Mosquitto

SETTINGS = """\
[storage]
directory = "{state}"

[device]
province = "gp"
site = "example"
id = "example"

[mqtt]
brokers = ["mqtts://broker.example:8883"]
ca_file = "/etc/edge-agent/server-ca.pem"

[commands]
keys = "{keys}"

[[buttons]]
name = "police"
kind = "panic"
pin = 17

[lights]
yellow = 22
green = 27
beacon = 23
"""


@dataclass
class Device:
    """Its files, and its commands."""

    directory: Path
    registrar: FakeRegistrar

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True)
        self.config.write_text(SETTINGS.format(state=self.state, keys=self.directory / "command-keys.json"))

    @property
    def config(self) -> Path:
        return self.directory / "edge-agent.toml"

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def certificate(self) -> bytes:
        return (self.state / "credentials/current/device.pem").read_bytes()

    def run(self, *words: str) -> int:
        return main([*words, "--config", str(self.config)])

    def enrol(self, text: str, *words: str) -> int:
        file = self.directory / "edge-agent.claim"
        file.write_text(text)
        return self.run("enrol", "--claim-file", str(file), *words)


@dataclass
class Card:
    """Its boot partition."""

    directory: Path

    def __post_init__(self) -> None:
        self.directory.mkdir()

    @property
    def file(self) -> Path:
        return self.directory / "edge-agent-first-boot.txt"

    @property
    def lines(self) -> list[str]:
        """Without their times."""
        return [line.split(" ", 2)[2] for line in self.file.read_text().splitlines()]


@pytest.fixture(autouse=True)
def _right_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "quality", lambda _: TimeQuality.SYNCED)


@pytest.fixture
def registrar(registrar: FakeRegistrar) -> FakeRegistrar:
    registrar.settings["command_keys"] = {"keys": [PrivateKey.generate("operator").public().as_jwk()]}
    return registrar


@pytest.fixture
def device(tmp_path: Path, registrar: FakeRegistrar) -> Device:
    return Device(tmp_path / "device", registrar)


@pytest.fixture
def broker(tmp_path: Path, registrar: FakeRegistrar) -> Iterator[Mosquitto]:
    """A broker of the same province."""
    authorities = BrokerAuthorities.create(tmp_path / "authorities")
    shutil.copy(tmp_path / "registrar" / "devices.pem", authorities.devices.ca)
    with Mosquitto(tmp_path / "broker", authorities=authorities) as running:
        own = tmp_path / "registrar"
        running.use_certificate(CertificateFiles(own / "server.pem", own / "server.pem", own / "server.key"))
        running.restart()
        registrar.settings["settings"] = (
            f'device.location = {{ lat = -29.85, lon = 31.02, text = "Durban station, hall 3" }}\n'
            f'mqtt.brokers = ["{running.url}"]\ncentre.names = ["durban"]\nmqtt.root = "evil/v1"\n'
        )
        yield running


def claim_of(registrar: FakeRegistrar, **changes: object) -> str:
    return registrar.claim(board=None).model_copy(update=changes).text()


def test_a_claim_makes_a_device_whose_settings_are_whole_and_whom_a_broker_lets_in(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.enrol(claim_of(registrar)) == 0

    known = load(device.config)
    assert known.identity.user == NAME
    assert known.mqtt.brokers == (broker.url,)
    assert known.mqtt.root == "edge/v1"
    assert known.centre.names == ("durban",)
    assert known.device.location is not None
    assert known.device.location.text == "Durban station, hall 3"
    [address] = specs.broker_addresses(known)
    assert log_in(known, address, beside=False)
    assert log_in(known, address, beside=True)
    shown = capsys.readouterr().out
    assert f"Its name:    {NAME}" in shown
    assert "Done. Start it:  sudo systemctl enable edge-agent && sudo systemctl restart edge-agent\n" in shown


def test_the_service_can_read_its_settings(device: Device, registrar: FakeRegistrar, broker: Mosquitto) -> None:
    assert device.enrol(claim_of(registrar)) == 0

    for path in (device.directory / "command-keys.json", device.directory / "edge-agent.d/95-enrolled.toml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.fixture
def card(tmp_path: Path, device: Device, monkeypatch: pytest.MonkeyPatch) -> Card:
    """The boot partition of this device, which is this machine's own."""
    made = Card(tmp_path / "boot")
    monkeypatch.setattr(progress, "CARD", made.directory)
    monkeypatch.setattr(progress, "RUN", tmp_path / "run")
    monkeypatch.setattr("agent.cli.enrol.DEFAULT_CONFIG", device.config)
    monkeypatch.setattr("agent.cli.enrol.tools", lambda: Tools(still := StillClock(), still.pause, print))
    return made


def test_a_technician_who_was_refused_reads_why_in_the_cards_last_line_and_done_only_once_it_is_let_in(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, card: Card
) -> None:
    card.file.write_text("2026-03-02 09:30:00 installed edge-agent.deb\n2026-03-02 09:31:00 done\n")
    assert device.enrol(claim_of(registrar, until=1_700_000_000)) == 3
    refused = "not enrolled: this claim has expired (2023-11-14 22:13 UTC): ask the office for a new one"
    assert card.lines == ["installed edge-agent.deb", refused]
    assert device.enrol(claim_of(registrar)[:60]) == 3
    assert card.lines[-1].startswith(
        "not enrolled: this claim is damaged (it is cut off or mistyped): copy the whole line"
    )
    assert len(card.lines) == 2, "one sentence says how things stand"

    assert device.enrol(claim_of(registrar)) == 0
    assert card.lines == ["installed edge-agent.deb", f"enrolled as {NAME}", "done"]
    assert "edge-claim1" not in card.file.read_text()
    told = progress.read()
    assert told == progress.Told(progress.Step.ENROLLED, NAME)


def test_a_technician_whose_kiosk_waits_reads_for_what_in_the_cards_last_line(
    device: Device, registrar: FakeRegistrar, card: Card
) -> None:
    registrar.stop()
    assert device.enrol(claim_of(registrar)) == 1
    assert re.match(r"not enrolled yet: .* can't be reached \(.*\): check the network cable", card.lines[-1])
    written = card.file.stat().st_mtime_ns
    assert progress.tell(progress.Step.WAITING, card.lines[-1].removeprefix("not enrolled yet: ")) is None
    assert card.file.stat().st_mtime_ns == written, "the same line again would wear the card"


def test_the_card_does_not_say_done_while_the_first_start_has_not_ended_or_the_settings_have_mistakes(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, card: Card
) -> None:
    script = card.directory / "edge-agent-first-boot.sh"
    script.touch()
    assert device.enrol(claim_of(registrar)) == 0
    assert card.lines == [f"enrolled as {NAME}"]
    script.unlink()
    device.config.write_text(device.config.read_text().replace("yellow = 22", "yellow = 17"))
    assert device.enrol(claim_of(registrar)) == 2
    assert card.lines[-1].startswith("this device is enrolled, but its other settings have mistakes: ")
    assert "done" not in card.lines


def test_a_boot_partition_that_is_read_only_is_opened_for_a_moment_and_one_that_can_not_be_stops_no_enrolment(
    device: Device,
    registrar: FakeRegistrar,
    broker: Mosquitto,
    card: Card,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class ReadOnly:
        f_flag = os.ST_RDONLY

    calls = tmp_path / "calls"
    mount = tmp_path / "bin/mount"
    mount.parent.mkdir()
    mount.write_text(f'#!/bin/sh\necho "$*" >>{calls}\n')
    mount.chmod(0o755)
    monkeypatch.setenv("PATH", f"{mount.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("agent.provisioning.progress.os.statvfs", lambda _: ReadOnly)
    assert progress.tell(progress.Step.REFUSED, "no") is None
    assert calls.read_text() == f"-o remount,rw {card.directory}\n-o remount,ro {card.directory}\n"
    mount.write_text("#!/bin/sh\nexit 32\n")
    assert device.enrol(claim_of(registrar)) == 0
    assert "Warning: how the enrolment goes can't be shown on card and lamps" in capsys.readouterr().err


def test_the_card_keeps_no_secret_and_no_more_than_a_screenful_whatever_is_said(card: Card) -> None:
    card.file.write_text("2026-03-02 09:30:00 line\n" * (progress._LINES + 9))
    said = "a\x1b[31m\nb edge-claim1.c2VjcmV0 " + "x" * 5000
    assert progress.tell(progress.Step.REFUSED, said) is None
    assert len(card.lines) == progress._LINES
    assert "c2VjcmV0" not in card.file.read_text()
    assert card.lines[-1].startswith("not enrolled: a [31m b edge-claim1... xxx")
    assert len(card.lines[-1]) < 530


def test_the_same_claim_again_writes_the_settings_anew_and_asks_for_no_certificate(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.enrol(claim_of(registrar)) == 0
    old = device.certificate
    (device.directory / "edge-agent.d/95-enrolled.toml").unlink()

    assert device.enrol(claim_of(registrar)) == 0

    assert device.certificate == old
    assert load(device.config).identity.user == NAME
    assert f"This device is enrolled as {NAME} already." in capsys.readouterr().out


def test_a_claim_that_has_expired_since_this_device_used_it_still_writes_the_settings_that_a_cut_has_left_out(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = claim_of(registrar)
    assert device.enrol(claim) == 0
    layer = device.directory / "edge-agent.d/95-enrolled.toml"
    layer.write_text(layer.read_text().replace("kiosk-0001", "kiosk-0099"))
    monkeypatch.setattr("agent.cli.enrol.time.time", lambda: 1e11)

    assert device.enrol(claim) == 0

    assert load(device.config).identity.user == NAME


def test_what_was_set_from_afar_for_another_name_is_forgotten_so_that_nobody_is_sent_to_its_place(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.enrol(claim_of(registrar)) == 0
    place = {"device": {"location": {"text": "the platform of before"}}}
    store_kept(device.state, Kept(in_force=Layer(revision=3, changes=place), wanted=3))
    assert device.enrol(claim_of(registrar)) == 0
    assert load_kept(device.state).in_force.changes == place, "the same name"

    assert device.enrol(claim_of(registrar, name="kzn/durban-station/kiosk-0099")) == 0

    begun = begin(device.config)
    assert begun.settings.device.location is not None
    assert begun.settings.device.location.text == "Durban station, hall 3"
    assert begun.kept == Kept()
    assert f"Discarded the remote settings for {NAME}." in capsys.readouterr().out


def test_the_device_keeps_a_hash_of_the_service_pages_code_until_a_claim_without_one(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    file = device.state / service_code.FILE
    assert device.enrol(claim_of(registrar, service_code="01234567")) == 0

    kept = service_code.parse(file.read_bytes())
    assert service_code.matches("01234567", kept)
    assert not service_code.matches("01234568", kept)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "01234567" not in capsys.readouterr().out

    assert device.enrol(claim_of(registrar, name="kzn/durban-station/kiosk-0099")) == 0
    assert not file.exists()


def test_a_board_that_shows_two_serial_numbers_since_an_update_stays_what_it_was_bound_as(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    serials = ["10000000abcdef12"]
    monkeypatch.setattr(Board, "serials", lambda _: tuple(serials))
    claim = registrar.claim().text()
    assert device.enrol(claim) == 0
    old = device.certificate
    serials.insert(0, "20000000abcdef12")

    assert device.enrol(claim) == 0

    assert device.certificate == old


def test_an_invitation_on_the_command_line_needs_a_name_and_an_approval(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = registrar.claim()
    invitation = Invitation(registrar=claim.registrar, root=claim.root).text()
    places = []

    def note(exchange: Handler) -> bool:
        places.append(exchange.headers.get("Edge-Place"))
        return False

    registrar.hook = note

    assert device.run("enrol", invitation) == 2
    assert "--name PROVINCE/SITE/ID" in capsys.readouterr().err
    assert device.run("enrol", invitation, "--name", NAME, "--place", "Halle 3, Tür") == 0

    assert "Halle%203%2C%20T%C3%BCr" in places
    assert "Code: " in capsys.readouterr().out


def test_a_claim_on_the_command_line_is_refused_without_being_used(
    device: Device, registrar: FakeRegistrar, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.run("enrol", claim_of(registrar)) == 3

    assert "run `sudo edge-agent enrol` and paste it" in capsys.readouterr().err
    assert registrar.asked == []


def test_a_claim_can_be_piped(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(claim_of(registrar)))

    assert device.run("enrol") == 0


@pytest.mark.parametrize("typed", ["", "  ", None], ids=["Enter", "spaces", "Ctrl-D"])
def test_a_technician_who_only_presses_enter_is_asked_again_and_not_told_that_the_office_refuses(
    device: Device, card: Card, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str | None
) -> None:
    def ask(_: str) -> str:
        if typed is None:
            raise EOFError
        return typed

    monkeypatch.setattr("getpass.getpass", ask)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    before = card.file.read_text() if card.file.exists() else ""
    assert device.run("enrol") == 2
    said = capsys.readouterr().err
    assert said.startswith("edge-agent: no claim was pasted, and nothing has changed: run it again")
    assert (card.file.read_text() if card.file.exists() else "") == before


def test_no_command_line_shows_a_secret_and_no_output_does(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    started: list[str] = []
    run = subprocess.run

    def seen(words: list[str], **options: object) -> object:
        started.extend(words)
        return run(words, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", seen)
    assert device.enrol(claim_of(registrar)) == 0

    assert "genpkey" in started
    shown = capsys.readouterr()
    for text in (*started, shown.out, shown.err):
        assert SECRET not in text
        assert "PRIVATE" not in text


@pytest.mark.parametrize(
    ("changes", "label", "said"),
    [
        ({"board": "10000000ffffffff"}, NAME, "this claim is for board 10000000ffffffff, and this is "),
        ({}, "kzn/durban-station/kiosk-0002", f"this claim is for {NAME}, not for kzn/durban-station/kiosk-0002"),
    ],
)
def test_a_claim_for_another_board_or_another_label_is_refused(
    device: Device, registrar: FakeRegistrar, capsys: pytest.CaptureFixture[str],
    changes: dict[str, object], label: str, said: str,
) -> None:  # fmt: skip
    assert device.enrol(claim_of(registrar, **changes), "--name", label) == 3

    assert said in capsys.readouterr().err
    assert registrar.asked == []


def test_settings_that_can_not_be_used_are_not_written(
    device: Device, registrar: FakeRegistrar, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    registrar.settings["command_keys"] = {"keys": "none"}
    monkeypatch.setattr("agent.cli.enrol._SETTINGS_S", 0.0)

    assert device.enrol(claim_of(registrar)) == 1

    assert "the registrar's settings can't be used" in capsys.readouterr().err
    assert not (device.directory / "command-keys.json").exists()
    assert not (device.directory / "edge-agent.d").exists()


def test_a_renewal_that_is_not_due_says_when_it_is(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.enrol(claim_of(registrar)) == 0
    asked = len(registrar.asked)

    assert device.run("renew") == 0

    assert "renewal begins " in capsys.readouterr().out
    assert len(registrar.asked) == asked


def test_a_certificate_at_two_thirds_of_its_life_is_renewed_with_a_new_key_that_the_broker_lets_in(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto
) -> None:
    registrar.days = 0.01
    assert device.enrol(claim_of(registrar)) == 0
    old_key = (device.state / "credentials/current/device.key").read_bytes()
    registrar.days = 90

    assert device.run("renew") == 0

    known = load(device.config)
    [address] = specs.broker_addresses(known)
    assert log_in(known, address, beside=False)
    assert log_in(known, address, beside=True)
    assert (device.state / "credentials/current/device.key").read_bytes() != old_key
    result = last_result(Store(device.state))
    assert result is not None
    assert (result.error, result.failures) == (None, 0)


def test_no_broker_lets_the_new_one_in_so_the_old_one_stays_and_a_later_run_goes_on(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.enrol(claim_of(registrar)) == 0
    old = device.certificate
    broker.stop()

    assert [device.run("renew", "--now") for _ in range(2)] == [1, 1]

    assert "no broker has let the new certificate in, so the old one stays in use" in capsys.readouterr().err
    assert device.certificate == old
    result = last_result(Store(device.state))
    assert result is not None
    assert result.failures == 2
    issued = len(registrar.issued)
    broker.start()
    assert device.run("renew", "--now") == 0
    assert device.certificate == registrar.issued[-2].public_bytes(Encoding.PEM)
    assert len(registrar.issued) == issued


def test_a_renewal_that_the_registrar_refuses_has_the_code_of_a_refusal_and_is_on_record(
    device: Device, registrar: FakeRegistrar, broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.enrol(claim_of(registrar)) == 0
    old = device.certificate

    def refuse(exchange: Handler) -> bool:
        if "reenroll" not in exchange.path:
            return False
        exchange.answer(403, b"This certificate was revoked on 2026-11-27: ask the office for a claim.")
        return True

    registrar.hook = refuse
    assert device.run("renew", "--now") == 3

    assert "was revoked on 2026-11-27" in capsys.readouterr().err
    assert device.certificate == old
    result = last_result(Store(device.state))
    assert result is not None
    assert "was revoked" in (result.error or "")


def test_a_device_that_was_set_up_by_hand_has_nothing_to_renew(
    device: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    assert device.run("renew") == 0

    assert "was set up by hand" in capsys.readouterr().out


@pytest.mark.parametrize("said", ['["nonsense"]', "[2026-01-01]", "nan"])
def test_settings_of_the_registrar_that_no_agent_starts_with_take_no_good_ones_place(
    device: Device, registrar: FakeRegistrar, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    registrar.settings["settings"] = 'mqtt.brokers = ["mqtts://localhost:8883"]\n'
    assert device.enrol(claim_of(registrar)) == 0
    layer = device.config.with_name("edge-agent.d") / LAYER
    before = layer.read_text()
    registrar.settings["settings"] = f"mqtt.brokers = {said}\n"
    assert device.enrol(claim_of(registrar)) != 0
    assert "tell the office" in capsys.readouterr().err
    assert layer.read_text() == before


def test_a_command_that_needs_a_provider_starts_anew_just_as_it_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setenv("OPENSSL_CONF", "")
    monkeypatch.delenv("OPENSSL_CONF")
    monkeypatch.setattr(openssl, "configuration", lambda _: Path("/dev/null"))
    monkeypatch.setattr(os, "execv", lambda _, words: started.append(words))
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-I", "/usr/bin/edge-agent", "renew"])

    use_provider("tpm")

    assert started == [[sys.executable, "-I", "/usr/bin/edge-agent", "renew"]]
    assert os.environ["OPENSSL_CONF"] == "/dev/null"
