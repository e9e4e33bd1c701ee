"""The files that the settings are read from: one, or one and the layers in the directory beside it.

`edge-agent.toml` comes first; then each `*.toml` in `edge-agent.d`, in the order of their names. A later file wins:
tables are merged, tables of a list are merged with the one of the same name, everything else is replaced.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from agent.core.errors import SettingsError

Location = tuple[str | int, ...]
REMOVE = "remove"
"""`remove = true` in a named table of a list takes away what earlier files say under this name."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it is written."""

    value: Any
    """A plain one, a dict of nodes, or a list of nodes."""
    place: str
    """`FILE:LINE`, or `FILE` where there is no line."""

    @property
    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {key: node.plain for key, node in self.value.items()}
        return [node.plain for node in self.value] if isinstance(self.value, list) else self.value

    def where(self, location: Location) -> str:
        """The place of a setting, or of the nearest table that was given."""
        node = self
        for part in location:
            try:
                inner = node.value[part]
            except (KeyError, IndexError, TypeError):
                break
            if not isinstance(inner, Node):  # a letter of a text that should be a list
                break
            node = inner
        return node.place


def files(path: Path) -> list[Path]:
    """The settings file and its layers, in the order in which they are read. Raises SettingsError."""
    directory = path.with_name(f"{path.stem}.d")
    try:
        layers = [entry for entry in directory.iterdir() if entry.suffix == ".toml" and entry.name[0] != "."]
    except FileNotFoundError:
        layers = []
    except OSError as error:
        raise SettingsError(f"{directory}: can't be read: {error}") from error
    return [path, *sorted(layers)]


def read(path: Path) -> Node:
    """All files of `path`, merged. Raises SettingsError with one line for each file that can't be read."""
    layers, mistakes = [], []
    for file in files(path):
        try:
            layers.append(_read_file(file))
        except SettingsError as error:
            mistakes.append(str(error))
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return reduce(_merged, layers)


def _read_file(path: Path) -> Node:
    try:
        text = path.read_text(encoding="utf-8")
        tree = tomllib.loads(text)
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such file; an example is firmware_configs/simulated") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is not valid TOML: {error}") from error
    return _node(tree, (), str(path), path, _key_lines(text))


def _node(value: Any, location: Location, outer: str, path: Path, lines: Mapping[Location, int]) -> Node:
    """`outer` is the place of the table around it, for what has no line of its own."""
    place = f"{path}:{lines[location]}" if location in lines else outer
    if isinstance(value, dict):
        return Node({k: _node(v, (*location, k), place, path, lines) for k, v in value.items()}, place)
    if isinstance(value, list):
        return Node([_node(v, (*location, i), place, path, lines) for i, v in enumerate(value)], place)
    return Node(value, place)


def _merged(base: Node, over: Node) -> Node:
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        both = {key: _merged(base.value[key], node) for key, node in over.value.items() if key in base.value}
        return Node({**base.value, **over.value, **both}, over.place)
    if not (_all_named(base) and _all_named(over)):
        return over
    tables = list(base.value)
    mine = {table.value["name"].value: table for table in tables}
    for table in over.value:
        name = table.value["name"].value
        known = mine.pop(name, None)  # a second one of this name in one file is kept apart, and so is told as a mistake
        if known is None:
            tables.append(table)
        elif REMOVE in table.value and table.value[REMOVE].value is True:
            tables = [each for each in tables if each is not known]
        else:
            tables = [_merged(known, table) if each is known else each for each in tables]
    return Node(tables, over.place)


def _all_named(node: Node) -> bool:
    """Whether it is a list of tables that all have a name."""
    return (
        isinstance(node.value, list)
        and bool(node.value)
        and all(
            isinstance(t.value, dict) and "name" in t.value and isinstance(t.value["name"].value, str)
            for t in node.value
        )
    )


_HEADER = re.compile(r"^\s*\[(\[)?\s*([A-Za-z0-9_.\-\"]+)\s*\]?\]")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+)\s*=")


def _key_lines(text: str) -> dict[Location, int]:
    """Line number of every table and key. A plain scan; good enough to point a person to the place."""
    lines: dict[Location, int] = {}
    table: Location = ()
    counts: dict[Location, int] = {}
    """How many tables each list has so far, less one."""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = ()
            for part in header[2].replace('"', "").split("."):
                table = (*table, part)
                if table in counts:  # a list: its newest table, or one more of them
                    table = (*table, counts[table])
            if header[1]:
                items = table[:-1] if isinstance(table[-1], int) else table
                counts[items] = counts.get(items, -1) + 1
                table = (*items, counts[items])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1]), number)
    return lines
