"""What is made once a machine: downloads, a kernel module, root file systems. Each under a key of all that went in."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from agent.models.cache import cache_directory

_KEY_LENGTH = 16
_KEPT = 3
"""So many of one name, those that were used last: clones of the project side by side don't take each other's away."""


def made(name: str, ingredients: Iterable[str | bytes | Path], make: Callable[[Path], None]) -> Path:
    """The directory of `name` in the cache, filled by `make` if nobody has with the same ingredients.

    The content of an ingredient counts when it is a Path, and the file's own name. Of one `name` only the last few that
    were used stay. Whoever comes second waits. A failure leaves nothing.
    """
    home = cache_directory() / "emulation"
    home.mkdir(parents=True, exist_ok=True)
    kept = home / f"{name}-{_key(ingredients)}"
    with (home / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            for left in home.glob(f".{name}@*"):  # of somebody who was killed: nobody else makes it now
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(dir=home, prefix=f".{name}@") as scratch:
                new = Path(scratch) / "made"
                new.mkdir()
                make(new)
                new.rename(kept)
        os.utime(kept)
        _sweep(home, name)
    return kept


def tree(*roots: Path) -> Iterable[str | Path]:
    """All files below these directories as ingredients, byte code aside."""
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(root))
                yield path


def _key(ingredients: Iterable[str | bytes | Path]) -> str:
    digest = hashlib.sha256()
    for each in ingredients:
        content = each.name.encode() + b"\0" + each.read_bytes() if isinstance(each, Path) else each
        content = content.encode() if isinstance(content, str) else content
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:_KEY_LENGTH]


def _sweep(home: Path, name: str) -> None:
    found = home.glob(f"{name}-{'?' * _KEY_LENGTH}")
    for old in sorted(found, key=lambda path: path.stat().st_mtime_ns)[:-_KEPT]:
        shutil.rmtree(old)
