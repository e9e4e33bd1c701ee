"""A card that is put into another board, and one whose disk does not answer when the agent wants to connect."""

import json
import os
import signal
from pathlib import Path

import pytest

from agent.adapters.binding import BINDING, CURRENT
from agent.sim.board import FILE
from tests.support.agent_process import DEVICE, USER, AgentProcess
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.doctor import Examined, examine
from tests.support.mosquitto import Mosquitto
from tests.support.service_manager import ServiceManager
from tests.support.wait import wait_for
from tests.system.test_tls import centre_of, open_for_writing, own_files

pytestmark = pytest.mark.diagnosis

MINE, ANOTHER = "10000000abcdef01", "10000000abcdef02"
WAS = "gp/jhb-park-station/kiosk-0041"
PLATFORM = "the platform of another kiosk"
OUT_OF_SERVICE = {"yellow": "alternate", "green": "alternate", "beacon": "off"}


def enrolled(kiosk: Path, authorities: BrokerAuthorities, board: str = MINE, user: str = USER) -> CertificateFiles:
    """Credentials in the state directory, as enrolment leaves them, on a board with the serial number `MINE`."""
    storage = kiosk / "storage"
    (storage / "credentials").mkdir(parents=True)
    files = own_files(authorities.device(user), storage / "credentials/first")
    (storage / CURRENT).symlink_to("first")
    bind(storage, board, user)
    move_to_board(storage, MINE)
    current = storage / CURRENT
    return CertificateFiles(*(current / path.name for path in (files.ca, files.cert, files.key)))


def bind(storage: Path, board: str, user: str = USER) -> None:
    (storage / CURRENT / BINDING).write_text(json.dumps({"name": user, "board": board}))


def enrol_as(user: str, storage: Path, authorities: BrokerAuthorities) -> None:
    """Put new credentials in use, as enrolment does before it writes the settings."""
    new = storage / "credentials" / user.replace("/", ".")
    own_files(authorities.device(user), new)
    (storage / CURRENT).unlink()
    (storage / CURRENT).symlink_to(new.name)
    bind(storage, MINE, user)


def move_to_board(storage: Path, serial: str) -> None:
    (storage / FILE).write_text(f"{serial}\n")


def test_a_copied_card_connects_nowhere_is_out_of_service_at_once_and_keeps_presses_until_it_is_bound(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities, second: Mosquitto
) -> None:
    files = enrolled(tmp_path / "kiosk", authorities, board=ANOTHER)
    urls = (tls_broker.url, second.url)  # the second asks for no certificate
    service = {"out_of_service_after_s": 3600}
    with (
        centre_of(tls_broker, authorities) as centre,
        Centre(second.port) as other,
        AgentProcess(tmp_path / "kiosk", *urls, mqtt=files.mqtt, service=service) as agent,
    ):
        agent.wait_for_outputs(**OUT_OF_SERVICE)
        said = f"this card is a copy of that of {USER} (board {ANOTHER}), and this is board {MINE}: "
        agent.wait_for_status(said)
        agent.press()
        # The resident sees that the call waits; an agent that starts again has not forgotten it.
        agent.wait_for_outputs(yellow="on", green="off")
        agent.kill()
        agent.start()
        agent.wait_for_outputs(yellow="on", green="off")
        line = f"ERROR publisher: no connection to {tls_broker.url}: {said}"
        wait_for(lambda: agent.log().count(line) == 2, what="the reason, once for each start")
        assert centre.messages() == other.messages() == []

        bind(agent.storage, MINE)
        wait_for(lambda: centre.messages("alarm/") or other.messages("alarm/"), what="the alarm")
        heard = centre if centre.messages("alarm/") else other
        assert heard.wait_for_alarm("updated").data["press_count"] == 1
        assert heard.wait_for("event/out-of-service").data["reasons"] == ["copied-card", "no-uplink"]
        heard.wait_for("event/in-service")


