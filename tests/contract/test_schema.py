"""The documents for other programs say what the device really sends."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from agent.contract.commands import TABLE as COMMANDS
from agent.contract.commands import Role
from agent.contract.envelope import MessageFactory, Stamp, seal
from agent.contract.kinds import TYPES
from agent.contract.messages import Draft, ResultData
from agent.contract.security import SECURITY
from agent.trust.jose_keys import PrivateKey
from edge_centre.cli import schema as command
from edge_centre.schema.asyncapi import document, schemas
from edge_centre.schema.examples import EXAMPLES
from edge_centre.schema.files import files
from edge_centre.schema.models import Definitions
from tests.support.json_schema import refusals
from tests.support.message_table import IDENTITY, IDS, TABLE

SCHEMAS = schemas()
UUID = "01a21900-ec5a-7096-b79d-a845c49ab566"


def name_of(type_: str) -> str:
    return type_.removeprefix("edge.").rpartition(".")[0]


def faults(message: dict[str, Any]) -> list[str]:
    return refusals(SCHEMAS[name_of(message["type"])], message)


def sealed(draft: Draft, **changes: Any) -> dict[str, Any]:
    stamp = Stamp(UUID, 7, "2026-01-02T03:04:05.006Z", 1, "holdover", "of-then")._replace(**changes)
    message: dict[str, Any] = json.loads(seal(draft, IDENTITY.source, UUID, stamp, "7c2bca8f"))
    return message


ENVELOPES = [row[0] for row in TABLE if row[2]]
ENVELOPE_IDS = [name for row, name in zip(TABLE, IDS, strict=True) if row[2]]


@pytest.mark.parametrize("make", ENVELOPES, ids=ENVELOPE_IDS)
def test_what_the_factory_makes_is_valid(make: Callable[[MessageFactory], Draft]) -> None:
    message = sealed(make(MessageFactory(IDENTITY)))
    if message["type"] == "edge.security.boot.v1":
        message["data"]["detail"] = {"simulated": True, "boot_id": UUID}
    assert faults(message) == []


@pytest.mark.parametrize("make", ENVELOPES, ids=ENVELOPE_IDS)
def test_a_field_that_is_said_to_be_there_always_may_not_be_missing_and_one_of_a_later_version_may_come(
    make: Callable[[MessageFactory], Draft],
) -> None:
    message = sealed(make(MessageFactory(IDENTITY)))
    message["data"].setdefault("detail", {})
    known = len(faults(message))
    message["of_later"] = message["data"]["of_later"] = {"a": [1]}
    assert len(faults(message)) == known
    del message["data"]["historical"]
    assert len(faults(message)) == known + 1


def test_there_is_a_schema_for_every_type_and_every_command() -> None:
    kinds = {*map(name_of, TYPES), *(f"security.{kind}" for kind in SECURITY)}
    commands = {"ack", *(f"command.{name}" for name in COMMANDS if name != "ack")}
    assert set(SCHEMAS) == kinds | commands | {"config", "keys", "host-state", "key-set"}


def test_a_wrong_type_format_or_value_is_found() -> None:
    message = sealed(next(make for make in ENVELOPES)(MessageFactory(IDENTITY)))
    for path, value in (("press_count", "1"), ("stage", "lost"), ("codes", {"sia": "PA"}), ("kind", 3)):
        wrong = {**message, "data": {**message["data"], path: value}}
        assert len(faults(wrong)) == 1, path
    assert faults({**message, "subject": "alarm"}) != []
    assert faults({**message, "source": "/edge/kiosk"}) != []


def test_a_command_that_somebody_calls_unknown_is_not_taken_for_one_that_can_not_be_read() -> None:
    data = {"command_id": "c1", "name": "unknown", "status": "rejected", "code": "unknown-command", "text": ""}
    factory = MessageFactory(IDENTITY)
    assert faults(sealed(factory.result(ResultData.model_validate(data)))) == []
    unread = sealed(factory.result(ResultData.model_validate(data | {"command_id": "unknown"})))
    assert faults(unread) == ["$.data.output: 'sha256' is a required property"]


def test_null_is_told_only_where_the_device_says_null() -> None:
    definitions = document()["components"]["schemas"]
    nullable = {
        f"{name}.{field}"
        for name, schema in definitions.items()
        for field, given in schema.get("properties", {}).items()
        if {"type": "null"} in given.get("anyOf", [])
    }
    assert nullable == {"CameraHealth.frame_age_ms", "ConditionHealth.active", "TestModeDetail.input"}


def test_every_field_has_a_type() -> None:
    untyped = [
        f"{name}.{field}"
        for name, schema in document()["components"]["schemas"].items()
        for field, given in schema.get("properties", {}).items()
        if not {"type", "$ref", "anyOf", "const", "enum"} & set(given)
    ]
    assert untyped == []


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(document())
    known = document()["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(known)
    for name, schema in SCHEMAS.items():
        assert set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema))) == set(schema["$defs"]), name


def test_a_field_of_an_earlier_models_base_is_described_too() -> None:
    from agent.contract.security import ConfigRefusedDetail  # noqa: PLC0415

    definitions = Definitions("#/")
    definitions.add(ConfigRefusedDetail)
    assert set(definitions.found["ConfigRefusedDetail"]["required"]) == {"revision", "issuer", "code"}


def test_the_command_writes_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import argparse  # noqa: PLC0415

    assert command.run(argparse.Namespace(out=tmp_path / "out")) == 0
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == set(files())
    assert len(capsys.readouterr().out.splitlines()) == len(written)


def test_the_page_stands_alone() -> None:
    page = files()["index.html"]
    assert re.findall(r"<script|\bsrc=|@import|url\(|https?://", page) == []
    ids = re.findall(r"id='([^']+)'", page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"href='#([^']+)'", page)) <= set(ids)


def test_the_types_of_typescript_name_every_type() -> None:
    text = files()["contract.d.ts"]
    assert [type_ for type_ in TYPES if f'  "{type_}": ' not in text] == []
    assert text.count("{") == text.count("}")
    assert re.findall(r"^ +.*: unknown;|unknown\[\]", text, re.MULTILINE) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_valid(name: str) -> None:
    assert refusals(SCHEMAS[name], EXAMPLES[name]) == []


@pytest.mark.parametrize("role", get_args(Role))
def test_a_key_that_keygen_makes_is_one_that_the_schemas_take(role: str) -> None:
    jwk = PrivateKey.generate(role).public().as_jwk()
    for name, value in (("key-set", {"keys": [jwk]}), ("command.keys-set", claims(revision=1, keys=[jwk]))):
        assert refusals(SCHEMAS[name], value) == []
        assert refusals(SCHEMAS[name], json.loads(json.dumps(value).replace("OKP", "EC"))) != []


def claims(**args: Any) -> dict[str, Any]:
    return {**EXAMPLES["command.ping"], "name": "keys-set", "args": args}


def test_there_is_an_example_of_everything_that_a_device_says() -> None:
    assert {*map(name_of, TYPES), *(f"security.{kind}" for kind in SECURITY)} - set(EXAMPLES) == set()
