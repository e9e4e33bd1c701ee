"""Only additions pass."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.contract import __main__ as program
from deploy.contract.changes import breaking
from deploy.contract.snapshot import snapshot, text
from edge_centre.schema.asyncapi import document

NOW = document()
RELEASED = json.loads(text(snapshot(NOW)))
Change = Callable[[dict[str, Any]], object]


def schema(doc: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = doc["components"]["schemas"][name]
    return found


def data(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda doc: schema(doc, name)["properties"]


def changed(change: Change) -> dict[str, Any]:
    doc = copy.deepcopy(NOW)
    change(doc)
    return doc


def a_new_type(doc: dict[str, Any]) -> None:
    doc["components"]["messages"]["event.lift-stuck"] = doc["components"]["messages"]["event.power"]
    doc["channels"]["up.event.lift-stuck"] = {
        "address": "edge/v1/{province}/{site}/{device}/up/event/lift-stuck",
        "messages": {"event.lift-stuck": {"$ref": "#/components/messages/event.lift-stuck"}},
    }
    doc["operations"]["up.event.lift-stuck"] = doc["operations"]["up.event.power"]


def binding(doc: dict[str, Any], operation: str) -> dict[str, Any]:
    found: dict[str, Any] = doc["operations"][operation]["bindings"]["mqtt"]
    return found


ADDITIONS: list[tuple[str, Change]] = [
    ("nothing", lambda doc: None),
    ("a new optional field of a message", lambda doc: data("AlarmData")(doc).update(floor={"type": "integer"})),
    ("a new optional field inside", lambda doc: data("CameraHealth")(doc).update(iso={"type": "integer"})),
    ("a new optional argument", lambda doc: data("SnapshotArgs")(doc).update(size={"type": "integer"})),
    ("a new value of an open list", lambda doc: data("ResultData")(doc)["code"]["x-extensible-enum"].append("tired")),
    ("a new value of what is sent to the device", lambda doc: data("AckArgs")(doc)["reason"]["enum"].append("moved")),
    ("a new type", a_new_type),
    ("what a broker keeps now", lambda doc: binding(doc, "up.event.power").update(retain=True)),
    ("another description", lambda doc: data("AlarmData")(doc)["input"].update(description="The button.")),
    ("an argument that may be left out now", lambda doc: schema(doc, "ConfigSetArgs")["required"].remove("changes")),
]
BREAKS: list[tuple[str, Change, str]] = [
    ("what no broker keeps any more", lambda doc: binding(doc, "up.meta").update(retain=False), "up.meta"),
    ("less certain delivery", lambda doc: binding(doc, "up.event.power").update(retain=True, qos=0), "up.event.power"),
    ("a removed field", lambda doc: data("AlarmData")(doc).pop("codes"), "alarm.raised.data.codes"),
    ("a removed field of every message", lambda doc: data("Envelope")(doc).pop("seq"), "alarm.raised.seq"),
    ("another form of every security event", lambda doc: data("SecurityData")(doc).pop("text"), "security.renamed"),
    ("a claim that must be given", lambda doc: schema(doc, "Claims")["required"].append("boot_nonce"), "boot_nonce"),
    ("a field that is not always there", lambda doc: schema(doc, "AlarmData")["required"].remove("stage"), "stage"),
    ("another type", lambda doc: data("AlarmData")(doc)["press_count"].update(type="string"), "press_count"),
    (
        "a null that was none",
        lambda doc: data("ActiveTamper")(doc).update(since={"anyOf": [{"type": "null"}]}),
        "since",
    ),
    ("another format", lambda doc: data("AlarmData")(doc)["raised_at"].pop("format"), "raised_at"),
    ("a new value of a closed list", lambda doc: schema(doc, "Stage")["enum"].append("lost"), "stage"),
    (
        "a new field that devices of the version before don't send",
        lambda doc: (
            data("AlarmData")(doc).update(floor={"type": "integer"}),
            schema(doc, "AlarmData")["required"].append("floor"),
        ),
        "MAY_BE_MISSING",
    ),
    ("a removed argument", lambda doc: data("SnapshotArgs")(doc).pop("camera"), "camera"),
    ("an argument that must be given now", lambda doc: schema(doc, "AckArgs")["required"].append("by"), "by"),
    ("a value that is not taken any more", lambda doc: data("AckArgs")(doc)["reason"]["enum"].pop(), "other"),
    ("a lower limit", lambda doc: data("IdentifyArgs")(doc)["seconds"].update(maximum=30), "seconds"),
    ("fewer in a list", lambda doc: data("KeysSetArgs")(doc)["keys"].update(maxItems=9), "keys"),
    ("a longer box", lambda doc: data("LoiteringData")(doc)["box"].update(minItems=5, maxItems=5), "box"),
    ("another default", lambda doc: data("IdentifyArgs")(doc)["seconds"].update(default=60.0), "seconds"),
    (
        "another coding of a payload",
        lambda doc: doc["components"]["messages"]["health"].update(contentType="application/cbor"),
        "health",
    ),
    (
        "a code whose output is no longer promised",
        lambda doc: schema(doc, "ResultData")["allOf"][0]["if"]["properties"]["code"]["enum"].remove("not-durable"),
        "not-durable",
    ),
    ("a removed type", lambda doc: doc["operations"].pop("up.event.power"), "up.event.power"),
    ("another topic", lambda doc: doc["channels"]["up.health"].update(address="edge/v1/health"), "up.health"),
    ("another QoS", lambda doc: doc["operations"]["up.alarm"]["bindings"]["mqtt"].update(qos=0), "up.alarm"),
    ("another form of an output", lambda doc: data("PingOutput")(doc).pop("time"), "output"),
    ("another form of an entry", lambda doc: data("ButtonHealth")(doc).pop("presses"), "inputs"),
    (
        "an alternative that is new",
        lambda doc: data("CameraTamperData")(doc)["codes"]["anyOf"].append({"type": "null"}),
        "codes",
    ),
]


@pytest.mark.parametrize("change", [row[1] for row in ADDITIONS], ids=[row[0] for row in ADDITIONS])
def test_an_addition_passes(change: Change) -> None:
    assert breaking(RELEASED, changed(change)) == []


@pytest.mark.parametrize(("change", "named"), [row[1:] for row in BREAKS], ids=[row[0] for row in BREAKS])
def test_any_other_change_is_refused_and_named(change: Change, named: str) -> None:
    found = breaking(RELEASED, changed(change))
    assert found == breaking(NOW, changed(change)), "the snapshot says what the whole document says"
    assert found
    assert any(named in line for line in found), found


def test_the_snapshot_is_not_renewed_over_a_change_that_breaks_somebody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    released = tmp_path / "released.json"
    released.write_text(text(snapshot(changed(lambda doc: data("AlarmData")(doc).update(gone={"type": "string"})))))
    before = released.read_text()
    monkeypatch.setattr(program, "RELEASED", released)
    assert program.main() == 1
    assert released.read_text() == before
    assert "gone: the field is gone" in capsys.readouterr().out


def test_an_added_field_is_a_line_of_the_snapshot() -> None:
    def lines(doc: dict[str, Any]) -> set[str]:
        return {line.rstrip("},") for line in text(snapshot(doc)).splitlines()}

    after = changed(lambda doc: data("AlarmData")(doc).update(floor={"type": "integer"}))
    assert lines(after) - lines(NOW) == {'  "floor": {"type": "integer"'}


def test_a_release_has_the_whole_document_and_its_digest(tmp_path: Path) -> None:
    assert json.loads(program.write(tmp_path / "dist").read_text()) == NOW
    subprocess.run(["sha256sum", "--check", "--quiet", program.DIGEST.name], cwd=tmp_path / "dist", check=True)
