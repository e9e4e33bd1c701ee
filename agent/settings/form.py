"""What a form needs to know of the settings that may be changed from afar: what each is, may be, and is now. Pure."""

from collections.abc import Iterator, Mapping
from datetime import time
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agent.contract.from_afar import ALLOWED, ON_THE_SPOT
from agent.contract.layers import Node
from agent.settings.tree import Settings, mask_url

_ELSEWHERE = {"zones", "lines", "masks", "recipient", "max_age_days"}
"""What somebody draws on a camera's picture, and what is nobody's matter in front of a device."""
_TYPES = {float: "number", int: "whole", time: "time", tuple: "texts"}
_LIMITS = {"ge": "least", "le": "most", "gt": "above", "lt": "below"}


def form(files: Node, layer: Mapping[str, Any], settings: Settings) -> list[dict[str, Any]]:
    """Return a row for each, in the order of ALLOWED, those of cameras camera by camera.

    Of each: its `path` (`cameras.front.threads`), its `meaning`, its `value` without a login, and whether something of
    it is `hidden`; its `type`, and its limits where it has some (`least`, `most`, `above`, `below`); whether another
    person must sign (`two`); and `from`: where it is set, by a `change`, in a `file` (or the environment), or nowhere,
    by `default`.
    """
    plain = files.plain
    cameras = {each["name"]: each for each in plain.get("cameras", ())}
    changed = {each["name"]: each for each in layer.get("cameras", ())}
    rows = [*_rows(settings, "", "", layer, plain)]
    for camera in settings.cameras:
        name = camera.name
        rows += _rows(camera, "cameras", f"cameras.{name}", changed.get(name, {}), cameras.get(name, {}))
    return rows


def _rows(
    section: BaseModel, table: str, place: str, layer: Mapping[str, Any], files: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table of the settings. `table` names it in ALLOWED, `place` on this device."""
    for name, field in type(section).model_fields.items():
        path = f"{table}.{name}" if table else name
        value = getattr(section, name)
        if path in ALLOWED and name not in _ELSEWHERE:
            is_changed, is_filed = name in layer, name in files or name in section.model_fields_set
            origin = "change" if is_changed else "file" if is_filed else "default"
            yield {
                "path": f"{place}.{name}",
                "meaning": ALLOWED[path].partition(";")[0],
                **_value(section, name),
                **_type(field),
                "two": path not in ON_THE_SPOT,
                "from": origin,
            }
        elif isinstance(value, BaseModel):
            inner = f"{place}.{name}" if place else name
            yield from _rows(value, path, inner, layer.get(name, {}), files.get(name, {}))


def _value(section: BaseModel, name: str) -> dict[str, Any]:
    value = section.model_dump(mode="json", include={name})[name]
    told = [mask_url(each) for each in value] if isinstance(value, list) else value
    told = mask_url(told) if isinstance(told, str) else told
    return {"value": told, "hidden": told != value}


def _type(field: FieldInfo) -> dict[str, Any]:
    kind = _TYPES.get(get_origin(field.annotation) or field.annotation, "text")  # type: ignore[arg-type]
    limits = {
        word: getattr(each, name) for each in field.metadata for name, word in _LIMITS.items() if hasattr(each, name)
    }
    return {"type": kind, **limits}
