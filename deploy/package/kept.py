"""What is made once a machine, and kept."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_KEPT = 3


def made_once(kept: Path, make: Callable[[Path], None]) -> Path:
    """The directory `kept`: where it is not there `make` makes another one, which becomes it. A failure leaves nothing;
    who is slower than another takes the other's."""
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".new-") as scratch:
            made = Path(scratch) / "made"
            make(made)
            try:
                made.rename(kept)
            except OSError:
                if not kept.exists():
                    raise
    os.utime(kept)
    return kept


def sweep(directory: Path, pattern: str) -> None:
    """Remove what matches, but for the last few that were used: clones of the project share them."""
    for old in sorted(directory.glob(pattern), key=lambda path: path.stat().st_mtime_ns)[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
