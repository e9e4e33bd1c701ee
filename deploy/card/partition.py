"""The mounted boot partition: what it is, and files that are there whole or not at all."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from deploy.card.errors import CardError
from deploy.package.target import BOOKWORM, TRIXIE, Release

_READ = (
    "config.txt",
    "cmdline.txt",
    "issue.txt",
    "user-data",
    "vendor-data",
    "network-config",
    "firstrun.sh",
    "custom.toml",
)
_SPARE = 1 << 20
_FIRST_BOOKWORM = "2023-10"


class Partition:
    """That of a card with Raspberry Pi OS, mounted (or copied) at `path`. Raises CardError where it is another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.texts = {name: _text(path / name) for name in _READ if (path / name).is_file()}
        """Its text files, by name."""
        if not {"config.txt", "cmdline.txt"} <= set(self.texts):
            raise CardError(
                f"{path} is no boot partition of a Raspberry Pi: put the card into the reader, and give with OUT= the "
                "directory where its partition bootfs is mounted (findmnt -n -o TARGET LABEL=bootfs)"
            )
        dated = re.match(r"Raspberry Pi reference (\d{4}-\d{2})", self.texts.get("issue.txt", ""))
        if dated is None:
            raise CardError(f"{path} is of another system than Raspberry Pi OS: write Raspberry Pi OS Lite to the card")
        if dated[1] < _FIRST_BOOKWORM:
            raise CardError(
                f"this card's Raspberry Pi OS, of {dated[1]}, is older than Bookworm: write a newer one to it"
            )
        self.release: Release = TRIXIE if (path / "meta-data").is_file() else BOOKWORM
        """Trixie alone has files for cloud-init, and each of its images has them: see systems.py."""

    def write(self, files: Mapping[str, bytes], secret: str) -> dict[str, str]:
        """Write those of `files` that are not there yet, and return what was done with each.

        That is made, rewritten or unchanged. Only the owner may read the one named `secret`, where the file system has
        owners. Raises CardError where there is no space, OSError where nothing can be written.
        """
        changed = {name: content for name, content in files.items() if not self._has(name, content)}
        need, free = sum(map(len, changed.values())) + _SPARE, shutil.disk_usage(self.path).free
        if need > free:
            raise CardError(
                f"{self.path} has {free >> 20} MiB left, and {-(-need >> 20)} MiB are needed: remove files of your own "
                "from it, or write the card again"
            )
        done = {}
        for name, content in files.items():
            there = (self.path / name).exists()
            done[name] = "unchanged" if name not in changed else "rewritten" if there else "made"
            if name in changed:
                self._put(name, content, 0o600 if name == secret else 0o644)
        _sync(self.path)
        return done

    def remove_others(self, pattern: str, name: str) -> list[str]:
        """Remove what is called like `pattern` and not `name`; return what that was."""
        others = [each for each in sorted(self.path.glob(pattern)) if each.name != name]
        for each in others:
            each.unlink()
        return [each.name for each in others]

    def _has(self, name: str, content: bytes) -> bool:
        path = self.path / name
        return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content

    def _put(self, name: str, content: bytes, mode: int) -> None:
        new = self.path / f"{name}.new"
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / name)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
