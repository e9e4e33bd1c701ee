"""Nothing that leaves the device or stays on it could tell who somebody is (POPIA sections 1 and 26)."""

import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agent.core.camera.masks import LEVEL
from agent.core.polygon import Polygon
from agent.ports import Detection
from agent.vision.tracker import Tracker
from tests.support.agent_process import BUTTON, TREE, AgentProcess, run_cli
from tests.support.centre import Centre
from tests.support.judged_fields import ASK, BOX, FREE, JUDGED, NAMED_BY_THE_SITE
from tests.support.mosquitto import Mosquitto
from tests.support.vision_media import demo_video
from tests.support.wait import wait_for

pytestmark = pytest.mark.eyes

CROSSING = [(0.0, 0.1), (0.55, 0.05), (0.65, 1.0), (0.0, 1.0)]
"""Where most people of the demo video walk: see tests/vision/test_masked_people.py."""
EDGE = 0.04
"""Share of the picture's width. Half a person is about as wide."""
TABLES = {
    "messages": {
        *("ord", "rank", "topic", "payload", "qos", "retain", "expiry_s", "alarm_id", "correlation", "boot_id"),
        *("created_ns", "created_unix_ms", "record"),
    },
    "record": {"number", "topic", "payload", "expiry_s", "created_unix_ms"},
    "state": {"key", "value"},
}
STATE_KEYS = (
    *(
        "alarm/",
        "bdseq",
        "echoed",
        "snapshot/",
        "boot",
        "ceiling",
        "clean",
        "command/",
        "epoch",
        "ctr/",
        "cut",
        "ord",
        "record",
        "self-test/",
        "seq",
        "siren/",
    ),
)
ASK_HERE = "ask whether it tells who somebody is (POPIA section 26), then add it to this file"


def test_a_track_number_means_another_person_after_a_restart() -> None:
    left, right = Detection(10, 100, 40, 120, 0.9), Detection(600, 100, 40, 120, 0.9)

    def run(*order: Detection) -> dict[float, int]:
        """Who has which number, by the left edge of their box, when they came in this order."""
        tracker = Tracker(0.5)
        for look in range(60):
            tracker.expect(look * 100_000_000)
            tracker.update(order[:1] if look < 30 else order, lambda _: True, 768, 576)
        return {round(track.box[0]): track.id for track in tracker.tracks if track.real}

    before, after = run(left, right), run(right, left)
    assert set(before) == set(after) == {10, 600}
    assert set(before.values()) == set(after.values()), "each run counts anew"
    assert before != after, "the same place and looks give no claim to the same number"


def field_names(value: Any, *, named: bool = False) -> Iterator[str]:
    """Every name in a message, but for those that the site gave."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if not named:
                yield name
            if not (name in FREE and isinstance(inner, dict)):
                yield from field_names(inner, named=name in NAMED_BY_THE_SITE and not named)
    elif isinstance(value, list):
        for inner in value:
            yield from field_names(inner)


def vectors(value: Any) -> Iterator[Any]:
    """What is long enough to hold features of a person: numbers in a row, or a string that may encode them."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from vectors(inner)
    elif isinstance(value, list):
        if len(value) > BOX and all(isinstance(inner, int | float) for inner in value):
            yield value
        for inner in value:
            yield from vectors(inner)
    elif isinstance(value, str) and len(value) > 300 and " " not in value:
        yield value


def check_message(payload: bytes) -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(payload)
    assert set(field_names(envelope)) - JUDGED == set(), f"{envelope['type']}: {ASK}"
    assert list(vectors(envelope)) == [], envelope["type"]
    return envelope


def check_place(envelope: dict[str, Any]) -> None:
    """Nobody is reported where the mask is.

    Of a person at its edge the visible half is seen, and the middle of their box may lie a little behind that edge.
    """
    for box in boxes(envelope["data"]):
        left, top, width, height = box
        for y in (top + height / 2, top + height):
            assert not Polygon(CROSSING).contains((left + width / 2 + EDGE, y)), envelope


def boxes(value: Any) -> Iterator[list[float]]:
    if isinstance(value, dict):
        if "box" in value:
            yield value["box"]
        for inner in value.values():
            yield from boxes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from boxes(inner)


def check_picture(jpeg: bytes) -> None:
    """The crossing is one grey, the rest is a scene, and the file says nothing but the picture."""
    pixels = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), int)
    height, width = pixels.shape[:2]
    area = np.zeros((height, width), np.uint8)
    cv2.fillPoly(area, [np.rint(np.array(CROSSING) * (width, height)).astype(np.int32)], 1)
    seen = cv2.erode(area, np.ones((33, 33)), borderValue=1) == 1  # whole blocks of the JPEG, and no border
    assert seen.mean() > 0.4
    assert abs(pixels[seen] - LEVEL).max() <= 3
    assert abs(pixels[area == 1] - LEVEL).mean() <= 2, "more shines through at the border than a JPEG blurs"
    assert pixels[area == 0].std() > 20
    assert b"Exif" not in jpeg
    assert b"http" not in jpeg


