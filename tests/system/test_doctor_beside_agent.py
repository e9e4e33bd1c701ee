"""The doctor beside an agent that runs: it asks it, and disturbs nothing."""

from pathlib import Path

import pytest

from tests.support.agent_process import CAMERA, USER, AgentProcess
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.doctor import examine
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.wait import wait_for
from tests.system.test_tls import own_files

pytestmark = pytest.mark.diagnosis


def test_the_agent_goes_on_and_says_which_of_its_parts_do_not_work(tmp_path: Path, broker: Mosquitto) -> None:
    lost = {"name": "front", "source": f"file:{tmp_path}/nothing.avi"}
    agent = AgentProcess(tmp_path / "kiosk", broker.url, cameras=[lost])
    with Centre(broker.port) as centre, agent:
        centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front", timeout_s=30)
        agent.wait_for_status("nothing.avi")
        found = examine(agent.config, "--simulate", "--lights")
        assert f"process {agent.pid}, simulated" in found.one("agent", "ok")["what"]
        assert "a problem with camera-front: " in found.failure("agent")
        assert "gets no pictures" in found.failure("camera-front")
        assert found.one("pins", "unknown")
        assert "a resident would misread" in found.one("lights", "unknown")["what"]
        assert found.one("broker-1", "ok")

        assert agent.outputs() == {"yellow": "off", "green": "off", "beacon": "steady", "tone": "off"}
        agent.press()
        centre.wait_for_alarm("updated", stage="sent")
        online = [m for m in centre.messages("state") if m.data["state"] != "online"]
        assert online == [], "the doctor took the agent's connection"


def test_the_agent_keeps_its_connection_to_a_broker_that_makes_the_client_id_of_the_certificate(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    """As deploy's does: there a second login of the device ends the first."""
    files = own_files(authorities.device(USER), tmp_path / "certificates")
    agent = AgentProcess(tmp_path / "kiosk", tls_broker.url, mqtt=files.mqtt)
    with Centre(tls_broker.centre_port, files=authorities.centre(CENTRE)) as centre, agent:
        centre.wait_for("state", lambda m: m.data["state"] == "online")
        agent.wait_for_status(f"connected to {tls_broker.url}")
        found = examine(agent.config, "--simulate", "--only", "broker")
        assert "no login beside the agent's" in found.one("broker-1", "ok")["what"]

        agent.press()
        centre.wait_for_alarm("updated", stage="sent")
        assert [m.data["state"] for m in centre.messages("state")] == ["online"]


def test_the_camera_of_an_agent_that_runs_is_judged_by_what_it_gets(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[CAMERA]) as agent:
        centre.wait_for("health", lambda m: m.data["parts"].get("camera-front") == {"state": "ok"}, timeout_s=30)
        wait_for(
            lambda: (
                "the running agent gets"
                in examine(agent.config, "--simulate", "--only", "camera").of("camera-front")[0]["what"]
            ),
            timeout_s=30,
            what="the rate of the camera",
        )


def test_an_agent_that_keeps_no_report_is_not_green(tmp_path: Path, broker: Mosquitto) -> None:
    agent = AgentProcess(tmp_path / "kiosk", broker.url, environ={"RUNTIME_DIRECTORY": ""})
    with agent:
        found = examine(agent.config, "--simulate", "--only", "agent")
        assert "was not started by systemd" in found.one("agent", "unknown")["what"]


def test_a_technician_who_changes_a_setting_and_forgets_the_restart_is_told_that_the_agent_runs_with_the_old_ones(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with AgentProcess(tmp_path / "kiosk", broker.url) as agent:
        agent.wait_for_status(f"connected to {broker.url}")
        assert examine(agent.config, "--simulate", "--only", "agent").code == 0
        agent.config.write_text(f"# a comment changes nothing\n{agent.config.read_text()}")
        assert examine(agent.config, "--simulate", "--only", "agent").code == 0
        agent.config.write_text(agent.config.read_text().replace("pin = 17", "pin = 16"))
        found = examine(agent.config, "--simulate", "--only", "agent").failure("agent")
        assert "settings have changed since the agent started" in found
        assert "systemctl restart edge-agent" in found
