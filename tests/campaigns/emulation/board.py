"""The device tree: QEMU's own, with what makes a Raspberry Pi of it."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.campaigns.emulation.architecture import Architecture


def device_tree(architecture: Architecture, options: Sequence[str], directory: Path) -> Path:
    """Write the tree of the machine that QEMU makes of `options`; returns its path in `directory`."""
    plain, tree = directory / "plain.dtb", directory / "board.dtb"
    kind, name, *others = architecture.machine
    # Without the random numbers: they would be the same at each boot.
    dump = [architecture.emulator, kind, f"{name},dumpdtb={plain},dtb-randomness=off", *others, "-nodefaults", *options]
    subprocess.run(dump, check=True, capture_output=True)
    source = _dtc("-I", "dtb", "-O", "dts", str(plain), given="")
    tree_bytes = _dtc("-@", "-I", "dts", "-O", "dtb", "-o", str(tree), "-", given=source + architecture.board)
    assert not tree_bytes
    return tree


def _dtc(*arguments: str, given: str) -> str:
    done = subprocess.run(["dtc", "-q", *arguments], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"dtc: {done.stderr[-1000:]}")
    return done.stdout
