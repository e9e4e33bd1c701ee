"""A Python of the device's version, to make byte code with."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.package.kept import made_once
from deploy.package.target import Release

_ENSURE = Path(__file__).parents[1] / "ensure-packages.sh"
Command = tuple[str, ...]


def find(release: Release, cache: Path, say: Callable[[str], None]) -> Command:
    """This one, this machine's or, where it has none, that of the device's Debian."""
    if sys.version_info[:2] == tuple(map(int, release.python.split("."))):
        return (sys.executable,)
    # What a version manager puts there may run nothing.
    found = shutil.which(f"python{release.python}")
    if found and subprocess.run([found, "-c", ""], check=False, capture_output=True).returncode == 0:
        return (found,)
    return debians(release, cache, say)


def debians(release: Release, cache: Path, say: Callable[[str], None]) -> Command:
    """Debian's, unpacked in `cache` once a machine, and run where it lies. Needs no root but to install mmdebstrap."""

    def make(made: Path) -> None:
        say(f"this machine has no Python {release.python}: downloading Debian's")
        subprocess.run([_ENSURE, "mmdebstrap"], check=True, stdout=sys.stderr)
        mode = "root" if os.geteuid() == 0 else "chrootless"
        command = ["mmdebstrap", "--quiet", "--variant=extract", f"--mode={mode}", f"--include=python{release.python}"]
        subprocess.run([*command, release.name, str(made)], check=True, stdin=subprocess.DEVNULL)

    kept = made_once(cache / f"python-{release.name}", make)
    return ("env", f"PYTHONHOME={kept / 'usr'}", str(kept / f"usr/bin/python{release.python}"))
