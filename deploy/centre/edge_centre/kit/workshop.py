"""Writes a province's files so that a second run harms nothing, and keeps a record of what it did.

A file is either made once, such as a key, and then never touched again, or derived from the TOML file, and then written
again where it differs. Each appears whole or not at all.
"""

import os
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Literal

TEMPLATES = Path(__file__).parent / "templates"
Did = Literal["made", "rewritten", "kept", "due"]
"""`due` is a certificate that ends soon, while its root is in the safe."""


class Workshop:
    """One run below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.done: dict[str, Did] = {}
        """What was done with each file or folder."""

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """Have `make` write the file `name` if it is missing. It gets the path of a new file to write to."""
        path = self._place(name)
        if not path.exists():
            new = path.with_name(f"{path.name}.new")
            new.unlink(missing_ok=True)
            make(new)
            self._put(new, path)
            self.done[name] = "made"
        self.done.setdefault(name, "kept")
        return path

    def derive(self, name: str, content: str | bytes) -> Path:
        """Write this content, where the file has another or is missing."""
        path = self._place(name)
        content = content.encode() if isinstance(content, str) else content
        old = path.read_bytes() if path.exists() else None
        if old != content:
            new = path.with_name(f"{path.name}.new")
            new.write_bytes(content)
            self._put(new, path)
        self.done[name] = "made" if old is None else "kept" if old == content else "rewritten"
        return path

    def fill(self, name: str, template: str, /, **values: str) -> Path:
        """Derive a file from a template of this folder."""
        return self.derive(name, filled(template, **values))

    def strangers(self, *folders: str) -> list[str]:
        """What lies in these folders that this run knows nothing of."""
        known = {parent for name in self.done for parent in [Path(name), *Path(name).parents]}
        found = [path.relative_to(self.root) for each in folders for path in (self.root / each).glob("*")]
        return [str(path) for path in sorted(found) if path not in known]

    def _place(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @staticmethod
    def _put(new: Path, path: Path) -> None:
        """Let it take its place in one step, and last through a power cut."""
        _sync(new)
        new.replace(path)
        _sync(path.parent)  # a name is safe once the folder that has it is


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def filled(template: str, /, **values: str) -> str:
    """Return a template of this folder with its `$names` filled in. Raises KeyError for one without a value."""
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)
