"""What a form is told of the settings that may be changed from afar."""

from pathlib import Path
from typing import Any

from agent.contract import layers
from agent.contract.from_afar import ALLOWED
from agent.settings import Settings, load
from agent.settings.afar import apply
from agent.settings.form import form
from tests.settings.test_file import GOOD

CAMERAS = """\
[[cameras]]
name = "front"
source = "rtsp://admin:hunter2@10.0.0.5/stream?user=admin&password=hunter2"
threads = 3
[[cameras]]
name = "back"
source = "picamera2:1"
"""


def rows_of(directory: Path, layer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    file = directory / "edge-agent.toml"
    file.write_text(GOOD + CAMERAS)
    files = layers.read(file)[0]
    settings: Settings = apply(files, layer, "the settings from afar") if layer else load(file, {})
    return {row.pop("path"): row for row in form(files, layer, settings)}


def test_every_setting_that_may_be_changed_is_told_but_what_is_drawn(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, {})
    told = {path.replace(".front.", ".").replace(".back.", ".") for path in rows}
    drawn = {"cameras.zones", "cameras.lines", "cameras.masks"}
    has_no_place = set() if "location" in GOOD else {"device.location.text"}
    of_office = {"evidence.recipient", "evidence.max_age_days"}
    assert told == set(ALLOWED) - drawn - of_office - has_no_place
    assert rows["cameras.front.smallest_person"] == {
        "meaning": "who is too far away to report",
        "value": 0.07,
        "hidden": False,
        "type": "number",
        "least": 0,
        "below": 1,
        "two": False,
        "from": "default",
    }
    assert rows["mqtt.brokers"]["type"] == rows["mqtt.interfaces"]["type"] == "texts"
    assert (rows["self_test.at"]["type"], rows["self_test.at"]["value"]) == ("time", "03:00:00+02:00")
    threads = rows["cameras.front.threads"]
    assert (threads["type"], threads["least"], threads["most"]) == ("whole", 1, 16)


def test_it_is_told_where_a_setting_is_set(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, {"health": {"interval_s": 20}, "cameras": [{"name": "back", "threads": 4}]})
    wanted = {"health.interval_s": "change", "cameras.back.threads": "change", "cameras.front.threads": "file"}
    assert {path: rows[path]["from"] for path in wanted} == wanted
    assert rows["cameras.back.cool_down_s"]["from"] == "default"
    assert (rows["cameras.back.threads"]["value"], rows["health.interval_s"]["value"]) == (4, 20)


def test_no_login_leaves_the_device(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, {})
    assert "hunter2" not in str(rows)
    source = rows["cameras.front.source"]
    assert (source["value"], source["hidden"]) == ("rtsp://***@10.0.0.5/stream?user=***&password=***", True)
    assert rows["cameras.back.source"]["hidden"] is False
