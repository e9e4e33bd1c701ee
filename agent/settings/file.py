"""Reads the settings, and reports every mistake in them at once."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError as PydanticSettingsError

from agent.contract import layers
from agent.contract.layers import WORDS, Location
from agent.core.camera.camera_kinds import KINDS
from agent.core.errors import SettingsError
from agent.settings.tree import ENVIRONMENT_PREFIX, Settings, mask_url


class BadSettings(SettingsError):  # noqa: N818 - what they are, not what happened
    """Settings with mistakes. The text has a line for each."""

    def __init__(self, mistakes: Sequence[tuple[str, str]]) -> None:
        """`mistakes` are lines, each after the path of its setting: `cameras.front.zones.0.name`, empty where it is not
        known."""
        super().__init__("\n".join(line for _, line in mistakes))
        self.mistakes = mistakes


def load(path: Path | str, environ: Mapping[str, str] = os.environ) -> Settings:
    """Load the settings from the TOML file `path` and its layers, with the overrides of the environment.

    Raises SettingsError whose text has one line per mistake: the file, the line if known, what is wrong, and for a
    misspelt name the closest valid one.
    """
    return settings_of(*layers.read(Path(path)), environ)


def settings_of(given: layers.Node, mistakes: Iterable[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a merged tree, with the overrides of the environment.

    `mistakes` are those of the merge. Raises BadSettings.
    """
    found: list[tuple[Location, str]] = [((), line) for line in mistakes]
    found += [
        ((), f"environment: {name} is not a setting{layers.hint(name, _environment_names())}")
        for name in sorted(environ)
        if name.startswith(ENVIRONMENT_PREFIX) and not _is_known_variable(name)
    ]
    settings = None
    try:
        settings = Settings(**given.plain)
    except PydanticSettingsError as error:
        found.append(((), f"environment: {error}; lists and tables are written as JSON"))
    except ValidationError as error:
        found += [(item["loc"], f"{given.where(item['loc'])}: {_say(item, given)}") for item in _root_causes(error)]
    merged = settings.model_dump(mode="json", by_alias=True) if settings else given.plain
    found += [(location, f"{given.where(location)}: {text}") for location, text in _conflicts(merged, given)]
    if found or settings is None:
        raise BadSettings([(_path(location, merged), line) for location, line in found])
    return settings


def lamps_despite_mistakes(path: Path) -> dict[str, int]:
    """Return the pins of yellow, green and beacon in settings with mistakes: only those at which, whatever was meant,
    nothing else can be. Raises SettingsError."""
    whole, unsure = layers.Node({}, str(path)), set[int]()
    for file in layers.files(path):
        try:
            whole = layers.laid_over(whole, layers.read_file(file))
        except SettingsError as error:
            try:
                text = file.read_text("utf-8", "replace")
            except OSError:
                raise error from None
            unsure.update(map(int, re.findall(r"\d{1,9}", text)))  # it may be the pin of anything
    lights = whole.plain.get("lights")
    used = Counter(_numbers(whole.plain, within=False))
    return {
        name: pin
        for name, pin in (lights if isinstance(lights, dict) else {}).items()
        if name in {"yellow", "green", "beacon"} and type(pin) is int and 4 <= pin <= 27
        if used[pin] == 1 and pin not in unsure
    }


