"""The contract as an AsyncAPI 3.0.0 document and as JSON Schemas of their own.

3.1 exists, but the parser that most tools use does not read it yet.
"""

import re
from typing import Any

from agent.contract.commands import Claims
from agent.contract.messages import SecurityData
from edge_centre.schema.catalogue import Entry, entries, envelope, key_set
from edge_centre.schema.examples import EXAMPLES
from edge_centre.schema.models import Definitions, Schema

VERSION = "1.0.0"
"""Of the contract: the first number rises when a type gets a new version."""
_MQTT = "0.2.0"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ABOUT = {
    "province": "A part of the device's name.",
    "site": "A part of the device's name.",
    "device": "A part of the device's name.",
    "centre": "The name of a command centre.",
    "camera": "The name of the camera.",
    "input": "The name of the button.",
    "id": "The `snapshot` of an alarm or an event, or the `cmd_id` of a snapshot command.",
    "command-id": "The `cmd_id` of the command.",
    "alarm-id": "The `alarm_id`.",
}
_TITLE = "edge-agent: panic kiosks and cameras"
_DESCRIPTION = (
    "What a device says and hears on MQTT. The root of its topics is `edge/v1` unless its settings say otherwise."
    " Ignore fields and types that you don't know. The rules for a subscriber are in docs/contract.md."
)


def document() -> dict[str, Any]:
    """Return the AsyncAPI document. The application is the device: it sends and receives."""
    definitions = Definitions("#/components/schemas/")
    found = entries(definitions)
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for entry in found:
        name = _channel(entry.address)
        channel = channels.setdefault(name, {"address": entry.address, "messages": {}})
        if parameters := re.findall(r"\{([a-z-]+)\}", entry.address):
            channel["parameters"] = {each: {"description": _ABOUT[each]} for each in parameters}
        channel["messages"][entry.name] = {"$ref": f"#/components/messages/{entry.name}"}
        operations.setdefault(name, _operation(entry, name))["messages"].append(
            {"$ref": f"#/channels/{name}/messages/{entry.name}"}
        )
    key_set(definitions)
    known = definitions.found
    whole = envelope(definitions)
    messages = {entry.name: _message(entry) for entry in found}
    for entry in found:
        if entry.type:
            messages[entry.name]["payload"] = _beyond(whole, known, entry.payload)
    general, claims = definitions.add(SecurityData), definitions.add(Claims, sent=True)
    for name, schema in known.items():
        if name.endswith("Security"):
            known[name] = _beyond(general, known, schema)
        elif name.endswith("Claims") and name != Claims.__name__:
            known[name] = _beyond(claims, known, schema)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": _TITLE,
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": dict(sorted(known.items())),
        },
    }


def schemas() -> dict[str, Schema]:
    """Return one JSON Schema (2020-12) for each message, command and document, by name."""
    definitions = Definitions("#/$defs/")
    found = entries(definitions)
    roots = {entry.name: entry.claims or entry.payload for entry in found if entry.content_type != "image/jpeg"}
    roots["key-set"] = key_set(definitions)
    about = {entry.name: entry.when for entry in found}
    return {name: _alone(name, schema, about.get(name, ""), definitions.found) for name, schema in roots.items()}


def _beyond(general: Schema, known: dict[str, Schema], schema: Schema) -> Schema:
    """Return a schema as what it says beyond a more general one: else every type would say the whole envelope again."""
    base = known[general["$ref"].rpartition("/")[2]]
    own = {name: given for name, given in schema["properties"].items() if base["properties"].get(name) != given}
    required = [name for name in schema["required"] if name not in base["required"]]
    about = {"description": schema["description"]} if schema["description"] != base["description"] else {}
    parts = {"type": "object", **about, "allOf": [general], "properties": own}
    return {**parts, "required": required} if required else parts


def _alone(name: str, schema: Schema, about: str, known: dict[str, Schema]) -> Schema:
    """Return a schema that stands by itself, with all that it refers to."""
    needed: dict[str, Schema] = {}
    waiting: list[Any] = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
            target = str(each.get("$ref", "")).rpartition("/")[2]
            if target and target not in needed:
                needed[target] = known[target]
                waiting.append(known[target])
    head = {"$schema": _DRAFT, "$id": f"urn:edge-agent:contract:{name}", **({"title": about} if about else {})}
    return {**head, **schema, "$defs": dict(sorted(needed.items()))}


def _channel(address: str) -> str:
    """Return a name for a channel: its levels below the device, without parameters."""
    below = address.removeprefix("edge/v1/").removeprefix("{province}/{site}/{device}/")
    return ".".join(level for level in below.split("/") if not level.startswith("{"))


def _operation(entry: Entry, channel: str) -> dict[str, Any]:
    delivery: dict[str, Any] = {"qos": entry.qos, "retain": entry.retain}
    answer = {"reply": {"channel": {"$ref": "#/channels/up.result"}}} if entry.claims is not None else {}
    if entry.expiry_s is not None:
        delivery["messageExpiryInterval"] = entry.expiry_s
    return {
        "action": "send" if entry.is_sent else "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": entry.when,
        "messages": [],
        **answer,
        "bindings": {"mqtt": {**delivery, "bindingVersion": _MQTT}},
    }


def _message(entry: Entry) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": entry.type or entry.name,
        "title": entry.name,
        "summary": entry.when,
        "contentType": entry.content_type,
        "payload": entry.payload,
        "bindings": {"mqtt": {"contentType": entry.content_type, "bindingVersion": _MQTT}},
    }
    if entry.claims is not None:
        message["x-claims"] = entry.claims
    if entry.name in EXAMPLES and entry.claims is None:
        message["examples"] = [{"payload": EXAMPLES[entry.name]}]
    return message
