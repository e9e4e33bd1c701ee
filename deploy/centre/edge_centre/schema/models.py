"""JSON Schemas of models, as their values are on the wire: what is always there, what may be missing, what may be null.

They hold for JSON Schema 2020-12 and for draft-07, which AsyncAPI's tools read.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, TypeAdapter
from typing_extensions import is_typeddict

from edge_centre.schema import docstrings

Schema = dict[str, Any]
_UNITS = {
    "_ms": "ms",
    "_s": "s",
    "seconds": "s",
    "_bytes": "bytes",
    "_bytes_per_day": "bytes a day",
    "_percent": "%",
    "_c": "°C",
    "_per_second": "1/s",
    "monoms": "ms",
}
"""By the end of a field's name."""


class Definitions:
    """The schemas of models and of all that they are made of, by name; `prefix` comes before a name in a reference."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.found: dict[str, Schema] = {}

    def add(self, model: type, *, sent: bool = False) -> Schema:
        """Add a model, and return a reference to it. `sent` to a device: what has a default may be left out."""
        template = self._prefix + "{model}"
        whole = TypeAdapter(model).json_schema(mode="validation", ref_template=template)
        parts = whole.pop("$defs", {}) | {model.__name__: whole}
        classes = {each.__name__: each for each in _made_of(model)}
        for name, schema in parts.items():
            if name not in self.found and name in classes:
                self.found[name] = _on_the_wire(schema, classes[name], sent=sent)
            elif name not in self.found:
                self.found[name] = _tidy(schema)
        return {"$ref": self._prefix + model.__name__}


def _made_of(model: type) -> Iterable[type]:
    """Every model and TypedDict inside a model, itself included."""
    found: list[type] = []
    waiting: list[Any] = [model]
    while waiting:
        each = waiting.pop()
        if isinstance(each, type) and (is_typeddict(each) or issubclass(each, BaseModel)):
            if each in found:
                continue
            found.append(each)
            hints = each.model_fields if issubclass(each, BaseModel) else each.__annotations__
            waiting += [getattr(hint, "annotation", hint) for hint in hints.values()]
        waiting += getattr(each, "__args__", ())
    return found


def _on_the_wire(schema: Schema, model: type, *, sent: bool) -> Schema:
    """Return the schema of one model with the presence and the descriptions of its fields."""
    said = docstrings.of_fields(model)
    required = set(schema.get("required", ()))
    properties = {}
    for name, given in schema.get("properties", {}).items():
        field = _tidy(given)
        if not is_typeddict(model):  # of these `None` is left out
            may_be_missing = _drop_null(field) or field.pop("x-optional", False) or (sent and name not in required)
            required = required - {name} if may_be_missing else required | {name}
            if not sent:
                field.pop("default", None)
        if name in said:
            field["description"] = said[name]
        if unit := _unit(name, field):
            field["x-unit"] = unit
        properties[name] = field
    result: Schema = {"type": "object", "description": docstrings.of_class(model), "properties": properties}
    if required:
        result["required"] = [name for name in properties if name in required]
    if schema.get("additionalProperties") is False:
        result["additionalProperties"] = False
    return result


def _drop_null(field: Schema) -> bool:
    """Take null out of what a field may be; return whether it was in it."""
    choices = field.get("anyOf", [])
    if {"type": "null"} not in choices:
        return False
    others = [choice for choice in choices if choice != {"type": "null"}]
    del field["anyOf"]
    if field.get("default", 0) is None:
        del field["default"]
    field.update(others[0] if len(others) == 1 else {"anyOf": others})
    return True


def _tidy(schema: Any) -> Any:
    """Leave out titles, and write a tuple of equal parts in the way that every draft knows."""
    if isinstance(schema, list):
        return [_tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {
        key: ({name: _tidy(field) for name, field in value.items()} if key == "properties" else _tidy(value))
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }
    if "prefixItems" in tidy:
        [tidy["items"]] = {str(each): each for each in tidy.pop("prefixItems")}.values()
    if isinstance(text := tidy.get("description"), str):
        tidy["description"] = " ".join(text.split())
    return tidy


def _unit(name: str, field: Schema) -> str:
    if field.get("type") not in {"integer", "number", "object"} or ("properties" in field and name != "latency_ms"):
        return ""
    ends = [end for end in _UNITS if name.endswith(end)]
    return _UNITS[max(ends, key=len)] if ends else ""
