"""The Debian 12 of a 64-bit Pi, as far as the package asks for it: unpacked, and never run but by the emulator."""

import hashlib
import os
import subprocess
from pathlib import Path

from deploy.package.control import LIBRARIES
from deploy.package.kept import made_once

RELEASE = "bookworm"
_PACKAGES = ["python3", *(each.partition(" ")[0] for each in LIBRARIES)]
# What looks for a path finds the host's where the system has none: so these are there, and empty.
_SHUT = ("usr/lib/python3/dist-packages", "usr/local/lib/python3.11/dist-packages")


def kept_at(arch: str, cache: Path) -> Path:
    """Where the system lies once it has been made."""
    recipe = " ".join([RELEASE, arch, *_PACKAGES, *_SHUT])
    return cache / f"{RELEASE}-{arch}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"


def make(arch: str, cache: Path) -> Path:
    """The system in a directory, fetched if it is not there. Needs no root. Raises CalledProcessError."""

    def unpack(made: Path) -> None:
        # Nothing of it is run: `extract` only unpacks. So it needs neither root nor namespaces.
        mode = "root" if os.geteuid() == 0 else "chrootless"
        command = ["mmdebstrap", "--quiet", "--variant=extract", f"--mode={mode}", f"--arch={arch}"]
        command += [f"--include={','.join(_PACKAGES)}", RELEASE, str(made)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"})
        for directory in _SHUT:
            (made / directory).mkdir(parents=True, exist_ok=True)

    return made_once(kept_at(arch, cache), unpack)
