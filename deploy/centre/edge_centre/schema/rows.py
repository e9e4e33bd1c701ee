"""Rows of tables for people: each field of a message, with what is to be known of it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from edge_centre.schema.models import Schema

_FORMATS = {"date-time": "time", "uuid": "UUID"}
_LIMITS = {"exclusiveMinimum": "above {:g}", "maximum": "at most {:g}", "maxLength": "at most {} characters"}
_COUNT = {"type", "minimum"}
"""What a mere count says of itself: a table of counts is told in one row."""


class Row(NamedTuple):
    """One field."""

    field: str
    """Its name; a field of an object inside has the outer names before it, with dots, and `[]` after a list's."""
    type: str
    presence: str
    unit: str
    meaning: str
    """With `code` in backticks."""


def rows(schema: Schema, known: dict[str, Schema], before: str = "") -> Iterator[Row]:
    """Yield the fields of an object, and of the objects inside it that no table of their own has."""
    for name, given in schema.get("properties", {}).items():
        field = before + name
        inner = _resolved(given, known)
        presence = "always" if name in schema.get("required", ()) else "optional"
        yield Row(field, kind(given, known), presence, given.get("x-unit", ""), _meaning(given, inner))
        yield from _inside(field, inner, known)


def _inside(field: str, inner: Schema, known: dict[str, Schema]) -> Iterator[Row]:
    values = inner.get("items") if inner.get("type") == "array" else inner.get("additionalProperties")
    if isinstance(values, dict):
        step = "[]" if inner.get("type") == "array" else ".*"
        yield from _either([each for each in _choices(values, known) if "properties" in each], known, f"{field}{step}.")
    elif "x-unit" not in inner and not all(set(each) <= _COUNT for each in inner.get("properties", {}).values()):
        yield from rows(inner, known, f"{field}.")
    elif "anyOf" in inner:  # in one of the forms it has nothing
        for each in _choices(inner, known):
            yield from (row._replace(presence="optional") for row in rows(each, known, f"{field}."))


def _either(choices: list[Schema], known: dict[str, Schema], before: str) -> Iterator[Row]:
    """Yield the rows of all choices; of a field that not all have it is said which one has it."""
    found = [list(rows(choice, known, before)) for choice in choices]
    for choice, each in zip(choices, found, strict=True):
        for row in each:
            if all(row in others for others in found):
                if each is found[0]:
                    yield row
            else:
                yield row._replace(presence=f"{row.presence}; {choice['description'].partition('.')[0].lower()}")


def _choices(schema: Schema, known: dict[str, Schema]) -> list[Schema]:
    schema = _resolved(schema, known)
    return [_resolved(each, known) for each in schema.get("anyOf", [schema])]


def kind(schema: Schema, known: dict[str, Schema]) -> str:  # noqa: PLR0911 - one line for each form
    """Return the type of a field in a word or a list of values."""
    resolved = _resolved(schema, known)
    if "const" in resolved:
        return f"`{resolved['const']}`"
    if "enum" in resolved:
        return ", ".join(f"`{each}`" for each in resolved["enum"])
    if "anyOf" in resolved:
        found = dict.fromkeys(kind(each, known) for each in resolved["anyOf"])
        return " or ".join(found)
    if resolved.get("type") == "array":
        return f"list of {kind(resolved.get('items', {}), known)}"
    if "x-extensible-enum" in resolved:
        return ", ".join(f"`{each}`" for each in resolved["x-extensible-enum"]) + ", ..."
    if isinstance(resolved.get("additionalProperties"), dict) and "properties" in resolved:
        names = ", ".join(f"`{name}`" for name in resolved["properties"])
        return f"{kind(resolved['additionalProperties'], known)} by {names}"
    if isinstance(resolved.get("additionalProperties"), dict):
        return f"{kind(resolved['additionalProperties'], known)} by name"
    if resolved.get("pattern", "").startswith("^[a-z0-9-]{1,64}"):
        return "name"
    return _FORMATS.get(resolved.get("format", ""), str(resolved.get("type", "any")))


def _resolved(schema: Schema, known: dict[str, Schema]) -> Schema:
    target: Any = known.get(str(schema.get("$ref", "")).rpartition("/")[2])
    return schema if target is None else target


def _meaning(given: Schema, inner: Schema) -> str:
    own = given.get("description", "")
    values = inner.get("x-extensible-enum") or ()
    about = "" if "enum" in inner or values else inner.get("description", "")
    limits = [text.format(given[name]) for name, text in _LIMITS.items() if name in given]
    known = given.get("default")
    word = str(known).lower() if isinstance(known, bool) else f"{known:g}" if isinstance(known, int | float) else ""
    default = [f"{word} when left out"] if word else []
    extra = "; ".join([*limits, *default])
    text = (own or about).strip()
    return f"{text} {extra[:1].upper()}{extra[1:]}.".strip() if extra else text