def test_what_was_pressed_on_a_copy_reaches_a_person_under_the_name_that_its_board_gets(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    kiosk = tmp_path / "kiosk"
    was = {
        "province": "gp",
        "site": "jhb-park-station",
        "id": "kiosk-0041",
        "location": {"lat": -26.2, "lon": 28.0, "text": PLATFORM},
    }
    files = enrolled(kiosk, authorities, ANOTHER, WAS)
    with (
        Mosquitto(tmp_path / "second", authorities=authorities) as second,
        centre_of(tls_broker, authorities) as first_centre,
        centre_of(second, authorities) as second_centre,
        AgentProcess(kiosk, tls_broker.url, second.url, mqtt=files.mqtt, device=was) as agent,
    ):
        agent.wait_for_outputs(**OUT_OF_SERVICE)
        agent.press_many("police", 2)
        agent.wait_for_outputs(yellow="on", green="off")
        agent.send(signal.SIGTERM)
        enrol_as(USER, agent.storage, authorities)
        settings = agent.config.read_text()
        agent.config.write_text(settings.replace("kiosk-0041", DEVICE).replace(PLATFORM, "the gate"))
        agent.start()

        wait_for(lambda: first_centre.messages("alarm/") or second_centre.messages("alarm/"), what="the alarm")
        heard = first_centre if first_centre.messages("alarm/") else second_centre
        alarm = heard.wait_for_alarm("updated", stage="sent").data
        assert (alarm["press_count"], alarm["location"]["text"]) == (2, "the gate")
        [listed] = heard.wait_for("alarms", lambda m: bool(m.data["open"])).data["open"]
        assert listed["alarm_id"] == alarm["alarm_id"]
        heard.acknowledge(alarm["alarm_id"], agent.key)
        agent.wait_for_outputs(yellow="on", green="on")

        told = heard.wait_for("security/renamed").data["detail"]
        assert told["was"] == f"edge/v1/{WAS}"
        assert told["given_up"]["alarm"] == 2
        # Nothing is left that a broker refuses, and so no reason to look for another one.
        before = len(heard.messages("health"))
        wait_for(lambda: len(heard.messages("health")) >= before + 3, what="three health reports")
        assert heard.messages("health")[-1].data["outbox"].get("alarm", 0) == 0
        assert heard.messages("security/message-refused") == []
        assert agent.log().count("INFO publisher: connected to") == 1
        assert "refused" not in agent.log()


def test_a_cut_between_the_credentials_and_the_settings_of_a_new_name_is_told_in_words_and_costs_no_press(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    files = enrolled(tmp_path / "kiosk", authorities)
    with (
        centre_of(tls_broker, authorities) as centre,
        AgentProcess(tmp_path / "kiosk", tls_broker.url, mqtt=files.mqtt) as agent,
    ):
        enrol_as(WAS, agent.storage, authorities)
        agent.kill()
        agent.start()
        said = f"the credentials are those of {WAS}, and the agent's settings say {USER} ("
        wait_for(lambda: f"ERROR disk: {said}" in agent.log(), what="the reason in words")
        agent.press()
        found = examine(agent.config, "--simulate", "--only", "certificate")
        assert [each["what"].startswith(said) for each in found.of("certificate") if each["state"] == "fail"] == [True]

        # What the next enrolment does: it writes the settings, and says that the agent must be started anew.
        agent.send(signal.SIGTERM)
        enrol_as(USER, agent.storage, authorities)
        agent.start()
        assert centre.wait_for_alarm("updated", stage="sent").data["press_count"] == 1


def test_the_doctor_says_whose_copy_it_is_and_what_to_do_and_goes_to_no_broker(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    files = enrolled(tmp_path / "kiosk", authorities)
    device = AgentProcess(tmp_path / "kiosk", tls_broker.url, mqtt=files.mqtt)

    def told() -> Examined:
        return examine(device.config, "--simulate", "--only", "certificate", "--only", "broker")

    with centre_of(tls_broker, authorities) as centre:
        move_to_board(device.storage, ANOTHER)
        found = told()
        assert found.one("certificate", "fail") == {
            "state": "fail",
            "what": f"this card is a copy of that of {USER} (board {MINE}), and this is board {ANOTHER}: "
            "it connects to no broker and keeps what is pressed",
            "do": "`sudo edge-agent enrol` with a claim for a name of its own, or with one made by --replace for the "
            "other board's place",
        }
        assert found.one("broker-1", "unknown")["what"] == "it was not tried: this card is a copy of another device's"
        assert centre.messages() == []

        move_to_board(device.storage, MINE)
        found = told()
        assert found.code == 0
        said = [each["what"] for each in found.of("certificate")]
        assert f"the credentials are those of {USER}, and this is its board {MINE}" in said
        (device.storage / FILE).unlink()
        said = [each["what"] for each in told().of("certificate")]
        assert f"the credentials are those of {USER}; no serial number says whether this is its board" in said
        (device.storage / CURRENT / BINDING).write_text("")
        assert "nobody can tell whether this card is a copy" in told().of("certificate")[0]["what"]


def test_a_disk_that_hangs_when_the_agent_wants_to_connect_does_not_end_it_and_presses_count(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    files = enrolled(tmp_path / "kiosk", authorities)
    # OpenSSL reads it, and waits for as long as a disk does; where the agent itself reads, a FIFO is no file.
    certificate = files.cert
    content = certificate.read_bytes()
    certificate.unlink()
    os.mkfifo(certificate)
    with (
        ServiceManager(tmp_path, watchdog_s=4.0) as systemd,
        centre_of(tls_broker, authorities) as centre,
        AgentProcess(tmp_path / "kiosk", tls_broker.url, mqtt=files.mqtt, environ=systemd.environ) as agent,
    ):
        systemd.wait_for("READY=1")
        with os.fdopen(wait_for(lambda: open_for_writing(certificate), what="the reader"), "wb") as disk:
            agent.wait_for_status("the device's certificate can't be read: the disk")
            agent.press()
            assert agent.outputs()["yellow"] == "on"
            for _ in range(4):
                systemd.wait_for("WATCHDOG=1", timeout_s=6.0)
            certificate.unlink()
            certificate.write_bytes(content)
            disk.write(content)
        centre.wait_for_alarm("raised", timeout_s=60)
