"""Runs a program of the package on an emulated 64-bit Arm processor (qemu-user): no chroot, no root, no binfmt."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.package.target import HOME

QEMU = "qemu-aarch64"
_SYSTEM = ("etc", "lib", "usr")
_LAST_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Ended:
    """How an emulated program ended that did not end well. Signals are negative, as in `subprocess`."""

    code: int
    said: str
    """The last that it wrote to its standard error."""


def installed() -> str | None:
    """The emulator's path, or None."""
    return shutil.which(QEMU) or shutil.which(f"{QEMU}-static")


def furnish(root: Path, system: Path) -> None:
    """Give `root`, which holds the package's environment, the `system` that it lies in on a device."""
    for name in _SYSTEM:
        # On Debian 13 the loader of programs is in /usr/lib, and /lib a link that no package here brings.
        place = system / name if (system / name).exists() else system / "usr" / name
        if place.exists():
            (root / name).symlink_to(place)


def run(
    root: Path, processor: str, arguments: Sequence[str], limit_s: float, hear: Callable[[dict[str, Any]], None]
) -> Ended | None:
    """Run the package's interpreter below `root` with `arguments`; `hear` gets each JSON line that it writes.

    `processor` is one of `qemu-aarch64 -cpu help`. The program is ended after `limit_s`, and when this is interrupted.
    Returns None when it ended well.
    """
    qemu = installed()
    assert qemu is not None, f"there is no {QEMU} on this machine"
    # Below `root` the interpreter is the link that a device has; the emulator wants the file itself.
    command = [qemu, "-L", str(root), "-cpu", processor, "-0", f"/{HOME}/bin/python3"]
    command += [str((root / "usr/bin/python3").resolve()), "-I", *arguments]
    with tempfile.TemporaryDirectory(prefix="arm-smoke-") as scratch, tempfile.TemporaryFile() as errors:
        # lgpio makes a FIFO in its working directory.
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "LG_WD": scratch}
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=scratch,
            env=environment,
        )
        alarm = threading.Timer(limit_s, process.kill)
        alarm.start()
        try:
            assert process.stdout is not None
            with process.stdout as lines:
                for line in lines:
                    hear(json.loads(line))
            code = process.wait()
        finally:
            alarm.cancel()
            process.kill()
            process.wait()
        errors.seek(0)
        said = errors.read()[-_LAST_BYTES:].decode(errors="replace").strip()
        return Ended(code, said) if code else None
