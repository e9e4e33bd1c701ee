"""The probe has an identity of its own at the broker, so that it can't touch the device's connection."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_process import USER, AgentProcess
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.doctor import examine
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.subscriber import Subscriber
from tests.system.test_tls import centre_of, own_files

pytestmark = pytest.mark.diagnosis

NOW = {"after_start_s": 1, "centre_ack": False}


def kiosk(tmp_path: Path, broker: Mosquitto, files: CertificateFiles, **sections: Any) -> AgentProcess:
    """A device that knows one broker by two addresses."""
    addresses = [broker.url, broker.url.replace("localhost", "127.0.0.1")]
    return AgentProcess(tmp_path / "kiosk", *addresses, mqtt=own_files(files, tmp_path / "tls").mqtt, **sections)


def without_a_probe(authorities: BrokerAuthorities) -> CertificateFiles:
    files = authorities.devices.client(USER)
    return CertificateFiles(authorities.server.ca, files.cert, files.key)


def assert_the_connection_stood(agent: AgentProcess, centre: Centre) -> None:
    agent.press()
    alarm = centre.wait_for_alarm("updated", stage="sent", input="police")
    centre.acknowledge(alarm.data["alarm_id"], agent.key)
    agent.wait_for_outputs(green="on")
    assert [message.data["state"] for message in centre.messages("state")] == ["online"]


@pytest.mark.parametrize("has_probe", [True, False])
def test_a_self_test_by_two_addresses_of_one_broker_is_green_and_throws_nobody_out(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities, has_probe: bool
) -> None:
    files = authorities.device(USER) if has_probe else without_a_probe(authorities)
    agent = kiosk(tmp_path, tls_broker, files, self_test=NOW)
    with centre_of(tls_broker, authorities) as centre, agent:
        event = centre.wait_for("event/self-test", timeout_s=60)
        assert event.data["outcome"] == "passed"
        [path] = [step for step in event.data["steps"] if step["name"] == "path-2"]
        assert path["ok"]
        assert ("connected after" if has_probe else "whether it accepts an alarm is unknown") in path["detail"]
        assert (f"as {USER}/up/alarm" in tls_broker.log()) is has_probe
        assert_the_connection_stood(agent, centre)


@pytest.mark.parametrize("has_probe", [True, False])
def test_the_doctor_tries_the_other_address_as_the_probe_or_says_that_it_can_not(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities, has_probe: bool
) -> None:
    files = authorities.device(USER) if has_probe else without_a_probe(authorities)
    with centre_of(tls_broker, authorities) as centre, kiosk(tmp_path, tls_broker, files) as agent:
        agent.wait_for_status(f"connected to {tls_broker.url}")
        found = examine(agent.config, "--simulate", "--only", "broker", "--only", "certificate")
        assert "no login beside the agent's" in found.one("broker-1", "ok")["what"]
        other = found.one("broker-2", "ok")["what"]
        assert ("login and test alarm" if has_probe else "whether it accepts an alarm is unknown") in other
        told = [finding["what"] for finding in found.of("certificate") if "no certificate for" in finding["what"]]
        assert len(told) == (0 if has_probe else 1)
        assert_the_connection_stood(agent, centre)


def test_a_kiosk_that_was_thrown_off_by_somebody_with_a_centres_certificate_is_back_and_tells_the_centre(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    files = authorities.device(USER)
    with centre_of(tls_broker, authorities) as centre, kiosk(tmp_path, tls_broker, files) as agent:
        agent.wait_for_status(f"connected to {tls_broker.url}")
        with Subscriber(tls_broker.centre_port, files=authorities.centre(CENTRE), client_id=USER) as thief:
            told = centre.wait_for("security/session-taken-over")
            thief.wait_for_disconnect()
        assert told.data["severity"] == "warning"
        assert "another client uses this device's id" in told.data["text"]
        agent.wait_for_status("connected to ")
