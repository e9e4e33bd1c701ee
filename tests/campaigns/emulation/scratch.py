"""A directory for a day: beside the disks in the cache, so that a copy of one can share its blocks."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.models.cache import cache_directory
from tests.campaigns.emulation.book import FAULTS, DayOverError

_PREFIX = "day-"
_LEFT_S = 24 * 3600


@contextmanager
def scratch() -> Iterator[Path]:
    """Gone at the end. What a day that was killed has left goes a day later."""
    home = cache_directory() / "emulation"
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(f"{_PREFIX}*"):
        if left.stat().st_mtime < time.time() - _LEFT_S:
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=home) as directory:
        yield Path(directory)


def in_scratch(play: Callable[[Path], None]) -> list[str]:
    """Play a day in such a directory; returns what went wrong outside of any row."""
    with scratch() as directory:
        try:
            play(directory)
        except DayOverError:
            return ["nothing that would have followed made sense"]
        except FAULTS as error:
            return [f"{type(error).__name__}: {error}"]
    return []
