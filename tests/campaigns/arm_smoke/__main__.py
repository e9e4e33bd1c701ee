"""`python -m tests.campaigns.arm_smoke`: does what the 64-bit packages hold load, and see, on an emulated Pi?

On the least of them, and on a Pi 5's, for which wheels and the runtime of models have code of its own.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from agent.models.cache import cache_directory
from deploy.lab.models.demo_video import demo_video_path
from deploy.package import archive, environment, tree
from deploy.package.__main__ import PROJECT
from deploy.package.target import TARGETS, TRIXIE, Target
from tests.campaigns.arm_smoke import emulator, modules, probe, system, verdict

PROCESSORS = {"cortex-a53": "Zero 2 W", "cortex-a76": "Pi 5"}
"""A Pi 4's knows the same instructions as a Zero 2 W's."""
LIMIT_S = 300
"""For one processor. It takes some ten seconds, and a machine may be busy."""


class Smoke:
    """One package: a row for each part of it, and what is wrong."""

    def __init__(self, console: Console, scratch: Path, target: Target) -> None:
        self.faults: list[str] = []
        self.table = Table("what", "where", "found", "seconds")
        self._console = console
        self._target = target
        self._scratch = scratch
        self._root = scratch / "root"
        self._video = demo_video_path()
        self._models = tree.model().path.parent

    def run(self) -> None:
        """All of it."""
        self._scratch.mkdir()
        self._prepare()
        began_s = time.monotonic()
        picture = probe.decoded(self._video)
        # What decoders round differently is less than what moves from one picture to the next.
        most_different = probe.difference(picture, probe.decoded(self._video, probe.PICTURE + 1))
        people = probe.look(picture, self._models)
        self._row("look", "this machine", f"{len(people)} people", time.monotonic() - began_s)
        names, kept = self._scratch / "names", self._scratch / "picture.npy"
        needed = modules.needed(self._root / self._target.site_packages)
        # On Debian 13 lgpio is Raspberry Pi OS's.
        names.write_text("\n".join(n for n in needed if self._target.release != TRIXIE or not n.endswith("lgpio")))
        np.save(kept, picture)
        for processor, board in PROCESSORS.items():
            arguments = [str(each) for each in (probe.__file__, names, self._video, kept, self._models)]
            told = self._emulated(processor, f"{board} ({processor})", arguments)
            self.faults += [
                f"{self._target.name}, {processor}: {fault}"
                for fault in verdict.judge(told, self._target, processor, people, most_different)
            ]

    def _prepare(self) -> None:
        """The package's environment, in the Debian that it asks for."""
        cache, began_s = cache_directory(), time.monotonic()
        self._console.print("Making the environment of the package (downloads 70 MB, the first time)")
        wheels = environment.own_wheels(
            PROJECT, self._scratch, archive.time_s(PROJECT / "deploy/package/debian/changelog")
        )
        environment.build(
            self._target, self._root, wheels, cache / "dist", lambda doing: self._console.print(f"  {doing}")
        )
        self._row(
            "environment", "this machine", f"{self._target.lock.name} and the agent's wheel", time.monotonic() - began_s
        )
        began_s = time.monotonic()
        self._console.print("Unpacking the Debian that it is for (downloads 30 MB, the first time)")
        emulator.furnish(self._root, system.make(self._target, cache / "arm-smoke"))
        self._row(
            f"Debian {self._target.release.number}",
            "this machine",
            "Python, and what the package depends on",
            time.monotonic() - began_s,
        )

    def _emulated(self, processor: str, title: str, arguments: list[str]) -> verdict.Told:
        self._console.print(f"Importing everything, and looking at a picture, on an emulated {title}")
        told = verdict.Told()
        with self._console.status("") as status:

            def hear(line: dict[str, Any]) -> None:
                told.hear(line)
                status.update(f"it tries {told.trying}")

            told.ended = emulator.run(self._root, processor, arguments, LIMIT_S, hear)
        self._row("imports", title, f"{told.imported - len(told.failed)} of {told.imported} modules", told.import_s)
        self._row("look", title, f"{len(told.seen or [])} people", told.look_s)
        return told

    def _row(self, what: str, where: str, found: str, seconds: float) -> None:
        self.table.add_row(what, where, found, f"{seconds:.1f}")


def main() -> int:
    """Returns 0 when all was well, 1 when not."""
    console, began_s = Console(highlight=False), time.monotonic()
    if emulator.installed() is None:
        console.print(f"there is no {emulator.QEMU} on this machine: sudo apt-get install qemu-user")
        return 1
    with tempfile.TemporaryDirectory(prefix="arm-smoke-") as scratch:
        smokes = [Smoke(console, Path(scratch) / each.name, each) for each in TARGETS.values() if each.arch == "arm64"]
        try:
            for smoke in smokes:
                smoke.run()
        except subprocess.CalledProcessError as error:
            console.print(
                f"{Path(error.cmd[0]).name} failed, see above: the first run needs a network, and 700 MB of disk"
            )
            return 1
        except KeyboardInterrupt:
            return 130
    for smoke in smokes:
        console.print(smoke.table)
    faults = [fault for smoke in smokes for fault in smoke.faults]
    for fault in faults:
        console.print(f"FAIL  {fault}", soft_wrap=True, markup=False)
    end = "A package would not work on a Pi" if faults else "What the packages hold loads, and sees"
    console.print(f"{end} ({time.monotonic() - began_s:.0f} s)")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
