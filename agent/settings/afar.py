"""What the centre may change of a device's settings, and the checks of a change. Pure.

A change is one more layer, after all files. It can't touch an input, a lamp, a pin, the siren, the times of an alarm,
who the device is or whom it obeys, because `ALLOWED` of `agent.contract.from_afar` names none of them.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from agent.contract import layers
from agent.contract.from_afar import ON_THE_SPOT, TABLES, forbidden, is_named
from agent.core.errors import ChangeRefused
from agent.settings.file import BadSettings, settings_of
from agent.settings.tree import Settings

_NAMED = ("zones", "lines")


def apply(base: layers.Node, changes: Mapping[str, Any], place: str) -> Settings:
    """Return the settings of the files, `base`, with `changes` as the last layer. Raises BadSettings."""
    return settings_of(*layers.over(base, changes, place))


def judge(base: layers.Node, now: Settings, changes: Mapping[str, Any], place: str) -> tuple[Settings, list[str]]:
    """Return the settings that `changes` would make, and what of them a second person must have signed for: what
    cameras may show that lost a mask or look elsewhere, and who opens what they record, and for how long.

    `now` are the settings in force. Raises ChangeRefused: `forbidden-setting` names every path, `bad-settings` every
    mistake.
    """
    if paths := forbidden(changes):
        raise ChangeRefused("forbidden-setting", f"can't be changed from afar: {', '.join(paths)}"[:1000])
    try:
        new = apply(base, changes, place)
    except BadSettings as error:
        raise ChangeRefused("bad-settings", str(error)[:2000], error.mistakes) from error
    except RecursionError as error:
        raise ChangeRefused("bad-settings", f"{place}: nested too deeply") from error
    if [camera.name for camera in new.cameras] != [camera.name for camera in now.cameras]:
        raise ChangeRefused("forbidden-setting", "can't be changed from afar: cameras (none can be added or removed)")
    plain = {url for url in new.mqtt.brokers if not _is_encrypted(url)}
    if any(map(_is_encrypted, now.mqtt.brokers)) and not plain <= set(now.mqtt.brokers):
        text = "can't be changed from afar: mqtt.brokers (TLS can't be taken away)"
        raise ChangeRefused("forbidden-setting", text, [("mqtt.brokers", "TLS can't be taken away")])
    uncovered = _uncovered(now, new)
    two = [f"what {', '.join(uncovered)} may show then"] if uncovered else []
    kept = [(each.evidence.recipient, each.evidence.max_age_days) for each in (now, new)]
    if kept[0] != kept[1]:
        two.append("who opens what is recorded, and how long it is kept")
    return new, two


def on_the_spot(
    base: layers.Node, in_force: Mapping[str, Any], changes: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the last layer after `changes` of a technician, which are laid over the one `in_force`; and what of them a
    technician can't change alone.

    A list is what the device has then: whoever draws sees it whole, and neither the files nor the words by which a
    layer adds and removes. Raises ChangeRefused.
    """
    if paths := forbidden(changes):
        raise ChangeRefused("forbidden-setting", f"can't be changed from afar: {', '.join(paths)}"[:1000])
    layer = copy.deepcopy(dict(in_force))
    _lay(layer, changes, base.plain, "")
    return layer, forbidden(changes, ON_THE_SPOT)


def _lay(layer: dict[str, Any], changes: Mapping[str, Any], files: Mapping[str, Any], table: str) -> None:
    """Lay the changes of a technician over a `table` of a layer; `files` is the same table of the files."""
    for key, wanted in changes.items():
        path = f"{table}.{key}" if table else key
        if key == "unset":
            raise ChangeRefused("forbidden-setting", "a technician can't unset anything: name what it shall be")
        if key in layer.get("unset", ()):
            layer["unset"] = [each for each in layer["unset"] if each != key]
        has = files.get(key)
        if key == "cameras":
            mine = layer.setdefault(key, [])
            for change in wanted:
                name = change["name"]
                camera = next((each for each in mine if each["name"] == name), None)
                if camera is None:
                    mine.append(camera := {"name": name})
                _lay(camera, change, next((each for each in has or () if each["name"] == name), {}), path)
        elif path in TABLES:  # elsewhere a table is a mistake, which `judge` names
            _lay(layer.setdefault(key, {}), wanted, has or {}, path)
        else:
            layer[key] = _over_named(has or (), wanted) if key in _NAMED else wanted


def why_two(what: Sequence[str]) -> str:
    """Say what of an order two must sign for. Empty if one is enough."""
    return f"two must sign for {', '.join(what)[:800]}" if what else ""


def _over_named(has: Sequence[Mapping[str, Any]], wanted: Any) -> Any:
    """Return what a layer must say, so that a list which the files have as `has` becomes `wanted`."""
    if not isinstance(wanted, list) or not wanted or not all(map(is_named, wanted)):
        return wanted
    known = {each["name"]: each for each in has}
    names = {each["name"] for each in wanted}
    tables: list[Any] = [{"name": name, "remove": True} for name in known if name not in names]
    for each in wanted:
        before = known.get(each["name"])
        if before is None:
            tables.append({**each, "add": True} if known else each)
        else:
            gone = [key for key in before if key not in each]
            tables.append({**each, "unset": gone} if gone else each)
    return tables


def named(changes: Mapping[str, Any]) -> list[str]:
    """Name the settings that `changes` touches, for a person."""
    names = []
    for key, inner in changes.items():
        if key == "cameras":
            names += [f"{each['name']}.{name}" for each in inner for name in each if name != "name"]
        elif isinstance(inner, dict):
            names += [f"{key}.{name}" for name in named(inner)]
        else:
            names.append(key)
    return names


def _is_encrypted(url: str) -> bool:
    return url.lower().startswith("mqtts:")


def _uncovered(now: Settings, new: Settings) -> list[str]:
    """Name the cameras that may show what a mask covers now. A mask belongs to a view, and any two cameras could change
    places: so where there are masks at all, a new source counts too."""
    has_masks = any(camera.masks or camera.mask_file for camera in now.cameras)
    return [
        before.name
        for before, after in zip(now.cameras, new.cameras, strict=True)
        if not set(before.masks) <= set(after.masks) or (has_masks and before.source != after.source)
    ]