def check_database(path: Path) -> int:
    """Only known tables, columns and keys, and every message in it is as those on the wire; returns their number."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert names == set(TABLES), f"{path.name}: {ASK_HERE}"
        for name in names:
            columns = {row[1] for row in database.execute(f"PRAGMA table_info({name})")}
            assert columns == TABLES[name], f"{path.name}, {name}: {ASK_HERE}"
        rows = database.execute("SELECT topic, payload FROM messages").fetchall()
        recorded = database.execute("SELECT topic, payload FROM record").fetchall()
        kept = database.execute("SELECT key, value FROM state").fetchall()
    database.close()
    assert not any("/up/snapshot/" in topic for topic, _ in recorded)
    for topic, payload in rows + recorded:
        if "/up/snapshot/" in topic:
            check_picture(payload)
        else:
            check_place(check_message(payload))
    for key, value in kept:
        assert key.startswith(STATE_KEYS), f"{path.name} keeps {key}: {ASK_HERE}"
        if value.startswith("{"):
            assert list(vectors(json.loads(value))) == []
    return len(rows)


def check_scene(path: Path) -> None:
    """The place as the mean of a minute, in which a person is a few grey points; nothing of what is masked. And how
    sharp each of 48 fields of it is."""
    with np.load(path, allow_pickle=False) as kept:
        shapes = {"coarse": (60, 80), "sharpness": (6, 8), "saturated": (), "shape": (3,)}
        assert {name: kept[name].shape for name in kept} == shapes
        area = np.zeros((60, 80), np.uint8)
        cv2.fillPoly(area, [np.rint(np.array(CROSSING) * (80, 60)).astype(np.int32)], 1)
        seen = cv2.erode(area, np.ones((5, 5)), borderValue=1) == 1
        assert (kept["coarse"][seen] == LEVEL).all()


def check_files(directory: Path) -> int:
    """Only files of known kinds; returns how many messages the databases hold."""
    messages = 0
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        mode = path.stat().st_mode
        match name:
            case "alarms.db" | "telemetry.db":
                messages += check_database(path)
            case "alarms.db-wal" | "alarms.db-shm" | "telemetry.db-wal" | "telemetry.db-shm":
                pass  # read with their database
            case "agent.lock" | "seq.ceiling" | "sim-contacts.json":
                assert path.stat().st_size < 1000
            case "reserve":
                assert not any(path.read_bytes())
            case "sim.sock":
                assert stat.S_ISSOCK(mode)
            case "snapshots/front/front.scene":
                check_scene(path)
            case "snapshots" | "snapshots/front":
                assert stat.S_ISDIR(mode)
            case _ if path.suffix == ".jpg" and path.parent.name == "front":
                check_picture(path.read_bytes())
            case _:
                pytest.fail(f"the agent has left {name}, a kind of file that nobody has judged: {ASK_HERE}")
    return messages


def check_run(directory: Path) -> None:
    """In memory: the black box, and which parts work, which is less than the health message tells. The tap keeps
    nothing, and tells the agent's own group alone what brokers are told."""
    names = {path.name for path in directory.iterdir()} - {"status.new"}
    assert names == {"black-box", "status.json", "tap.sock"}, ASK_HERE
    tap = (directory / "tap.sock").stat().st_mode
    assert stat.S_ISSOCK(tap)
    assert not stat.S_IMODE(tap) & 0o007
    status = json.loads((directory / "status.json").read_text())
    assert set(status) == {"boottime_ns", "pid", "parts", "cameras", "uploads", "data", "settings"}, ASK_HERE
    assert status["uploads"] is status["data"] is None  # else sizes and counts, as health tells
    for part in status["parts"].values():
        assert set(part) == {"ok", "detail", "transient"}, ASK_HERE
    assert set(field_names(status["cameras"]["front"])) - JUDGED == set(), ASK_HERE
    assert list(vectors(status)) == []


@pytest.mark.long
def test_a_day_in_the_street_leaves_nothing_that_tells_who_was_there(tmp_path: Path, broker: Mosquitto) -> None:
    masks = tmp_path / "front.json"
    masks.write_text(json.dumps({"version": 1, "masks": [{"name": "crossing", "polygon": CROSSING}]}))
    camera = {
        "name": "front",
        "source": f"file:{demo_video()}?loop=1",
        "mask_file": str(masks),
        "event_snapshots": True,
        "score_threshold": 0.3,
    }
    buttons = [BUTTON, {**BUTTON, "name": "medical", "pin": 24}]
    with (
        Centre(broker.port) as centre,
        AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera], buttons=buttons) as agent,
    ):
        entered = centre.wait_for("event/person-entered", timeout_s=60)
        agent.press()
        alarm = centre.wait_for_alarm("raised")
        done = run_cli("command", "--config", agent.config, "--key", agent.key_file, "snapshot")
        assert done.returncode == 0, done.stderr
        for picture in (entered.data["snapshot"], alarm.data["camera"]["snapshot"]):
            centre.wait_for_picture(picture)
        # A good part of the scene, in which many people walk through the mask.
        centre.wait_for("health", lambda m: m.data["cameras"].get("front", {}).get("frames", 0) >= 100, timeout_s=200)
        meta = centre.wait_for("meta")

        # Nobody takes the next ones, so they stay on the disk.
        broker.stop()
        agent.press("medical")
        waiting = agent.storage / "alarms.db"
        wait_for(lambda: rows(waiting, "/up/alarm/") and rows(agent.storage / "telemetry.db", "/up/snapshot/"), 60)
        agent.kill()

        heard = centre.subscriber.heard
        pictures = [each.payload for each in heard if each.topic.startswith(f"{TREE}/up/snapshot/")]
        messages = [check_message(each.payload) for each in heard if "/up/snapshot/" not in each.topic]
        assert len(pictures) >= 3
        assert {message["type"] for message in messages} >= {"edge.alarm.raised.v1", "edge.health.v1", "edge.meta.v1"}
        assert meta.data["cameras"][0]["masks"] == 1
        for message in messages:
            check_place(message)
        for picture in pictures:
            check_picture(picture)
        assert check_files(agent.storage) > 0
        check_run(tmp_path / "kiosk" / "run")


def rows(path: Path, topic: str) -> int:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(database.execute("SELECT count(*) FROM messages WHERE topic LIKE ?", [f"%{topic}%"]).fetchone()[0])
    finally:
        database.close()
