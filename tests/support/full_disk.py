"""A disk that has no room left from one change on."""

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import pytest


class FullDisk(AbstractContextManager["FullDisk"]):
    """Lets `after` changes through: new files, syncs, renames, directories and links."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.left = after
        self.was_full = False
        self._patch = monkeypatch

    def __enter__(self) -> Self:
        self._context = self._patch.context()
        patch = self._context.__enter__()
        opened = os.open
        patch.setattr(os, "open", lambda p, flags, *a, **k: self._open(opened, p, flags, *a, **k))
        patch.setattr(os, "fsync", self._limited(os.fsync))
        for name in ("rename", "mkdir", "symlink_to"):
            patch.setattr(Path, name, self._limited(getattr(Path, name)))
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)

    def _open(self, opened: Callable[..., int], path: Any, flags: int, *args: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            self._count()
        return opened(path, flags, *args, **options)

    def _limited(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def limited(*args: Any, **options: Any) -> Any:
            self._count()
            return call(*args, **options)

        return limited

    def _count(self) -> None:
        if self.left <= 0:
            self.was_full = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.left -= 1
