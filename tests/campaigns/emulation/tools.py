"""The programs that making and running a machine needs."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.campaigns.emulation.architecture import Architecture

_ROOT = Path(__file__).parents[3]
_SYSTEM = "/usr/sbin:/sbin"
_ALWAYS = {
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "depmod": "kmod",
    "fakeroot": "fakeroot",
    "setpriv": "util-linux",
    "xz": "xz-utils",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}


ENROLMENT = {"swtpm": "swtpm", "nginx": "nginx-light"}
"""What enrolment needs beside a machine."""


class MissingError(Exception):
    """A program is missing and can't be installed; the message says what to do."""


def ensure(architecture: Architecture, more: Mapping[str, str] | None = None) -> None:
    """Install what is missing, also of `more`, programs and their packages. Raises MissingError."""
    needed = {architecture.emulator: architecture.emulator_package, **_ALWAYS, **(more or {})}
    if architecture.board:
        needed["dtc"] = "device-tree-compiler"
    machine = architecture.cross_compiler.rstrip("-").replace("_", "-")
    needed |= {architecture.compiler: f"gcc{architecture.compiler_version}-{machine}", "make": "make"}
    missing = {program: package for program, package in needed.items() if not _found(program)}
    if not missing:
        return
    done = subprocess.run(
        [_ROOT / "deploy/ensure-packages.sh", *missing.values()], capture_output=True, text=True, check=False
    )
    if done.returncode or any(not _found(program) for program in missing):
        said = (done.stderr or done.stdout).strip()
        raise MissingError(
            f"no machine can be emulated here without {', '.join(missing)}."
            f" Install {' '.join(missing.values())} and try again. What came of trying:\n{said[-1000:]}"
        )


def _found(program: str) -> bool:
    if program.startswith("/"):
        return bool(shutil.which(program, mode=os.F_OK))
    return bool(shutil.which(program) or shutil.which(program, path=_SYSTEM))
