"""A disk that loses what was not synced when the power is cut, in this process: files of one directory."""

import os
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import pytest


class PowerCut(BaseException):
    """The power is gone. Nothing catches it, as nothing would run."""


class LosingDisk(AbstractContextManager["LosingDisk"]):
    """Cuts the power at sync number `at`, before anything of it is safe.

    What each file had at its last sync is kept, and of what was written since any part, from its beginning. A file
    whose name was not synced with its directory is there or not; so is one that was deleted. `seed` decides.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path, at: int, seed: int) -> None:
        self._directory = directory
        self._left = at
        self._random = random.Random(seed)
        self._patch = monkeypatch
        self._safe: dict[int, bytes] = {}
        self._names: dict[str, int] = {}
        self.was_cut = False

    def __enter__(self) -> Self:
        for path in self._files():
            self._safe[path.stat().st_ino] = path.read_bytes()
        self._names = {path.name: path.stat().st_ino for path in self._files()}
        self._context = self._patch.context()
        self._context.__enter__().setattr(os, "fsync", self._limited(os.fsync))
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)

    def _limited(self, sync: Callable[[int], None]) -> Callable[[int], None]:
        def fsync(number: int) -> None:
            if self._left <= 0:
                self.was_cut = True
                raise PowerCut
            self._left -= 1
            sync(number)
            inode = os.fstat(number).st_ino
            if inode == self._directory.stat().st_ino:
                self._names = {path.name: path.stat().st_ino for path in self._files()}
            for path in self._files():
                if path.stat().st_ino == inode:
                    self._safe[inode] = path.read_bytes()

        return fsync

    def lose(self) -> None:
        """Leave what such a disk would have after the cut."""
        now = {path.name: (path.stat().st_ino, path.read_bytes()) for path in self._files()}
        for name in now.keys() | self._names.keys():
            path = self._directory / name
            inode, content = now.get(name, (self._names.get(name, 0), b""))
            safe = self._safe.get(inode, b"")
            if content.startswith(safe):
                written = len(content) - len(safe)
                more = self._random.choice([0, written, self._random.randint(0, written)])
                content = content[: len(safe) + more]
            elif self._random.random() < 0.5:  # shortened, and not synced since
                content = safe
            is_certain = (name in now) == (name in self._names)
            if is_certain or self._random.random() < 0.5:
                path.write_bytes(content)
            else:
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return [path for path in self._directory.iterdir() if path.is_file()]
