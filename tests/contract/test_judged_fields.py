"""No message has a place for what could tell who somebody is (POPIA sections 1 and 26)."""

import types
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, TypeGuard, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import is_typeddict

import agent.core
from agent.contract.messages import Draft, Envelope, Payload
from agent.core.camera.link_model import LinkModel
from agent.core.camera.recorder_link import RecorderMessage
from tests.support.judged_fields import ASK, BOX, JUDGED


def models() -> set[type]:
    """Every payload, every message to and from a camera process, and all that they are made of."""
    for module in walk_packages(agent.core.__path__, "agent.core."):
        import_module(module.name)  # a subclass is known once its module is loaded
    found: set[type] = set()
    waiting: list[type] = [Envelope, Draft, Payload, LinkModel, RecorderMessage]
    while waiting:
        model = waiting.pop()
        if model not in found:
            found.add(model)
            waiting += model.__subclasses__()
            waiting += [part for _, annotation in members(model) for part in parts_of(annotation)]
    return found


def members(model: type) -> list[tuple[str, Any]]:
    if is_model(model):
        return [(name, field.annotation) for name, field in model.model_fields.items()]
    return list(typing.get_type_hints(model).items())


def parts_of(annotation: Any) -> Iterator[type]:
    """The models, dataclasses and typed dictionaries inside an annotation."""
    if isinstance(annotation, type) and (is_typeddict(annotation) or is_dataclass(annotation) or is_model(annotation)):
        yield annotation
    for argument in get_args(annotation):
        yield from parts_of(argument)


def is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def holds_a_vector(annotation: Any) -> bool:
    """Whether a value of this type may be bytes, or more floats in a row than a box has."""
    if annotation in {bytes, bytearray, memoryview} or "numpy" in str(annotation):
        return True
    inner = get_args(annotation)
    if get_origin(annotation) in {tuple, list, set, frozenset} or "Sequence" in str(get_origin(annotation)):
        endless = get_origin(annotation) is not tuple or Ellipsis in inner
        if float in inner and (endless or len(inner) > BOX):
            return True
    return any(holds_a_vector(each) for each in inner if get_origin(annotation) is not types.GenericAlias)


def test_every_field_of_every_message_was_judged() -> None:
    found = models()
    assert {"PersonEnteredData", "AlarmCamera", "Heartbeat"} <= {model.__name__ for model in found}
    unjudged = sorted(f"{model.__name__}.{name}" for model in found for name, _ in members(model) if name not in JUDGED)
    assert unjudged == [], ASK


def test_no_message_has_a_place_for_a_vector_of_features() -> None:
    assert holds_a_vector(tuple[float, ...])
    assert holds_a_vector(list[float] | None)
    assert holds_a_vector(tuple[float, float, float, float, float])
    assert not holds_a_vector(tuple[float, float, float, float] | None)
    found = {f"{model.__name__}.{name}" for model in models() for name, kind in members(model) if holds_a_vector(kind)}
    # The JPEG, and what the asker of a command wants to have sent back.
    assert found == {"Draft.picture", "Draft.correlation_data"}, ASK
