"""Dataclasses from JSON, checked field by field, for processes that have no room for pydantic. Pure."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class UncheckedError(ValueError):
    """A value is not what its field takes. The text names the field, and never the value, which may be a secret."""


def checked(kind: type[T], value: object, *, extra: bool = False, place: str = "") -> T:
    """Return a dataclass from a JSON object; `extra` lets it hold names that are not known.

    A field may be text, a number, true or false, an object (`dict`), a list (`tuple[X, ...]`), a moment with its zone,
    another dataclass, one of some words (`Literal`), any of them or None, and a whole number within a range
    (`Annotated[int, range(...)]`). Raises ValueError.
    """
    known = _known(kind)  # type: ignore[arg-type]
    if not isinstance(value, dict):
        raise UncheckedError(f"{place.rstrip('.') or 'the whole line'}: no object")
    if not extra and not value.keys() <= known.keys():
        raise UncheckedError(f"{place}{min(value.keys() - known.keys())}: not known")
    if missing := [name for name, (_, needed) in known.items() if needed and name not in value]:
        raise UncheckedError(f"{place}{missing[0]}: missing")
    return kind(**{name: _value(known[name][0], value[name], place + name) for name in known.keys() & value.keys()})


@lru_cache
def _known(kind: Any) -> Mapping[str, tuple[Any, bool]]:
    """Return each field's type, and whether it must be there."""
    hints = get_type_hints(kind, include_extras=True)
    return {each.name: (hints[each.name], each.default is MISSING) for each in fields(kind)}


def _value(hint: Any, value: Any, place: str) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return None if value is None else _value(inner[0], value, place)
    if origin is Annotated:
        good = type(value) is inner[0] and value in inner[1]
    elif origin is Literal:
        good = value in inner
    elif origin is tuple and isinstance(value, list):
        return tuple(_value(inner[0], each, place) for each in value)
    elif is_dataclass(hint):
        return checked(hint, value, place=f"{place}.")  # type: ignore[arg-type]
    elif hint is datetime and isinstance(value, str):
        value = datetime.fromisoformat(value)
        good = value.tzinfo is not None
    elif hint is float:
        good = type(value) in {int, float}
    else:
        good = type(value) is (origin or hint)
    if not good:
        raise UncheckedError(f"{place}: not of its kind")
    return value
