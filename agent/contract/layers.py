"""The files that the settings are read from: one file, or one file and the layers in the directory beside it.

`edge-agent.toml` comes first, then each `*.toml` in `edge-agent.d` in the order of their names. A later file wins:
tables are merged, tables of a list are merged with the one of the same name, and everything else is replaced. Three
words work only in layers, and are gone after the merge: `remove = true` in a named table removes what earlier files say
under its name, `add = true` says that its name is new and not misspelt, and `unset = ["KEY"]` in any table removes a
key that earlier files set.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.contract.errors import SettingsError
from agent.contract.spelling import did_you_mean

Location = tuple[str | int, ...]
_REMOVE, _ADD, _UNSET = "remove", "add", "unset"
WORDS = {_REMOVE: "`remove = true`", _ADD: "`add = true`", _UNSET: '`unset = ["KEY"]`'}
"""The words that layers can use, and how each is written."""


_DENIED = "this user may not read it; run the command with sudo"


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and the place where it is written."""

    value: Any
    """A plain value, a dict of nodes, or a list of nodes."""
    place: str
    """`FILE:LINE`, or `FILE` if there is no line."""

    @property
    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {key: node.plain for key, node in self.value.items()}
        return [node.plain for node in self.value] if isinstance(self.value, list) else self.value

    def where(self, location: Location) -> str:
        """Return the place of a setting, or of the nearest table around it that was given."""
        node = self
        for part in location:
            try:
                inner = node.value[part]
            except (KeyError, IndexError, TypeError):
                break
            if not isinstance(inner, Node):  # a character of a text that should be a list
                break
            node = inner
        return node.place


def files(path: Path) -> list[Path]:
    """Return the settings file and its layers, in the order in which they are read. Raises SettingsError."""
    directory = path.with_name(f"{path.stem}.d")
    try:
        layers = [entry for entry in directory.iterdir() if entry.suffix == ".toml" and entry.name[0] != "."]
    except FileNotFoundError:
        layers = []
    except PermissionError as error:
        raise SettingsError(f"{directory}: {_DENIED}") from error
    except OSError as error:
        raise SettingsError(f"{directory}: can't be read: {error}") from error
    return [path, *sorted(layers)]


def read(path: Path) -> tuple[Node, list[str]]:
    """Read all files of `path`. Return them merged, with a line for each mistake in how they fit together.

    Raises SettingsError with one line for each file that can't be read.
    """
    layers: list[Node] = []
    unread: list[SettingsError] = []
    for file in files(path):
        try:
            layers.append(read_file(file))
        except SettingsError as error:
            unread.append(error)
    if unread:
        causes = [each.__cause__ for each in unread]
        denied = next((each for each in causes if isinstance(each, PermissionError)), causes[0])
        raise SettingsError("\n".join(map(str, unread))) from denied
    mistakes: list[str] = []
    whole = Node({}, str(path))
    for layer in layers:
        whole = _merged(whole, layer, "", mistakes)
    return whole, mistakes


def laid_over(base: Node, layer: Node) -> Node:
    """Merge a later file as far as it fits; whoever asks knows that there are mistakes."""
    return _merged(base, layer, "", [])


def order(place: str) -> tuple[int, str]:
    """Return a key that sorts places by the order in which their files are read."""
    file = re.sub(r":\d+$", "", place)
    if not file.endswith(".toml"):
        return 2, ""  # a layer that comes from no file is the last one
    return (1, file) if Path(file).parent.suffix == ".d" else (0, "")


def over(base: Node, changes: Mapping[str, Any], place: str) -> tuple[Node, list[str]]:
    """Merge a last layer that comes from no file; `place` names it in texts. Return the same as `read`."""
    mistakes: list[str] = []
    return _merged(base, _node(dict(changes), (), place, Path(place), {}), "", mistakes), mistakes


