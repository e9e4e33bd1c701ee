"""What a technician reads when the agent can't start, or starts without a part."""

from pathlib import Path

import pytest

from tests.support.agent_process import USER, AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.fake_broker import Behaviour, FakeBroker
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

UNREACHABLE = "mqtt://127.0.0.1:1"


@pytest.mark.parametrize(
    ("line", "instead", "lines"),
    [
        pytest.param(
            'id = "kiosk-0042"', 'idd = "kiosk-0042"', ["did you mean id?", "device.id is missing"], id="name"
        ),
        pytest.param("pin = 17", "pin = 99", [':{line}: pin of button "police":', "99"], id="no such pin"),
        pytest.param("pin = 17", "pin = 22", ["pin 22 is given to both", "'police'", "'yellow'"], id="pin used twice"),
        pytest.param(
            "pin = 17",
            'pin = 17\n[[buttons]]\nname = "medical"\npin = 17',
            ["pin 17 is given to both"],
            id="two buttons",
        ),
        pytest.param("pin = 17", "pin = = 17", [":{line}: is not valid TOML"], id="no TOML"),
        pytest.param('"mqtt://127.0.0.1:1"', '"tcp://broker"', ["mqtt://HOST[:PORT]"], id="broker"),
    ],
)
def test_a_wrong_setting_is_told_with_its_place_and_nothing_is_started(
    tmp_path: Path, line: str, instead: str, lines: list[str]
) -> None:
    agent = AgentProcess(tmp_path, UNREACHABLE)
    text = agent.config.read_text()
    assert line in text
    agent.config.write_text(text.replace(line, instead))
    number = str(text[: text.index(line)].count("\n") + 1)
    done = run_cli("run", "--simulate", "--config", agent.config)
    assert done.returncode == 2
    for part in lines:
        assert part.replace("{line}", number) in done.stderr
    assert "Traceback" not in done.stderr
    assert not agent.storage.exists()


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, UNREACHABLE, buttons=[{"name": "POLICE", "pin": 99, "colour": "red"}])
    done = run_cli("run", "--simulate", "--config", agent.config, environ={"EDGE_AGENT_STORAGE__DIRECTROY": "/x"})
    assert done.returncode == 2
    for part in ("name of button", "pin of button", "colour of button", "EDGE_AGENT_STORAGE__DIRECTORY"):
        assert part in done.stderr


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run_cli("run", "--config", tmp_path / "nothing.toml")
    assert done.returncode == 2
    assert f"{tmp_path / 'nothing.toml'}: no such file" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_second_agent_on_the_same_directory_is_refused_and_the_first_goes_on(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path, broker.url) as agent:
        second = run_cli("run", "--simulate", "--config", agent.config)
        assert second.returncode == 1
        assert second.stderr.endswith("another edge-agent, such as the service, is using it: let that one run\n")
        assert len(second.stderr.splitlines()) == 1
        agent.press()
        centre.wait_for_alarm("updated", stage="sent")


@pytest.mark.parametrize("content", [None, b"", b"no video at all"], ids=["missing", "empty", "no video"])
def test_a_video_that_can_not_be_read_stops_the_camera_only(
    tmp_path: Path, broker: Mosquitto, content: bytes | None
) -> None:
    video = tmp_path / "video.avi"
    if content is not None:
        video.write_bytes(content)
    camera = {"name": "front", "source": f"file:{video}"}
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera]) as agent:
        degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front", timeout_s=30)
        assert str(video) in degraded.data["detail"]
        agent.press()
        assert centre.wait_for_alarm("updated", stage="sent").data["camera"] == {"name": "front"}


@pytest.mark.parametrize("keys", ["missing", "garbage", "no keys"])
def test_without_usable_keys_a_press_still_counts_and_commands_are_refused(
    tmp_path: Path, broker: Mosquitto, keys: str
) -> None:
    file = tmp_path / "keys.json"
    if keys != "missing":
        file.write_text("{" if keys == "garbage" else '{"keys": []}')
    commands = {"keys": str(file)}
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, commands=commands) as agent:
        agent.press()
        alarm = centre.wait_for_alarm("updated", stage="sent")
        centre.acknowledge(alarm.data["alarm_id"], agent.key)
        refused = centre.wait_for("security/command-rejected")
        assert refused.data["detail"]["code"] == "unknown-key"
        assert agent.outputs()["green"] == "off"
        if keys != "no keys":
            degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "commands")
            assert str(file) in degraded.data["detail"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("mqtt://broker.invalid", "the name broker.invalid can't be resolved: check the name and this device's DNS"),
        (UNREACHABLE, "nothing listens on 127.0.0.1:1: check the port"),
    ],
)
def test_a_broker_that_can_not_be_reached_is_told_once_and_a_press_is_lit(
    tmp_path: Path, address: str, says: str
) -> None:
    with AgentProcess(tmp_path, address) as agent:
        agent.press()
        assert agent.outputs()["yellow"] == "on"
        wait_for(lambda: says in agent.log(), what=f"{says!r} in the log")
        agent.wait_for_status(says)
        [told] = no_connection(agent)
        assert says in told


def test_a_broker_that_refuses_the_login_is_told_once_and_a_press_is_lit(tmp_path: Path) -> None:
    with (
        FakeBroker(Behaviour(connack=lambda _level: b"\0\x86\0")) as refusing,
        AgentProcess(tmp_path, refusing.url) as agent,
    ):
        agent.press()
        assert agent.outputs()["yellow"] == "on"
        wait_for(lambda: len(refusing.levels) > 2, what="some tries")
        [told] = no_connection(agent)
        assert "check [mqtt] password" in told


def test_in_1970_an_agent_names_the_clock_and_its_buttons_work(
    tmp_path: Path, tls_broker: Mosquitto, authorities: BrokerAuthorities
) -> None:
    files = authorities.device(USER)
    # Not the program `faketime`: it starts the agent as its child, which would outlive it.
    environ = {
        "LD_PRELOAD": "/usr/$LIB/faketime/libfaketime.so.1",
        "FAKETIME": "@1970-01-01 00:05:00",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "TZ": "UTC",
    }
    with AgentProcess(tmp_path / "kiosk", tls_broker.url, environ=environ, mqtt=files.mqtt) as agent:
        agent.press()
        assert agent.outputs()["yellow"] == "on"
        says = "the broker's certificate is not valid yet: check this device's clock, which says 1970-01-01 00:0"
        wait_for(lambda: says in agent.log(), what=f"{says!r} in the log")
        wait_for(lambda: tls_broker.log().count("ssl/tls alert bad certificate") > 1, what="a second try")
        lines = agent.log().splitlines()
        assert [line for line in lines if "clock" in line] == no_connection(agent)
        assert len(no_connection(agent)) == 1
        assert "Traceback" not in agent.log()


def no_connection(agent: AgentProcess) -> list[str]:
    """The lines that tell of an outage; one each."""
    return [line for line in agent.log().splitlines() if "ERROR publisher: no connection to " in line]


def test_the_same_button_settings_start_an_agent(tmp_path: Path) -> None:
    """What the tests above spoil is right before they do."""
    with AgentProcess(tmp_path, UNREACHABLE) as agent:
        agent.press()
        assert agent.outputs()["yellow"] == "on"
