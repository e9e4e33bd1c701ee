"""What only root may do, for whoever runs the tests: root, or somebody whose sudo asks for no password."""

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest


def as_root(*command: str | os.PathLike[str]) -> list[str]:
    """`command` as words that run it with root's rights. Skips the test where nobody has them."""
    words = [os.fspath(each) for each in command]
    if os.geteuid() == 0:
        return words
    if not _sudo_works():
        pytest.skip("needs root, or a sudo that asks for no password (`sudo -n true`)")
    return ["sudo", "-n", "--", *words]


def run_as_root(*command: str | os.PathLike[str], cwd: Path) -> None:
    """Run it to its end; asked to end (SIGTERM) when a test's time is over. Raises CalledProcessError."""
    words = as_root(*command)
    process = subprocess.Popen(words, cwd=cwd)
    try:
        process.wait()
    finally:
        if process.poll() is None:
            subprocess.run(as_root("kill", str(process.pid)), check=True)  # sudo hands it on
            process.wait()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)


@cache
def _sudo_works() -> bool:
    try:
        return subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True, timeout=20).returncode == 0
    except FileNotFoundError:
        return False
