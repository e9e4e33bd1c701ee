"""What is made once for all workers of a test run."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The directory `name` of this run, filled by `make`; other workers wait for it. A failure is each worker's."""
    base = factory.getbasetemp()
    shared = base.parent if "popen" in base.name else base
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        directory, done = shared / name, shared / f"{name}.done"
        if not done.exists():
            directory.mkdir(exist_ok=True)
            make(directory)
            done.touch()
    return directory
