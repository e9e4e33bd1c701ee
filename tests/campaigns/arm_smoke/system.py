"""The Debian of a 64-bit Pi, as far as the package asks for it: unpacked, and never run but by the emulator."""

import hashlib
import os
import subprocess
from pathlib import Path

from deploy.package.control import libraries
from deploy.package.kept import made_once
from deploy.package.target import Target


def _packages(target: Target) -> list[str]:
    return ["python3", *(each.partition(" ")[0] for each in libraries(target.release))]


def _shut(target: Target) -> tuple[str, ...]:
    """What looks for a path finds the host's where the system has none: so these are there, and empty."""
    return ("usr/lib/python3/dist-packages", f"usr/local/lib/python{target.release.python}/dist-packages")


def kept_at(target: Target, cache: Path) -> Path:
    """Where the system lies once it has been made."""
    recipe = " ".join([target.name, *_packages(target), *_shut(target)])
    return cache / f"{target.name}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"


def make(target: Target, cache: Path) -> Path:
    """The system in a directory, fetched if it is not there. Needs no root. Raises CalledProcessError."""

    def unpack(made: Path) -> None:
        # Nothing of it is run: `extract` only unpacks. So it needs neither root nor namespaces.
        mode = "root" if os.geteuid() == 0 else "chrootless"
        command = ["mmdebstrap", "--quiet", "--variant=extract", f"--mode={mode}", f"--arch={target.arch}"]
        command += [f"--include={','.join(_packages(target))}", target.release.name, str(made)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
        for directory in _shut(target):
            (made / directory).mkdir(parents=True, exist_ok=True)

    return made_once(kept_at(target, cache), unpack)
