"""A device's package holds what a command of a device reaches, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CALLED = re.compile(r'"(agent(?:\.[a-z0-9_]+)+)"')
"""A module that is started as a process of its own, or imported by its name."""


def modules() -> dict[str, Path]:
    names = {}
    for path in sorted((ROOT / "agent").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        names[name.removesuffix(".__init__")] = path
    return names


def imported(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, path
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for name in _CALLED.findall(text):
        yield from (name, f"{name}.__main__")


def test_no_line_lies_on_a_device_that_none_of_its_commands_reaches() -> None:
    known = modules()
    reached: set[str] = set()
    waiting = ["agent.__main__", *(name for name in known if name.startswith("agent.cli."))]
    while waiting:
        name = waiting.pop()
        if name in known and name not in reached:
            reached.add(name)
            waiting += [*imported(known[name]), name.rpartition(".")[0]]
    assert len(reached) > 300
    assert sorted(set(known) - reached) == []
