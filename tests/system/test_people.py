"""The real model on a real scene, through the whole chain."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.core.camera.settings import DAYS
from tests.support.acting_scene import Acting, ActingScene, moves
from tests.support.agent_process import AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.vision_media import demo_video

pytestmark = pytest.mark.eyes

MAX_JPEG_BYTES = 100 * 1024
FPS = 10
EMPTY_S, PEOPLE_S, EMPTY_AFTER_S = 2, 10, 6
PACE, BEHIND_S = 0.14, 2
"""Widths of the picture in a second, and how much later the second of the two comes."""


def test_a_press_tells_who_is_in_view_and_sends_their_picture(tmp_path: Path, broker: Mosquitto) -> None:
    camera = {"name": "front", "source": f"file:{demo_video()}?loop=1"}
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera]) as agent:
        entered = centre.wait_for("event/person-entered")
        assert entered.type == "edge.event.person-entered.v2"
        assert entered.data["camera"] == "front"
        assert entered.data["persons"] >= 1
        assert "zone" not in entered.data, "the whole picture has no name"
        assert re.fullmatch(r"[0-9a-f]{8}-\d+", entered.data["track"])
        assert 0.5 <= entered.data["score"] <= 1.0
        left, top, width, height = entered.data["box"]
        assert 0 <= left < left + width <= 1
        assert 0 <= top < top + height <= 1
        assert "snapshot" not in entered.data, "a routine event carries no picture unless the site says so"

        agent.press()
        raised = centre.wait_for_alarm("raised")
        seen = raised.data["camera"]
        # The scene is a busy crossing: there are always some people, and never a crowd.
        assert 1 <= seen["persons"] <= 12
        run = entered.data["track"].partition("-")[0]
        assert len(set(seen["tracks"])) == seen["persons"]
        assert {track.partition("-")[0] for track in seen["tracks"]} == {run}
        assert seen["snapshot"] == raised.data["alarm_id"]
        assert_picture(centre.wait_for_picture(raised.data["alarm_id"]), (576, 768))

        out = tmp_path / "now.jpg"
        done = run_cli("command", "--config", agent.config, "--key", agent.key_file, "snapshot", "--out", out)
        assert done.returncode == 0, done.stderr  # which says so if a busy machine has answered late
        assert_picture(out.read_bytes(), (576, 768))
        assert list((agent.storage / "snapshots").rglob("*.jpg")) == [], "a sent picture stays on the device"


@pytest.mark.long
def test_everything_that_people_do_in_a_closed_zone_begins_and_ends(
    tmp_path: Path, broker: Mosquitto, passing: Path
) -> None:
    day_after_tomorrow = DAYS[(datetime.now(tz=UTC).weekday() + 2) % 7]  # closed now, in every time zone
    zone = {
        "name": "street",
        "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]],
        "loitering_after_s": 0.5,
        "open": [{"days": [day_after_tomorrow], "from": "10:00", "to": "11:00"}],
    }
    camera = {
        "name": "front",
        "source": f"file:{passing}",
        "leave_after_s": 1.0,
        "cool_down_s": 1.0,
        "zones": [zone],
    }
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera]):
        # The camera process says so when the file is at its end: nothing more can come.
        centre.wait_for("event/part-degraded", lambda m: "has ended" in m.data["detail"], timeout_s=45)

        entered, left = centre.messages("event/person-entered"), centre.messages("event/person-left")
        assert {m.data.get("zone") for m in entered} == {None, "street"}
        assert in_order(m.data["event_id"] for m in left) == in_order(m.data["event_id"] for m in entered)
        for m in left:
            # The street stays empty for longer. It is told how long they were there, not how long that took.
            assert m.data["duration_ms"] <= (PEOPLE_S + 2) * 1000
        for kind in ("loitering", "after-hours"):
            told = centre.messages(f"event/{kind}")
            began = [m.data["event_id"] for m in told if m.data["phase"] == "began"]
            assert began, f"no {kind}"
            assert in_order(m.data["event_id"] for m in told if m.data["phase"] == "ended") == in_order(began)
            assert {m.data["zone"] for m in told} == {"street"}


def in_order(ids: Iterable[str]) -> list[str]:
    """In an order that can be compared, each once."""
    found = sorted(ids)
    assert len(found) == len(set(found))
    return found


@pytest.fixture
def passing(tmp_path: Path) -> Iterator[Path]:
    """Nobody in a street, then two who walk through it, then nobody."""
    ahead, behind = moves(0.75, PACE), moves(0.95, PACE)
    scene = ActingScene(
        [
            Acting(0, 0.25, lambda at_s: ahead(at_s - EMPTY_S)),
            Acting(1, 0.3, lambda at_s: behind(at_s - EMPTY_S - BEHIND_S)),
        ]
    )
    path = tmp_path / "passing.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (768, 576))
    assert writer.isOpened()
    for number in range((EMPTY_S + PEOPLE_S + EMPTY_AFTER_S) * FPS):
        writer.write(scene.at(number / FPS))
    writer.release()
    yield path
    path.unlink()


def assert_picture(jpeg: bytes, size: tuple[int, int]) -> None:
    assert len(jpeg) <= MAX_JPEG_BYTES
    assert jpeg[:2] == b"\xff\xd8"
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    height, width = pixels.shape[:2]
    assert width / height == pytest.approx(size[1] / size[0], abs=0.02)
