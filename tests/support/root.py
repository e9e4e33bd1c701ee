"""What only root may do, for whoever runs the tests: root, or somebody whose sudo asks for no password."""

import os
import subprocess
from functools import cache

import pytest


def as_root(*command: str | os.PathLike[str]) -> list[str]:
    """`command` as words that run it with root's rights. Skips the test where nobody has them."""
    words = [os.fspath(each) for each in command]
    if os.geteuid() == 0:
        return words
    if not _sudo_works():
        pytest.skip("needs root, or a sudo that asks for no password (`sudo -n true`)")
    return ["sudo", "-n", "--", *words]


@cache
def _sudo_works() -> bool:
    try:
        return subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True, timeout=20).returncode == 0
    except FileNotFoundError:
        return False
