"""Whatever happens to a camera process, a press is lit and sent."""

import hashlib
import json
from pathlib import Path

import psutil
import pytest

from tests.support.agent_process import CAMERA, AgentProcess
from tests.support.centre import Centre
from tests.support.model_families import install
from tests.support.mosquitto import Mosquitto
from tests.support.vision_media import MODELS, copy_altered_model
from tests.support.wait import wait_for

pytestmark = pytest.mark.eyes

_CRASHING_INTERPRETER = """
import ctypes

class Interpreter:
    def __init__(self, *args, **kwargs):
        ctypes.string_at(0)
"""


def test_the_button_works_while_the_camera_process_is_dead_and_the_camera_comes_back_by_itself(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[CAMERA]) as agent:
        centre.wait_for("health", lambda m: m.data["parts"].get("camera-front") == {"state": "ok"}, timeout_s=30)
        before_ms = press_to_sent_ms(agent, centre)

        (vision,) = agent.children()
        vision.kill()
        during_ms = press_to_sent_ms(agent, centre)
        degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front")
        assert "killed by signal 9" in degraded.data["detail"]

        restored = centre.wait_for("event/part-restored", lambda m: m.data["part"] == "camera-front", timeout_s=30)
        assert restored.seq > degraded.seq
        wait_for(lambda: [c for c in agent.children() if c.pid != vision.pid], what="a new camera process")
        after_ms = press_to_sent_ms(agent, centre)
        print(f"press to PUBACK: {before_ms} ms with the camera, {during_ms} ms without, {after_ms} ms with it again")


def test_the_button_works_although_the_model_crashes_the_camera_process_each_time_it_is_loaded(
    tmp_path: Path, broker: Mosquitto
) -> None:
    package = tmp_path / "stand-in" / "ai_edge_litert"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "interpreter.py").write_text(_CRASHING_INTERPRETER)
    with (
        Centre(broker.port) as centre,
        AgentProcess(
            tmp_path / "kiosk", broker.url, cameras=[CAMERA], environ={"PYTHONPATH": str(package.parent)}
        ) as agent,
    ):
        degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front", timeout_s=30)
        assert "killed by signal 11" in degraded.data["detail"]
        press_to_sent_ms(agent, centre)
        health = centre.wait_for("health", lambda m: m.data["parts"].get("camera-front", {}).get("state") == "degraded")
        assert health.data["status"] == "degraded"
        assert health.data["parts"]["uplink"]["state"] == "ok"
        # It goes on trying, and a press in the middle of that is sent as well.
        wait_for(lambda: [c for c in agent.children() if c.status() != psutil.STATUS_ZOMBIE], what="a new try")
        press_to_sent_ms(agent, centre)


def test_a_dead_camera_is_told_and_a_press_names_it_without_a_picture(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[CAMERA]) as agent:
        centre.wait_for("health", lambda m: m.data["parts"].get("camera-front") == {"state": "ok"}, timeout_s=30)
        agent.sim("fault", kind="camera-lost")
        centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front", timeout_s=20)
        agent.press()
        raised = centre.wait_for_alarm("raised")
        assert raised.data["camera"] == {"name": "front"}


@pytest.mark.parametrize(("spoil", "advice"), [("remove", "make model"), ("alter", "SHA-256 differs")])
def test_a_model_that_is_missing_or_altered_stops_the_camera_only_and_says_what_to_run(
    tmp_path: Path, broker: Mosquitto, spoil: str, advice: str
) -> None:
    model = {"name": CAMERA["name"], "source": CAMERA["source"], "model": "movenet-person-int8"}
    home = tmp_path / "home"
    if spoil == "alter":
        copy_altered_model(home / "edge-agent" / "models")
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, cameras=[model], environ={"XDG_CACHE_HOME": str(home)}) as agent,
    ):
        degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front", timeout_s=30)
        press_to_sent_ms(agent, centre)
        assert advice in degraded.data["detail"]
        assert "make model" in degraded.data["detail"]
        if spoil == "alter":
            assert "SHA-256 differs" in centre.wait_for("security/model-refused").data["text"]


