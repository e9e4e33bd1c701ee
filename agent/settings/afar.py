"""What the centre may change of a device's settings, and the checks of a change. Pure.

A change is one more layer, after all files. It can't touch an input, a lamp, a pin, the siren, the times of an alarm,
who the device is or whom it obeys, because `ALLOWED` names none of them.
"""

import copy
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from agent.core.errors import SettingsError
from agent.settings import layers
from agent.settings.file import BadSettings, settings_of
from agent.settings.tree import Settings

ALLOWED: Mapping[str, str] = {
    "device.location.text": "how the dispatcher reads the place",
    "device.time_zone": "the time zone of the zones' hours",
    "mqtt.brokers": "the brokers; TLS can't be taken away",
    "mqtt.interfaces": "the network interface of each broker",
    "mqtt.keepalive_s": "the keepalive",
    "mqtt.connect_timeout_s": "how long a connection may take",
    "mqtt.alarm_timeout_s": "when an alarm goes to the next broker",
    "mqtt.return_after_s": "when the first broker is tried again",
    "mqtt.reconnect_spread_s": "the random wait before a new connection",
    "cameras.source": "where the pictures come from; needs two signers if any camera has masks",
    "cameras.frames_per_second": "how many pictures are looked at",
    "cameras.inferences_per_second": "how often the model runs at most",
    "cameras.threads": "processor threads of the model",
    "cameras.score_threshold": "from which score on somebody counts",
    "cameras.smallest_person": "who is too far away to report",
    "cameras.enter_after_s": "when somebody has entered",
    "cameras.leave_after_s": "when somebody has left",
    "cameras.min_travel": "how far somebody must have come",
    "cameras.converging_from": "from how many people who have closed in on one an alarm says so",
    "cameras.cool_down_s": "the shortest time between two events",
    "cameras.update_every_s": "how often what lasts is reported again",
    "cameras.zones": "zones with their hours",
    "cameras.lines": "lines",
    "cameras.masks": "privacy masks; taking one away or changing one needs two signers",
    "evidence.recipient": "whose key opens what cameras record; needs two signers",
    "evidence.max_age_days": "after how many days recordings are deleted; needs two signers",
    "self_test.at": "the time of the daily self-test",
    "self_test.spread_s": "the time over which devices spread their self-tests",
    "self_test.after_start_s": "how long after a start there is none",
    "self_test.retry_after_s": "when a failed self-test is repeated",
    "health.interval_s": "how often the health is reported",
    "data.month_bytes": "how much of the SIM card's data is used in a month",
    "storage.telemetry_max_bytes": "the budget of pictures and events",
    "storage.keep_free_bytes": "when the disk counts as short of room",
}
"""The settings that may be changed from afar, and what each is. Those of a camera are keys of a table in `cameras`,
which names one that the files have."""
_TABLES = frozenset(path[:end] for path in ALLOWED for end, letter in enumerate(path) if letter == ".")


ON_THE_SPOT = frozenset(
    {
        "device.location.text",
        "cameras.zones",
        "cameras.lines",
        "cameras.masks",
        "cameras.smallest_person",
        "cameras.min_travel",
        "cameras.enter_after_s",
        "cameras.leave_after_s",
    }
)
"""What a technician's key may change alone: what somebody must look from the device, or walk in front of its camera, to
judge. The rest of what is allowed takes another person of the office, too."""
_NAMED = ("zones", "lines")


class ChangeRefused(SettingsError):  # noqa: N818 - a verdict, as the contract names it
    """A change of the settings can't be accepted. `code` is the contract's."""

    def __init__(self, code: str, text: str, mistakes: Sequence[tuple[str, str]] = ()) -> None:
        """`mistakes` are those of BadSettings, where there are some."""
        super().__init__(text)
        self.code = code
        self.mistakes = mistakes or [("", text)]


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
        elif path in _TABLES:  # elsewhere a table is a mistake, which `judge` names
            _lay(layer.setdefault(key, {}), wanted, has or {}, path)
        else:
            layer[key] = _over_named(has or (), wanted) if key in _NAMED else wanted


def why_two(what: Sequence[str]) -> str:
    """Say what of an order two must sign for. Empty if one is enough."""
    return f"two must sign for {', '.join(what)[:800]}" if what else ""


def _over_named(has: Sequence[Mapping[str, Any]], wanted: Any) -> Any:
    """Return what a layer must say, so that a list which the files have as `has` becomes `wanted`."""
    if not isinstance(wanted, list) or not wanted or not all(map(_is_named, wanted)):
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


def forbidden(changes: Mapping[str, Any], allowed: Container[str] = ALLOWED) -> list[str]:
    """Return the paths in `changes` that can't be changed from afar, or are not among those `allowed`."""
    return sorted(set(_forbidden(changes, "", allowed)))


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


def _forbidden(value: Mapping[str, Any], table: str, allowed: Container[str]) -> Iterator[str]:
    """Yield the paths in `value`, which lies at `table`, that are not allowed."""
    for key, inner in value.items():
        path = f"{table}.{key}" if table else key
        if (path in allowed and "." not in key) or (table, key) == ("cameras", "name"):
            continue
        if key == "unset" and isinstance(inner, list) and all(isinstance(name, str) for name in inner):
            names = [f"{table}.{name}" if table else name for name in inner]
            yield from (name for name in names if name not in allowed)
        elif path == "cameras" and isinstance(inner, list) and inner and all(map(_is_named, inner)):
            for camera in inner:
                yield from _forbidden(camera, path, allowed)
        elif path in _TABLES and path != "cameras" and isinstance(inner, dict):
            yield from _forbidden(inner, path, allowed)
        else:
            yield path[:100]


def _is_named(table: Any) -> bool:
    return isinstance(table, dict) and isinstance(table.get("name"), str)


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
