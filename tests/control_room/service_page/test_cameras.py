"""Cameras on the service page, with the real agent and its camera processes: seen, aimed and drawn on."""

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agent.bootstrap import vision_specs
from agent.core import service_code
from agent.service_page import page
from agent.settings import CameraSettings
from agent.settings.kept import begin
from edge_centre.key_files import make_key
from tests.support.agent_process import CAMERA, AgentProcess
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.service_page import KEPT, Answer, Page, Phone, Signer
from tests.support.vision_media import demo_video
from tests.support.wait import wait_for

SERVICE = {"name": "key", "kind": "service", "pin": 16, "active_when": "closed", "delay_s": 0, "restore_s": 0}
WALL = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
DOOR = [[0.6, 0.6], [0.9, 0.6], [0.9, 0.9]]
STREET = {"name": "street", "polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], "loitering_after_s": 0.5}
SECONDS, FPS = 12, 10


class Site:
    """A kiosk whose service page is open, and a technician who has entered."""

    def __init__(self, directory: Path, agent: AgentProcess, phone: Phone) -> None:
        self.directory = directory
        self.agent = agent
        self.phone = phone
        self.key = make_key("technician", agent.directory / "keys")
        self._ids = itertools.count(1)

    def cameras(self) -> dict[str, Any]:
        seen: dict[str, Any] = self.phone.get("/api/cameras").body
        return seen

    def picture(self, name: str = "front", after: int = 0) -> Answer:
        return self.phone.get(f"/api/cameras/{name}/picture?after={after}")

    def check(self, **camera: Any) -> dict[str, Any]:
        changes = {"cameras": [{"name": "front", **camera}]}
        found: dict[str, Any] = self.phone.post("/api/settings/check", {"changes": changes}).body
        return found

    def set(self, changes: dict[str, Any]) -> dict[str, Any]:
        args: dict[str, Any] = {"revision": self.cameras()["revision"] + 1, "changes": changes}
        state = self.phone.state()
        token = Signer(self.phone, self.key).sign(
            state, {"id": f"set-{next(self._ids)}", "name": "config-set", "args": args}
        )
        answer = self.phone.post("/api/settings", {"token": token})
        assert answer.status == 200, answer
        result: dict[str, Any] = answer.body
        return result


@pytest.fixture
def opened(tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that starts a kiosk with these cameras, and enters its page."""
    monkeypatch.setattr(page, "_LOOK_S", 0.05)
    with ExitStack() as stack:

        def enter(*cameras: dict[str, Any]) -> Site:
            agent = AgentProcess(tmp_path / "kiosk", broker.url, inputs=[SERVICE], cameras=list(cameras))
            agent.storage.mkdir()
            (agent.storage / service_code.FILE).write_bytes(service_code.written(KEPT))
            stack.enter_context(agent)
            agent.sim("hold", name="key")
            served = Page(tmp_path, agent=agent.directory / "run", walk=agent.storage / "walk")
            wait_for(served.paths.file.exists, what="a file that asks for the page")
            stack.enter_context(served)
            phone = served.phone()
            assert phone.enter().status == 204
            site = Site(tmp_path, agent, phone)
            wait_for(lambda: phone.state()["nonce"], what="a connection to the agent")
            return site

        yield enter


def test_what_a_mask_covers_is_not_in_the_preview_and_a_camera_that_goes_is_told_in_words(
    opened: Any, broker: Mosquitto
) -> None:
    site = opened({**CAMERA, "masks": [WALL]})
    with Centre(broker.port):
        wait_for(lambda: site.picture().status == 200, what="a picture", timeout_s=40)
        began_s, numbers = time.monotonic(), []
        for _ in range(4):
            taken = wait_for(lambda: (got := site.picture()).status == 200 and got, 40, "the next picture")
            numbers.append(int(taken.headers["X-Number"]))
        assert time.monotonic() - began_s > 1.0, "two pictures in a second at most"
        assert numbers == sorted(set(numbers))
        assert taken.headers["Content-Type"] == "image/jpeg"
        assert float(taken.headers["X-Focus"]) >= 0
        assert 0 <= float(taken.headers["X-Light"]) <= 255
        seen = cv2.imdecode(np.frombuffer(taken.body, np.uint8), cv2.IMREAD_COLOR)
        assert seen is not None
        width = seen.shape[1]
        assert seen[:, : width // 2 - 16].std() < 2
        assert seen[:, width // 2 + 16 :].std() > 5
        assert site.picture("back").status == 503

        known = site.cameras()
        assert known["cameras"][0]["masks"] == [WALL]
        bow = {"name": "bow", "polygon": [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]}
        [mistake] = site.check(zones=[bow])["mistakes"]
        assert "cross" in mistake["sentence"]
        assert site.set({"cameras": [{"name": "front", "zones": [bow]}]})["code"] == "bad-settings"
        assert site.set({"cameras": [{"name": "front", "source": "picamera2:1"}]})["code"] == "second-signer"
        assert site.set({"cameras": [{"name": "front", "model": "ours"}]})["code"] == "forbidden-setting"

        site.agent.sim("fault", kind="camera-lost")
        wait_for(lambda: site.picture().status == 503, what="word that the camera is gone", timeout_s=40)
        assert "front" in site.picture().body["sentence"]
        added = site.set({"cameras": [{"name": "front", "masks": [WALL, DOOR]}]})  # drawn before it went
        assert (added["status"], added["code"]) == ("succeeded", "ok")
        site.agent.sim("fault", kind="camera-none")
    assert not list(site.agent.directory.glob("storage/snapshots/**/*.jpg"))


def test_a_zone_that_is_drawn_tells_what_the_same_zone_in_a_file_tells(
    opened: Any, tmp_path: Path, broker: Mosquitto
) -> None:
    video = clip(tmp_path / "street.avi")
    filed = {"name": "filed", "source": f"file:{video}", "cool_down_s": 1.0, "leave_after_s": 1.0, "zones": [STREET]}
    with Centre(broker.port) as centre:
        site = opened(filed, {**filed, "name": "drawn", "zones": []})

        def events(camera: str) -> set[tuple[str, str]]:
            told = [m for m in centre.messages("event/") if m.data.get("camera") == camera]
            return {(m.type, m.data.get("phase", "")) for m in told if m.data.get("zone") == "street"}

        def ended(camera: str) -> int:
            told = [m.data["detail"] for m in centre.messages("event/part-degraded")]
            return sum("has ended" in each for each in told if camera in each or f"{video}" in each)

        wait_for(lambda: ended("") >= 2, what="an end of both films", timeout_s=60)
        wanted = {("edge.event.person-entered.v2", ""), ("edge.event.loitering.v1", "began")}
        assert events("filed") >= wanted
        assert events("drawn") == set()
        drawn = site.set({"cameras": [{"name": "drawn", "zones": [STREET]}]})
        assert (drawn["status"], drawn["code"]) == ("succeeded", "ok")
        wait_for(lambda: events("drawn") >= wanted, what="the same events", timeout_s=60)

    settings = begin(site.agent.config).settings

    def spec(camera: CameraSettings) -> dict[str, Any]:
        """All that a camera process is told of what to see."""
        told = vision_specs.vision_spec(settings, camera, simulate=True).model_dump()
        return {name: value for name, value in told.items() if name not in {"name", "snapshot_directory"}}

    first, second = settings.cameras
    assert spec(first) == spec(second)


def clip(path: Path) -> Path:
    """Some seconds of people in a street."""
    capture = cv2.VideoCapture(str(demo_video()), cv2.CAP_FFMPEG)
    frames = [capture.read()[1] for _ in range(SECONDS * FPS)]
    capture.release()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, frames[0].shape[1::-1])
    for pixels in frames:
        writer.write(pixels)
    writer.release()
    return path