def read_file(path: Path) -> Node:
    """Read one file alone. Raises SettingsError."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = tomllib.loads(text)
    except FileNotFoundError as error:
        if path.is_symlink():  # a profile of the repository that was copied without the shared files
            raise SettingsError(
                f"{path}: is a link to {path.readlink()}, which is not there; copy the files themselves: cp -rL"
            ) from error
        raise SettingsError(
            f"{path}: no such file; name another one, or begin with a profile: on a device they are in "
            "/usr/share/edge-agent/profiles, in the repository in firmware_configs"
        ) from error
    except PermissionError as error:
        raise SettingsError(f"{path}: {_DENIED}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_not_toml(path, text, str(error))) from error
    return _node(tree, (), str(path), path, _key_lines(text))


def _not_toml(path: Path, text: str, reason: str) -> str:
    """Describe a file that is not TOML. `reason` is the parser's: what it ran into, and where.

    If the line shows a common mistake, the text names that instead.
    """
    if (at := re.search(r" \(at line (\d+), column \d+\)$", reason)) is None:
        return f"{path}: is not valid TOML: {reason}"
    number = int(at[1])
    line = text.splitlines()[number - 1] if number <= len(text.splitlines()) else ""
    bare = line.partition("#")[0]
    if comma := re.search(r"=\s*(-?\d+),(\d+)", bare):
        reason = f"{comma[1]},{comma[2]} has a decimal comma; write {comma[1]}.{comma[2]}"
    elif re.search(r"[\u2018-\u201f]", bare):
        reason = 'the quotes are typographic; write straight ones: " before and after'
    elif re.search(r"=\s*[A-Za-z]", bare):
        reason = f'{reason[: at.start()]}; text must be in quotes: "like this"'
    else:
        reason = reason[: at.start()]
    return f"{path}:{number}: is not valid TOML: {reason}"


def _node(value: Any, location: Location, outer: str, path: Path, lines: Mapping[Location, int]) -> Node:
    """Attach places to a value. `outer` is the place of the table around it, for what has no line of its own."""
    place = f"{path}:{lines[location]}" if location in lines else outer
    if isinstance(value, dict):
        return Node({k: _node(v, (*location, k), place, path, lines) for k, v in value.items()}, place)
    if isinstance(value, list):
        return Node([_node(v, (*location, i), place, path, lines) for i, v in enumerate(value)], place)
    return Node(value, place)


def _merged(base: Node | None, over: Node, kind: str, mistakes: list[str]) -> Node:
    """Merge one value over another.

    `base` is None if no earlier file says anything. `kind` is the word for a table of this list, such as `button`.
    """
    if isinstance(over.value, dict):
        known = base.value if base is not None and isinstance(base.value, dict) else {}
        known = _without_unset(known, over, mistakes)
        given = {key: node for key, node in over.value.items() if not _is_unset(key, node)}
        inner = {key: _merged(known.get(key), node, key.removesuffix("s"), mistakes) for key, node in given.items()}
        return Node({**known, **inner}, over.place)
    if not _all_named(over):
        return over
    return _merged_by_name(base.value if base is not None and _all_named(base) else [], over, kind, mistakes)


def _merged_by_name(base: list[Node], over: Node, kind: str, mistakes: list[str]) -> Node:
    tables = list(base)
    earlier = {table.value["name"].value: table for table in tables}
    mine = dict(earlier)
    for table in over.value:
        name = table.value["name"].value
        add, remove = (_says(table, word) for word in (_ADD, _REMOVE))
        known = mine.pop(name, None)  # a second one of this name in one file stays separate, and so is reported
        if known is not None and add:
            mistakes.append(f"{table.place}: an earlier file has {kind} {name!r}: take `add` away to change it")
        elif known is not None and remove:
            tables = [each for each in tables if each is not known]
        elif known is not None:
            merged = _merged(known, table, kind, mistakes)
            tables = [merged if each is known else each for each in tables]
        elif name not in earlier and (remove or (earlier and not add)):
            new = "" if remove else " (a new one says `add = true` in its table)"
            mistakes.append(f"{table.place}: no earlier file has {kind} {name!r}{hint(name, earlier)}{new}")
        else:
            given = Node({key: node for key, node in table.value.items() if key != _ADD}, table.place)
            tables.append(_merged(None, given if add else table, kind, mistakes))
    return Node(tables, over.place)


def _without_unset(known: Mapping[str, Node], over: Node, mistakes: list[str]) -> dict[str, Node]:
    node = over.value.get(_UNSET)
    names = node.plain if node is not None and _is_unset(_UNSET, node) else []
    mistakes += [
        f"{node.place}: no earlier file sets {name} here{hint(name, known)}" for name in names if name not in known
    ]
    return {key: value for key, value in known.items() if key not in names}


def _is_unset(key: str, node: Node) -> bool:
    return key == _UNSET and isinstance(node.value, list) and all(isinstance(each.value, str) for each in node.value)


def _says(table: Node, word: str) -> bool:
    return word in table.value and table.value[word].value is True


def hint(name: str, known: Iterable[str]) -> str:
    """Return what to add to the text of a mistake in a name."""
    return f"; {said}" if (said := did_you_mean(name, known)) else ""


def _all_named(node: Node) -> bool:
    """Return whether it is a list of tables that all have a name."""
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
    """Return the line number of every table and key. A plain scan is good enough to point a person to the place."""
    lines: dict[Location, int] = {}
    table: Location = ()
    counts: dict[Location, int] = {}
    """The index of the newest table of each list so far."""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = ()
            for part in header[2].replace('"', "").split("."):
                table = (*table, part)
                if table in counts:  # a list: its newest table, or the next one
                    table = (*table, counts[table])
            if header[1]:
                items = table[:-1] if isinstance(table[-1], int) else table
                counts[items] = counts.get(items, -1) + 1
                table = (*items, counts[items])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1]), number)
    return lines
