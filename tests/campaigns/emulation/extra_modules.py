"""Kernel modules of which Debian has only the source: gpio-sim, pins that are set and read below /sys, with real
interrupts; and on Arm tpm_tis, a TPM as QEMU has it.

Two things of gpio-sim are changed. An edge raises its interrupt from whatever thread writes to /sys, which the handler
of irq_sim is not made for outside the kernel's own tests. And a pin that is tied to ground stays low when a program
asks for a pull-up, as a closed contact would make it; the original takes the pull-up for a new level of the wire.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.campaigns.emulation.architecture import Architecture
from tests.campaigns.emulation.debs import Archive, unpack

_TPM = "drivers/char/tpm"
_SOURCES = {
    "gpio-sim": ("drivers/gpio/gpio-sim.c", "kernel/irq/irq_sim.c"),
    "tpm_tis": (f"{_TPM}/tpm.h", f"{_TPM}/tpm_tis.c", f"{_TPM}/tpm_tis_core.h"),
}
_CHANGES = {
    "irq_sim.c": (("handle_simple_irq(irq_to_desc(irqnum))", "generic_handle_irq_safe(irqnum)"),),
    "gpio-sim.c": (
        (
            "static DEFINE_IDA(gpio_sim_ida);",
            "static DEFINE_IDA(gpio_sim_ida);\nstatic DECLARE_BITMAP(tied_low, GPIO_SIM_NGPIO_MAX);",
        ),
        (
            "return gpio_sim_apply_pull(chip, offset, 1);",
            "return gpio_sim_apply_pull(chip, offset, !test_bit(offset, tied_low));",
        ),
        (
            "ret = gpio_sim_apply_pull(chip, line_attr->offset, pull);",
            "assign_bit(line_attr->offset, tied_low, !pull); ret = gpio_sim_apply_pull(chip, line_attr->offset, pull);",
        ),
    ),
}
_PARTS = "gpio-sim-y := gpio-sim-main.o irq_sim.o\n"


def build(
    archive: Archive, release: str, names: Sequence[str], architecture: Architecture, scratch: Path, directory: Path
) -> None:
    """Build these for the kernel `release` of this archive, as files in `directory`."""
    headers = _headers(archive, release, scratch / "headers")
    source = scratch / "source"
    source.mkdir()
    version = ".".join(release.split(".")[:2])
    _extract(archive.download(f"linux-source-{version}")[0], source, f"linux-source-{version}", names)
    (source / "gpio-sim.c").rename(source / "gpio-sim-main.c")
    (source / "Makefile").write_text(f"obj-m := {' '.join(f'{name}.o' for name in names)}\n{_PARTS}")
    command = ["make", "-C", str(headers), f"M={source}", f"ARCH={architecture.linux}"]
    # The headers name the compiler of the kernel, and have no vmlinux to take types from.
    command += [
        f"CROSS_COMPILE={architecture.cross_compiler}",
        f"CC={architecture.compiler}",
        "CONFIG_DEBUG_INFO_BTF_MODULES=",
        "modules",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{', '.join(names)}: no build:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    for name in names:
        (source / f"{name}.ko").rename(directory / f"{name}.ko")


def _headers(archive: Archive, release: str, root: Path) -> Path:
    """The kernel's headers below `root`, with paths that lead there, and the programs of this machine's processor."""
    root.mkdir()
    package = f"linux-headers-{release}"
    needed = [each for each in archive.depends(package) if each.startswith(("linux-headers-", "linux-kbuild-"))]
    for deb in archive.download(package, *(archive.for_this_machine(each) for each in needed)):
        unpack(deb, root)
    headers = root / "usr/src" / package
    for makefile in root.glob("usr/src/*/Makefile"):
        makefile.write_text(makefile.read_text().replace(" /usr/src/", f" {root}/usr/src/"))
    for link in root.glob("usr/src/**/*"):
        if link.is_symlink() and (target := link.readlink()).is_relative_to("/usr"):
            link.unlink()
            link.symlink_to(f"{root}{target}")
    return headers


def _extract(deb: Path, directory: Path, top: str, names: Sequence[str]) -> None:
    """What they are made of, changed, out of an archive of 1.5 GB in the package; it is read no further than to the
    last of it."""
    archive = directory / "source.tar.xz"
    unpack(deb, directory, f"./usr/src/{top}.tar.xz")
    (directory / f"usr/src/{top}.tar.xz").rename(archive)
    members = [f"{top}/{each}" for name in names for each in _SOURCES[name]]
    command = ["tar", "-x", "--occurrence=1", "-C", str(directory), "-f", str(archive)]
    subprocess.run([*command, *members], check=True)
    for member in members:
        path = directory / member
        text = path.read_text()
        for old, new in _CHANGES.get(path.name, ()):
            if text.count(old) != 1:
                raise OSError(f"{path.name} of this kernel is another one than expected: it lacks {old!r}")
            text = text.replace(old, new)
        (directory / path.name).write_text(text)
    archive.unlink()
