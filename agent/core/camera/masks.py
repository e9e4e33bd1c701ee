"""Privacy masks: areas of the picture that nobody may see, and the file in which people define them. Pure."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agent.core.errors import MaskError
from agent.core.polygon import Point, Polygon

LEVEL = 128
"""Grey level of a masked pixel: mid-grey looks like neither night nor a covered lens, and tells a model nothing."""
_MOST_POINTS = 100
_MOST_MASKS = 64
_LEVELS = ("", "mask ", "", "point ", "coordinate ")
"""What each depth of the file counts."""


def _checked(points: tuple[Point, ...]) -> tuple[Point, ...]:
    return Polygon(points).points


Outline = Annotated[tuple[Point, ...], Field(max_length=_MOST_POINTS), AfterValidator(_checked)]
"""The corners of a simple polygon, in order around it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class _Mask(_Part):
    name: str = Field(min_length=1, max_length=100)
    """For whoever maintains the file. It goes nowhere else, because it may name a neighbour."""
    polygon: Outline


class _MaskFile(_Part):
    version: Literal[1]
    masks: tuple[_Mask, ...] = Field(max_length=_MOST_MASKS)


def parse_masks(content: bytes) -> tuple[Outline, ...]:
    """Return the polygons of a mask file. Raises MaskError, which says what is wrong but not where the file is."""
    try:
        text = content.decode("utf-8-sig")
        masks = _MaskFile.model_validate_json(text).masks
        json.loads(text, object_pairs_hook=_no_name_twice)  # two `masks`: the last would silently win
    except UnicodeDecodeError as error:
        raise MaskError("it is not UTF-8: save it as UTF-8") from error
    except ValidationError as error:
        raise MaskError(_say(error.errors()[0])) from error
    except ValueError as error:
        raise MaskError(str(error)) from error
    return tuple(mask.polygon for mask in masks)


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, _ in pairs:
        if [other for other, _ in pairs].count(name) > 1:
            raise ValueError(f"{name} is given twice: give it once")
    return dict(pairs)


def _say(mistake: Any) -> str:
    """Describe a mistake in one line that repeats nothing of the file's content, because it is published."""
    where = tuple(mistake["loc"])
    match mistake["type"]:
        case "json_invalid":
            return f"it is not JSON: {mistake['ctx']['error']}"
        case "extra_forbidden":
            known = "a mask has name and polygon" if len(where) > 1 else "the file has version and masks"
            return f"{_place(where[:-1])} has an unknown field: {known}, nothing else"
    message = mistake["msg"].removeprefix("Value error, ")
    return f"{_place(where)}: {message[:1].lower()}{message[1:]}"


def _place(where: tuple[str | int, ...]) -> str:
    words = [
        f"{label}{step + 1}" if isinstance(step, int) else step for label, step in zip(_LEVELS, where, strict=False)
    ]
    return ", ".join(words[1:] or words) or "the file"