def test_a_model_swapped_in_the_state_directory_does_not_run_and_the_centre_hears_of_it(
    tmp_path: Path, broker: Mosquitto
) -> None:
    model = {"name": CAMERA["name"], "source": CAMERA["source"], "model": MODELS[0]}
    agent = AgentProcess(tmp_path / "kiosk", broker.url, cameras=[model])
    planted = agent.storage / "models"
    content = copy_altered_model(planted)
    manifest = json.loads((planted / f"{MODELS[0]}.json").read_text())
    manifest["sha256"] = hashlib.sha256(content).hexdigest()
    (planted / f"{MODELS[0]}.json").write_text(json.dumps(manifest))
    with Centre(broker.port) as centre, agent:
        told = centre.wait_for("security/model-refused", timeout_s=30)
        assert told.data["severity"] == "alert"
        assert f"because {planted}/{MODELS[0]}.json is refused" in told.data["text"]
        assert told.data["detail"] == {"camera": "front", "model": MODELS[0]}
        centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "model-front")
        health = centre.wait_for("health", lambda m: m.data["parts"].get("camera-front") == {"state": "ok"}, 30)
        assert health.data["parts"]["model-front"]["state"] == "degraded"
        (vision,) = agent.children()
        vision.kill()  # and the one after it finds the same, and is no news
        centre.wait_for("event/part-restored", lambda m: m.data["part"] == "camera-front", timeout_s=30)
        assert len(centre.messages("security/model-refused")) == 1


def test_a_retired_model_has_its_successor_run_in_its_place_and_the_centre_hears_which_to_set(
    tmp_path: Path, broker: Mosquitto
) -> None:
    models = tmp_path / "home" / "edge-agent" / "models"
    copy_altered_model(models)
    content = bytearray((models / f"{MODELS[0]}.tflite").read_bytes())
    content[-1] ^= 0xFF  # whole again
    (models / f"{MODELS[0]}.tflite").write_bytes(content)
    camera = {**CAMERA, "model": "ssdlite-person-int8"}
    environ = {"XDG_CACHE_HOME": str(tmp_path / "home")}
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera], environ=environ):
        degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "model-front", timeout_s=30)
        assert f'set model = "{MODELS[0]}"' in degraded.data["detail"]
        centre.wait_for("health", lambda m: m.data["parts"].get("camera-front") == {"state": "ok"}, 30)
        assert not centre.messages("security/model-refused")


def test_a_model_that_its_manifest_describes_wrongly_stops_the_camera_only_and_says_what_does_not_fit(
    tmp_path: Path, broker: Mosquitto
) -> None:
    directory = tmp_path / "home" / "edge-agent" / "models"
    directory.mkdir(parents=True)
    install(directory, "YOLOv8", decoder={"name": "yolo", "layout": "rows", "objectness": True})
    camera = {"name": CAMERA["name"], "source": CAMERA["source"], "model": "small"}
    environ = {"XDG_CACHE_HOME": str(tmp_path / "home")}
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera], environ=environ) as agent,
    ):
        degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front", timeout_s=30)
        assert "model small gives 1 x 6 x 16, and yolo needs one output, 1 x N x 7" in degraded.data["detail"]
        press_to_sent_ms(agent, centre)


def test_an_accelerator_that_is_away_is_told_and_the_camera_works_on_the_processor(
    tmp_path: Path, broker: Mosquitto
) -> None:
    camera = {**CAMERA, "delegate": "libnowhere.so.1"}
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera]) as agent:
        degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "delegate-front", timeout_s=30)
        assert "libnowhere.so.1 can't be loaded" in degraded.data["detail"]
        centre.wait_for("health", lambda m: m.data["parts"].get("camera-front") == {"state": "ok"}, timeout_s=30)
        agent.press()
        raised = centre.wait_for_alarm("raised")
        assert raised.data["camera"]["snapshot"]


def press_to_sent_ms(agent: AgentProcess, centre: Centre) -> int:
    """Press, wait until the centre hears of the press, and close the alarm; returns press to PUBACK.

    The alarm is closed so that the next press raises one of its own.
    """
    known = {m.data["alarm_id"] for m in centre.messages("alarm/")}
    agent.press()
    raised = centre.wait_for("alarm/", lambda m: m.type == "edge.alarm.raised.v1" and m.data["alarm_id"] not in known)
    alarm_id = raised.data["alarm_id"]
    assert agent.outputs()["yellow"] == "on"
    sent = centre.wait_for_alarm("updated", alarm_id=alarm_id, stage="sent")
    centre.acknowledge(alarm_id, agent.key, "closed")
    centre.wait_for_alarm("closed", alarm_id=alarm_id)
    return int(sent.data["latency_ms"]["sent"])
