"""What of an AsyncAPI document `changes.breaking` reads, with a line for each field: `docs/contract/released.json`.

Nothing else of the document is in it: no description, no example.
"""

import json
from typing import Any

from deploy.contract.changes import LIMITS, Document

_KEPT = (*LIMITS, "$ref", "type", "enum", "x-extensible-enum", "required")
_WIDTH = 240
"""A schema that is no longer than this stays on one line."""


def snapshot(document: Document) -> Document:
    """Return the part of a document that a later one may not break. It is a document for `breaking` too."""
    parts = document["components"]
    return {
        "operations": {
            name: {key: each[key] for key in ("action", "bindings")} for name, each in document["operations"].items()
        },
        "channels": {
            name: {"address": each["address"], "messages": {key: {} for key in each["messages"]}}
            for name, each in document["channels"].items()
        },
        "components": {
            "messages": {
                name: {"contentType": each["contentType"]}
                | {part: _schema(each[part]) for part in ("payload", "x-claims") if part in each}
                for name, each in parts["messages"].items()
            },
            "schemas": {name: _schema(each) for name, each in parts["schemas"].items()},
        },
    }


def text(found: Document) -> str:
    """Return a snapshot as JSON: a line for each channel, operation, message, and field of a longer schema."""
    parts = found["components"]
    rooms = [
        *(f"{json.dumps(room)}: {_lines(found[room])}" for room in ("operations", "channels")),
        f'"components": {{\n"messages": {_lines(parts["messages"])},\n"schemas": {_lines(parts["schemas"])}\n}}',
    ]
    return "{\n" + ",\n".join(rooms) + "\n}\n"


def _lines(each: Document) -> str:
    return "{\n" + ",\n".join(f" {json.dumps(name)}: {_row(value)}" for name, value in each.items()) + "\n}"


def _row(value: Document) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= _WIDTH or not value.get("properties"):
        return line
    rest = json.dumps({key: each for key, each in value.items() if key != "properties"}, ensure_ascii=False)
    fields = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(each, ensure_ascii=False)}" for name, each in value["properties"].items()
    )
    return f'{rest[:-1]}, "properties": {{\n{fields}}}}}'


def _schema(given: Any) -> Any:
    if not isinstance(given, dict):  # what `additionalProperties` may be too
        return given
    kept = {key: value for key, value in given.items() if key in _KEPT}
    kept |= {key: _schema(given[key]) for key in ("items", "additionalProperties", "if", "then") if key in given}
    kept |= {key: [_schema(each) for each in given[key]] for key in ("anyOf", "allOf") if key in given}
    if "properties" in given:
        kept["properties"] = {name: _schema(each) for name, each in given["properties"].items()}
    return kept