def _numbers(tree: Any, *, within: bool) -> Iterator[int]:
    """Yield each number that may be meant as a pin."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _numbers(value, within=within or key == "lights" or str(key).startswith("pin"))
    elif isinstance(tree, list):
        for value in tree:
            yield from _numbers(value, within=within)
    elif within and not isinstance(tree, bool):
        with suppress(ValueError, TypeError, OverflowError):
            yield int(tree)


def _path(location: Location, tree: Any) -> str:
    """Return where a mistake is, with the name of its camera for its number."""
    words = [*map(str, location)]
    if location[:1] == ("cameras",) and len(location) > 1:
        with suppress(LookupError, TypeError):
            words[1] = str(tree["cameras"][location[1]]["name"])
    return ".".join(words)


def _root_causes(error: ValidationError) -> Iterator[Any]:
    """Yield the mistakes, except those that only follow from another one inside the same list."""
    items = error.errors()
    for item in items:
        depth = len(item["loc"])
        inner = any(other["loc"][:depth] == item["loc"] and len(other["loc"]) > depth for other in items)
        if item["type"] != "too_short" or not inner:
            yield item


def _say(item: Any, given: layers.Node) -> str:
    name = _spoken(item["loc"], given)
    if item["type"] == "extra_forbidden" and item["loc"][-1] in WORDS:
        return f"{name} is not a setting; in a layer write {WORDS[item['loc'][-1]]}"
    if item["type"] == "extra_forbidden":
        return f"{name} is not a setting{layers.hint(str(item['loc'][-1]), _names_at(item['loc'][:-1]))}"
    if item["type"] == "missing":
        return f"{name} is missing"
    message = item["msg"].removeprefix("Value error, ")
    field = next((part for part in reversed(item["loc"]) if isinstance(part, str)), "")
    if item["type"] == "string_pattern_mismatch":
        message = _PATTERN_ADVICE.get(field, "use small letters, digits and hyphens only")
    value = "" if isinstance(item["input"], dict | list) else f" (given: {mask_url(repr(item['input']))})"
    if "password" in name:
        value = ""
    optional = field in (fields := _fields_at(item["loc"][:-1])) and not fields[field].is_required()
    unset = f'; for none leave it out, in a later layer write unset = ["{field}"]' if optional else ""
    unset = unset if repr(item["input"]) in _NOTHING else ""
    return f"{name}: {message[0].lower()}{message[1:]}{value}{unset}"


_NOTHING = {"''", "False", "'none'", "'None'", "'null'", "'no'", "'off'"}
"""What people write for "there is none", because TOML has no word for it."""


def _spoken(location: Location, given: layers.Node) -> str:
    """Return a setting's name as a person would say it: `pin of button "medical"`, `device.id`."""
    owners: list[str] = []
    names: list[str] = []
    tree: Any = given.plain
    for part in location:
        try:
            tree = tree[part]
        except (KeyError, IndexError, TypeError):
            tree = None
        if isinstance(part, int) and names and isinstance(tree, dict):
            kind, called = names[-1].removesuffix("s"), tree.get("name")
            owners.insert(0, f'{kind} "{called}"' if isinstance(called, str) else f"{kind} {part + 1}")
            names = []
        else:
            names.append(str(part))
    return " of ".join([*([".".join(names)] if names else []), *owners])


def _conflicts(tree: Mapping[str, Any], given: layers.Node) -> Iterator[tuple[Location, str]]:
    """Yield mistakes that only show between settings. Tolerates a tree that has other mistakes."""
    buttons = [b for b in _list(tree.get("buttons")) if isinstance(b, dict)]
    inputs = [i for i in _list(tree.get("inputs")) if isinstance(i, dict)]
    cameras = [c for c in _list(tree.get("cameras")) if isinstance(c, dict)]
    yield from _shared_pins(buttons, inputs, tree.get("lights"), tree.get("siren"), given)
    if isinstance(tree.get("battery"), dict) and not any(each.get("kind") in {"mains", "battery"} for each in inputs):
        yield ("battery",), "[battery] needs an input of the kind mains or battery, which tells when the mains are away"
    yield from _shared_names({"buttons": buttons, "inputs": inputs, "cameras": cameras})
    if not buttons and not cameras:
        yield (), "there is neither a button nor a camera; add [[buttons]] or [[cameras]]"
    yield from _conflicts_of_brokers(tree.get("mqtt"))
    yield from _shared_stream(tree.get("live"), cameras)
    alarm, lights = (section if isinstance(section := tree.get(k), dict) else {} for k in ("alarm", "lights"))
    if alarm.get("press_tones") and lights.get("tone") is None:
        yield ("alarm", "press_tones"), "press_tones needs a sounder: add [lights] tone, its pin"


