"""Every module of the agent stands under import-linter's contracts: a new one can't stay unchecked."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]
FREE = {
    "Vendor libraries live in adapters only": {"__main__", "adapters", "cli", "models", "settings", "sim", "trust"},
    "Settings are read by composition roots and the command line only": {
        "__main__", "app", "bootstrap", "cli", "doctor", "models", "settings",
    },
}  # fmt: skip
"""Who is free of a rule, by its name: those that are not named in pyproject.toml."""


def rooms(package: str) -> set[str]:
    folder = ROOT / package.replace(".", "/")
    modules = {each.stem for each in folder.glob("*.py")} - {"__init__"}
    return modules | {each.parent.name for each in folder.glob("*/__init__.py")}


@pytest.mark.parametrize("name", FREE)
def test_every_room_is_bound_by_the_rule_or_free_of_it_by_name(name: str) -> None:
    [contract] = [each for each in CONTRACTS if each["name"] == name]
    bound = {module.removeprefix("agent.") for module in contract["source_modules"]}

    assert bound | FREE[name] == rooms("agent")
    assert not bound & FREE[name]
