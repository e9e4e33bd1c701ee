"""What a document names exists: files and rooms of the tree, and settings."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agent.settings import Settings
from edge_centre.kit.province import Province
from tests.docs.test_links import ROOT, is_history, pages

_SOURCE = re.compile(r"`((?:[a-z][a-z0-9_-]*/)*[a-z][a-z0-9_-]*\.(?:py|tsx?|mjs))(?:::\w+)?`")
_ROOM = re.compile(r"`((?:agent|deploy|tests|docs)/[a-z0-9_/.-]*)`")
_RUN = re.compile(r"python3? -m ((?:agent|deploy|tests|edge_centre)(?:\.\w+)*)")
_SETTING = re.compile(r"`\[([a-z_]+)\] ([a-z_]+)\b")
_ELSEWHERE = {"hparams_config.py"}
"""Files of other projects, that a page quotes."""
_MADE = {"agent/service_page/static", "deploy/control-room/dist"}
PAGES = {str(page): text for page, text in pages().items() if not is_history(page)}


def tree() -> set[str]:
    """Every file and every folder of the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
        files = [name for name in listed if (ROOT / name).exists()]
    except (OSError, subprocess.CalledProcessError):  # an archive without .git
        files = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return {*files, *(str(parent) for name in files for parent in Path(name).parents)}


TREE = tree()
ENDINGS = {name[at:] for name in TREE for at in (0, *(found.end() for found in re.finditer("/", name)))}


def fields(model: Any) -> Iterator[str]:
    """The names of a section, of what it holds, and of the sections of a list."""
    for name, field in model.model_fields.items():
        yield name
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from fields(inner)


def sections() -> dict[str, set[str]]:
    """The fields of each section of a device's settings, and of a province's."""
    found: dict[str, set[str]] = {}
    for name, field in (*Settings.model_fields.items(), *Province.model_fields.items()):
        inner = (field.annotation, *getattr(field.annotation, "__args__", ()))
        here = {each for model in inner if hasattr(model, "model_fields") for each in fields(model)}
        found[name] = found.get(name, set()) | here
    return found


def test_every_module_and_room_that_a_page_names_exists() -> None:
    unknown = []
    for page, text in PAGES.items():
        files = set(_SOURCE.findall(text)) - ENDINGS - _ELSEWHERE
        rooms = {name.rstrip("/") for name in _ROOM.findall(text)} - TREE - _MADE
        run = {name.replace(".", "/") for name in _RUN.findall(text)}
        run = {each for each in run if each not in ENDINGS and f"{each}.py" not in ENDINGS}
        unknown += [(page, each) for each in (*files, *rooms, *run)]
    assert unknown == []


def test_every_setting_that_a_page_names_with_its_section_exists() -> None:
    known = sections()
    named = {(page, *each) for page, text in PAGES.items() for each in _SETTING.findall(text)}
    assert [each for each in sorted(named) if each[2] not in known.get(each[1], set())] == []