def _shared_pins(
    buttons: Sequence[Mapping[str, Any]],
    inputs: Sequence[Mapping[str, Any]],
    lights: Any,
    siren: Any,
    given: layers.Node,
) -> Iterator[tuple[Location, str]]:
    users: dict[Any, str] = {}
    claims: list[tuple[Location, str, Any]] = [
        ((kind, i, key), f"{what} {item.get('name')!r}", item.get(key))
        for kind, what, items in (("buttons", "button", buttons), ("inputs", "input", inputs))
        for i, item in enumerate(items)
        for key in ("pin", "pin_nc")
    ]
    claims += [(("lights", k), f"light {k!r}", v) for k, v in (lights if isinstance(lights, dict) else {}).items()]
    if isinstance(siren, dict):
        claims.append((("siren", "pin"), "the siren", siren.get("pin")))
    # Whoever wrote the later file did not look at the earlier one, so that is where the mistake is.
    for location, user, pin in sorted(claims, key=lambda claim: layers.order(given.where(claim[0]))):
        if not isinstance(pin, int):
            continue
        if users.get(pin) == user:
            yield location, f"pin and pin_nc of {user} are both {pin}; a supervised button has two pins"
        elif pin in users:
            yield location, f"pin {pin} is given to both {users[pin]} and {user}; give each its own pin"
        users.setdefault(pin, user)


def _shared_names(lists: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[Location, str]]:
    seen: dict[tuple[bool, str], str] = {}
    for kind, items in lists.items():
        for index, item in enumerate(items):
            name = item.get("name")
            if not isinstance(name, str):
                continue
            key = (kind == "cameras", name)  # buttons and inputs share one set of names
            if key in seen:
                both = f"two {kind}" if seen[key] == kind else f"one of the {seen[key]} and one of the {kind}"
                yield (kind, index, "name"), f"{both} are named {name!r}; give each its own name"
            seen.setdefault(key, kind)


def _shared_stream(live: Any, cameras: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Location, str]]:
    stream = live.get("stream") if isinstance(live, dict) else None
    if isinstance(stream, str) and "{camera}" not in stream and len(cameras) > 1:
        yield ("live", "stream"), "there is more than one camera: give each its own place, with {camera} in the path"


def _conflicts_of_brokers(mqtt: Any) -> Iterator[tuple[Location, str]]:
    if not isinstance(mqtt, dict):
        return
    if bool(mqtt.get("cert_file")) != bool(mqtt.get("key_file")):
        yield ("mqtt",), "cert_file and key_file go together: give both or neither"
    if len(_list(mqtt.get("interfaces"))) > len(_list(mqtt.get("brokers"))):
        yield ("mqtt", "interfaces"), 'there are more interfaces than brokers: name one for each broker, or ""'


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


_FORMS = [kind.form for kind in KINDS]
_PATTERN_ADVICE = {
    "delegate": "a delegate is xnnpack, none, hailo, imx500, or a shared library such as libedgetpu.so.1",
    "source": f"a source is {', '.join(_FORMS[:-1])} or {_FORMS[-1]}",
    "interfaces": "a network interface has at most 15 characters, such as eth0 or wwan0",
    "root": "the root is one or two levels of small letters, digits and hyphens, such as edge/v1",
}


def _names_at(location: Location) -> list[str]:
    return [field.alias or name for name, field in _fields_at(location).items()]


def _fields_at(location: Location) -> dict[str, FieldInfo]:
    model: type[BaseModel] = Settings
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            return {}
        model = inner
    return model.model_fields


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section inside `Section`, `Section | None` or `tuple[Section, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _model_in(argument)) is not None:
            return found
    return None


def _is_known_variable(name: str) -> bool:
    parts = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
    return all(part in _names_at(tuple(parts[:depth])) for depth, part in enumerate(parts[:2]))


def _environment_names() -> list[str]:
    names = []
    for section in Settings.model_fields:
        names.append(f"{ENVIRONMENT_PREFIX}{section.upper()}")
        names += [f"{ENVIRONMENT_PREFIX}{section.upper()}__{name.upper()}" for name in _names_at((section,))]
    return names
