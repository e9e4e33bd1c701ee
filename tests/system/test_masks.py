"""A privacy mask that can't be read costs the camera and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.agent_process import CAMERA, AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.vision_media import demo_video
from tests.support.wait import wait_for

pytestmark = pytest.mark.eyes

WALL = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
CROSSED = [[0, 0], [1, 1], [1, 0], [0, 1]]


def write(path: Path, *polygons: object) -> None:
    masks = [{"name": "wall", "polygon": polygon} for polygon in polygons]
    path.write_text(json.dumps({"version": 1, "masks": masks}))


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (lambda path: None, "No such file or directory"),
        (Path.mkdir, "it is not a regular file"),
        (lambda path: write(path, WALL, CROSSED), "mask 2, polygon: it crosses itself"),
    ],
    ids=["missing", "directory", "crossed"],
)
def test_a_mask_file_that_is_wrong_keeps_the_camera_off_and_a_press_is_told_at_once(
    tmp_path: Path, broker: Mosquitto, put: Callable[[Path], None], reason: str
) -> None:
    file = tmp_path / "front.json"
    put(file)
    camera = {"name": "front", "source": f"file:{demo_video()}?loop=1", "mask_file": str(file)}
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera]) as agent:
        agent.press()
        raised = centre.wait_for_alarm("raised")
        degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front", timeout_s=30)
        agent.press()
        again = centre.wait_for_alarm("updated", press_count=2)
        sent = centre.wait_for_alarm("updated", stage="sent")
        meta = centre.wait_for("meta")
        checked = run_cli("check-config", agent.config)

    assert str(file) in degraded.data["detail"]
    assert reason in degraded.data["detail"]
    for message in (raised, again):
        assert message.data["camera"] == {"name": "front"}, "a camera that is off sees nobody and gives no picture"
    assert sent.data["latency_ms"]["sent"] < 5000
    assert "masks" not in meta.data["cameras"][0]
    assert centre.messages("event/person") == []
    assert not any(heard.topic.find("/up/snapshot/") >= 0 for heard in centre.subscriber.heard)
    assert list((tmp_path / "kiosk").rglob("*.jpg")) == []
    assert checked.returncode == 1
    assert checked.stderr.startswith(f"edge-agent: camera front: mask file {file}: ")
    assert reason in checked.stderr
    assert json.loads(checked.stdout)["cameras"][0]["mask_file"] == str(file)


def test_a_camera_comes_on_by_itself_once_its_mask_file_is_right(tmp_path: Path, broker: Mosquitto) -> None:
    file = tmp_path / "front.json"
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, cameras=[{**CAMERA, "mask_file": str(file)}]) as agent,
    ):
        centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front", timeout_s=30)
        write(file, WALL)
        centre.wait_for("event/part-restored", lambda m: m.data["part"] == "camera-front", timeout_s=60)
        health = centre.wait_for("health", lambda m: m.data["cameras"].get("front", {}).get("masks") == 1)
        assert run_cli("check-config", agent.config).returncode == 0

        # What is lost while it runs is found at the next start of the camera process, which then stays off.
        file.unlink()
        (vision,) = agent.children()
        vision.kill()
        centre.wait_for(
            "health",
            lambda m: m.seq > health.seq and str(file) in m.data["parts"]["camera-front"].get("detail", ""),
            timeout_s=30,
        )
        wait_for(lambda: not agent.children(), what="the end of the camera process")


def test_check_config_tells_of_every_camera_that_would_stay_off(tmp_path: Path) -> None:
    cameras = [
        {**CAMERA, "name": name, "mask_file": str(tmp_path / f"{name}.json")} for name in ("one", "two", "three")
    ]
    write(tmp_path / "two.json")
    agent = AgentProcess(tmp_path / "kiosk", "mqtt://127.0.0.1:1", cameras=cameras)
    done = run_cli("check-config", agent.config)

    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert [line.partition(": mask file ")[0] for line in lines] == ["edge-agent: camera one", "camera three"]
