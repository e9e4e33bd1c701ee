"""The contract as types of TypeScript."""

import json
from collections.abc import Iterable
from typing import Any

from edge_centre.schema.catalogue import Entry, entries, key_set
from edge_centre.schema.models import Definitions, Schema

_HEAD = """\
// What an edge-agent device says and hears on MQTT. Made by `edge-centre schema`.
// Devices of later versions send more fields and more types than these: ignore what you don't know.
"""
_SIMPLE = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}


def declarations() -> str:
    """Return the text of `contract.d.ts`."""
    definitions = Definitions("#/")
    found = entries(definitions)
    key_set(definitions)
    spoken = [entry for entry in found if entry.type]
    parts = [_HEAD, _envelope(spoken[0].payload)]
    parts += [_declaration(name, schema) for name, schema in sorted(definitions.found.items())]
    parts.append(_types(spoken))
    return "\n".join(parts)


def _envelope(payload: Schema) -> str:
    """Return the envelope with its type and its data left open."""
    properties = {name: given for name, given in payload["properties"].items() if name not in {"type", "data"}}
    properties["dataschema"], properties["subject"] = {"type": "string"}, {"type": "string"}
    lines = _fields(properties, payload["required"], indent="  ")
    about = _comment(payload["description"], "")
    return f"{about}export interface Envelope<T extends string, D> {{\n{lines}  type: T;\n  data: D;\n}}\n"


def _types(spoken: Iterable[Entry]) -> str:
    rows = [
        f"{_comment(entry.when, '  ')}  {json.dumps(entry.type)}: {_type(entry.payload['properties']['data'])};\n"
        for entry in spoken
    ]
    return (
        "/** The `data` of each type. */\n"
        f"export interface DataOf {{\n{''.join(rows)}}}\n\n"
        "export type MessageType = keyof DataOf;\n\n"
        "/** Any message of this version; `type` tells which. */\n"
        "export type Message = { [T in MessageType]: Envelope<T, DataOf[T]> }[MessageType];\n"
    )


def _declaration(name: str, schema: Schema) -> str:
    about = _comment(schema.get("description", ""), "")
    if "properties" not in schema:
        return f"{about}export type {name} = {_type(schema)};\n"
    return f"{about}export interface {name} {{\n{_fields(schema['properties'], schema.get('required', ()), '  ')}}}\n"


def _fields(properties: dict[str, Schema], required: Iterable[str], indent: str) -> str:
    lines = []
    for name, given in properties.items():
        unit = f" ({given['x-unit']})" if "x-unit" in given else ""
        about = _comment(given.get("description", "") + unit, indent)
        lines.append(f"{about}{indent}{_name(name)}{'' if name in required else '?'}: {_type(given)};\n")
    return "".join(lines)


def _name(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def _comment(text: str, indent: str) -> str:
    return f"{indent}/** {text.strip()} */\n" if text.strip() else ""


def _type(schema: Schema) -> str:  # noqa: PLR0911 - one line for each form
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if "x-extensible-enum" in schema:
        return " | ".join([*(json.dumps(each) for each in schema["x-extensible-enum"]), "(string & {})"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "array":
        inner = _type(schema["items"]) if "items" in schema else "unknown"
        if schema.get("minItems", 0) == schema.get("maxItems", -1):
            return f"[{', '.join([inner] * schema['minItems'])}]"
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if kind == "object":
        return _table(schema)
    return _SIMPLE.get(str(kind), "unknown")


def _table(schema: dict[str, Any]) -> str:
    values = schema.get("additionalProperties")
    if not isinstance(values, dict):
        return "Record<string, unknown>"
    names = schema.get("propertyNames", {})
    if "$ref" in names:
        return f"Partial<Record<{_type(names)}, {_type(values)}>>"
    return f"Record<string, {_type(values)}>"
