"""A Python of the device's version, to make byte code with."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.package.kept import made_once
from deploy.package.target import PYTHON

_RELEASE = "bookworm"
_ENSURE = Path(__file__).parents[1] / "ensure-packages.sh"
Command = tuple[str, ...]


def find(cache: Path, say: Callable[[str], None]) -> Command:
    """This one, this machine's or, where it has none, that of the device's Debian."""
    if sys.version_info[:2] == tuple(map(int, PYTHON.split("."))):
        return (sys.executable,)
    if found := shutil.which(f"python{PYTHON}"):
        return (found,)
    return debians(cache, say)


def debians(cache: Path, say: Callable[[str], None]) -> Command:
    """Debian's, unpacked in `cache` once a machine, and run where it lies. Needs no root but to install mmdebstrap."""

    def make(made: Path) -> None:
        say(f"this machine has no Python {PYTHON}: downloading Debian's")
        subprocess.run([_ENSURE, "mmdebstrap"], check=True, stdout=sys.stderr)
        mode = "root" if os.geteuid() == 0 else "chrootless"
        command = ["mmdebstrap", "--quiet", "--variant=extract", f"--mode={mode}", f"--include=python{PYTHON}"]
        subprocess.run([*command, _RELEASE, str(made)], check=True, stdin=subprocess.DEVNULL)

    kept = made_once(cache / f"python-{_RELEASE}", make)
    return ("env", f"PYTHONHOME={kept / 'usr'}", str(kept / f"usr/bin/python{PYTHON}"))
