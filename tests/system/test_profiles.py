"""Every profile as the agent runs it: simulated pins, a real broker with TLS, a video or a stream for each camera."""

import shutil
from pathlib import Path

import pytest

from agent.settings import Settings, load
from deploy.wiring.pages import ROOT, TITLES
from tests.support.agent_process import DEVICE, USER, AgentProcess, as_toml
from tests.support.centre import Centre, Message
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.rtsp_server import RtspServer
from tests.support.vision_media import demo_video

pytestmark = pytest.mark.eyes

PROFILES = [*TITLES, "simulated"]


def install(profile: str, agent: AgentProcess) -> None:
    """Copy a profile as the guide says."""
    agent.config = agent.directory / "etc" / "edge-agent.toml"
    shutil.copytree(ROOT / profile, agent.config.parent)


def overrule(agent: AgentProcess, broker: Mosquitto, authorities: BrokerAuthorities, sources: dict[str, str]) -> None:
    """One more layer, for what only this machine knows: the broker, the certificate, files in place of cameras."""
    files = authorities.device(USER)
    certificates = files.mqtt
    layer = {
        "device": {"province": "gp", "site": "jhb-park-station", "id": DEVICE},
        "storage": {"directory": str(agent.storage)},
        "mqtt": {"brokers": [broker.url], **certificates},
        "commands": {"keys": str(agent.directory / "keys" / "keys.json")},
        "health": {"interval_s": 1},
        "self_test": {"enabled": False},
        "cameras": [{"name": name, "source": source} for name, source in sources.items()],
    }
    directory = agent.config.with_name("edge-agent.d")
    directory.mkdir(exist_ok=True)
    (directory / "99-test.toml").write_text(as_toml(layer))


def looking(health: Message) -> set[str]:
    """The cameras that are well and have given pictures."""
    parts, figures = health.data["parts"], health.data["cameras"]
    well = {part for part, each in parts.items() if each["state"] == "ok"}
    return {name for name in figures if f"camera-{name}" in well and figures[name].get("frames", 0) > 3}


def cameras(settings: Settings) -> list[str]:
    return [camera.name for camera in settings.cameras]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_device_of_this_profile_tells_of_each_press_and_of_everybody_whom_its_cameras_see(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities, profile: str
) -> None:
    given = load(ROOT / profile / "edge-agent.toml", environ={})
    streams = any(camera.source.startswith("rtsp:") for camera in given.cameras)
    agent = AgentProcess(tmp_path / "device", tls_broker.url)
    install(profile, agent)
    centre = Centre(tls_broker.centre_port, host="localhost", files=authorities.centre(CENTRE))
    with RtspServer() as server, centre:
        source = server.url() if streams else f"file:{demo_video()}?loop=1"
        overrule(agent, tls_broker, authorities, dict.fromkeys(cameras(given), source))
        with agent:
            for button in given.buttons:
                agent.press(button.name)
                raised = centre.wait_for_alarm("raised", input=button.name)
                assert (raised.data["kind"], raised.data["silent"]) == (button.kind, button.silent)
            if any(not button.silent for button in given.buttons):
                agent.wait_for_outputs(yellow="on", green="off", beacon="flash")
            names = cameras(given)
            if names:
                centre.wait_for("health", lambda m: set(names) <= looking(m), 90)
            if not streams:  # nobody walks through those
                for name in names:
                    centre.wait_for("event/person-entered", lambda m, name=name: m.data["camera"] == name, 120)  # type: ignore[misc]
            meta = centre.wait_for("meta")
            assert [each["name"] for each in meta.data["inputs"]] == [
                *(button.name for button in given.buttons),
                *(each.name for each in given.inputs if each.kind != "service"),
            ]
