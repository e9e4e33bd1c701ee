"""What was released stays: what the tree holds of the contract is what the models say, and only additions come."""

import json
import re
from typing import Any

import pytest

from agent.contract.messages import AlarmCamera, AlarmData, Answer
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from deploy.contract.__main__ import DIGEST, PAGE, RELEASED, digest
from deploy.contract.changes import breaking
from deploy.contract.snapshot import snapshot, text
from deploy.contract.tables import TABLES, renewed
from edge_centre.schema.asyncapi import document, schemas
from tests.support.json_schema import refusals

DOCUMENT = PAGE.read_text(encoding="utf-8")
SCHEMAS = schemas()
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)]


def test_nothing_breaks_whoever_was_built_against_the_released_contract() -> None:
    assert breaking(json.loads(RELEASED.read_text(encoding="utf-8")), document()) == []


def test_the_tree_holds_the_contract_of_the_models() -> None:
    assert RELEASED.read_text(encoding="utf-8") == text(snapshot(document())), "make contract"
    assert DIGEST.read_text(encoding="utf-8") == digest(document()), "make contract"
    assert renewed(DOCUMENT) == DOCUMENT, "make contract"


def test_the_page_has_every_table() -> None:
    assert sorted(re.findall(r"<!-- made: ([a-z-]+) -->", DOCUMENT)) == sorted(TABLES)


def schema_of(example: dict[str, Any]) -> dict[str, Any]:
    """The schema that an example of the page is of."""
    if "specversion" in example:
        return SCHEMAS[example["type"].removeprefix("edge.").rpartition(".")[0]]
    if "online" in example:
        return SCHEMAS["host-state"]
    if "keys" in example:
        return SCHEMAS["key-set"]
    if "cmd_id" in example:
        return SCHEMAS["ack"]
    name, part = ("event.loitering", "LoiteringData") if "event_id" in example else ("config", "ConfigSetArgs")
    return {"$defs": SCHEMAS[name]["$defs"], "$ref": f"#/$defs/{part}"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: next(iter(example)))
def test_every_example_of_the_page_is_valid(example: dict[str, Any]) -> None:
    assert refusals(schema_of(example), example) == []


def test_there_are_examples_on_the_page() -> None:
    assert len(EXAMPLES) >= 4


def test_the_largest_alarm_is_as_large_as_the_page_says() -> None:
    name, note = "\U0001f198" * 64, "\U0001f198" * 200
    time = "2026-01-01T00:00:00.000Z"
    answer = Answer(issuer="i" * 128, by=name, at=time, unit=name, reason="false-alarm", note=note)
    alarm = AlarmData(
        alarm_id="01a21900-ec59-7166-aa19-e977f7ba48ae",
        input="i" * 64,
        kind="panic",
        status="exercise",
        silent=False,
        press_count=10**6,
        stage=Stage.UNCONFIRMED,
        raised_at=time,
        location={"lat": -26.123456789, "lon": 28.123456789, "text": "t" * 500},
        codes={"contact_id": "120", "sia": "PA"},
        latency_ms={stage.value: 10**9 for stage in Stage},
        camera=AlarmCamera(name="c" * 64, persons=100, tracks=("5f0c2e7a-12345",) * 100, snapshot="s" * 64),
        held_by=answer,
        answered_by=dict.fromkeys(AckAction, answer),
        sent_before=answer,
        raises_again_monoms=2**53,
    )
    assert len(alarm.model_dump_json().encode()) < 16 * 1024
