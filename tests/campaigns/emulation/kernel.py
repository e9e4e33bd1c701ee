"""Debian's kernel for a machine, the modules that it needs, and the initial file system that loads them."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.emulation import debs, extra_modules, initramfs
from tests.campaigns.emulation.architecture import KERNEL_SUITE, Architecture
from tests.campaigns.emulation.cache import made
from tests.campaigns.emulation.debs import Archive


@dataclass(frozen=True, slots=True)
class Kernel:
    """Lies in `directory` of the cache."""

    directory: Path

    @property
    def image(self) -> Path:
        """What QEMU starts."""
        return self.directory / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        """What runs first."""
        return self.directory / "initramfs.gz"

    @property
    def modules(self) -> Path:
        """A tree for /lib/modules."""
        return self.directory / "modules"


def kernel(architecture: Architecture) -> Kernel:
    """From the cache, or downloaded and built (with the network, for a minute)."""
    sources = [Path(module.__file__ or "") for module in (debs, extra_modules, initramfs)]
    ingredients: list[str | Path] = [repr(architecture), Path(__file__), *sources]
    return Kernel(made(f"kernel-{architecture.name}", ingredients, lambda new: _make(architecture, new)))


def _make(architecture: Architecture, new: Path) -> None:
    with tempfile.TemporaryDirectory(dir=new.parent) as scratch:
        home = Path(scratch)
        archive = Archive(home / "apt", KERNEL_SUITE, architecture.name)
        (package,) = (each for each in archive.depends(architecture.kernel_package) if each.startswith("linux-image-"))
        release = package.removeprefix("linux-image-")
        image, busybox = archive.download(package, "busybox-static")
        unpacked = home / "unpacked"
        unpacked.mkdir()
        for deb in (image, busybox):
            debs.unpack(deb, unpacked)
        shutil.copy(next(unpacked.glob("boot/vmlinuz-*")), new / "vmlinuz")
        available = Modules(next(unpacked.glob(f"**/modules/{release}")))
        own = available.directory / "extra"
        own.mkdir()
        extra = available.missing((*architecture.early_modules, *architecture.late_modules))
        extra_modules.build(archive, release, extra, architecture, home, own)
        early = available.with_needed(architecture.early_modules)
        initramfs.build(next(unpacked.glob("**/bin/busybox")), early, new / "initramfs.gz", architecture.header)
        _keep(available, architecture, new / "modules" / release)


def _keep(available: "Modules", architecture: Architecture, kept: Path) -> None:
    for path in available.with_needed((*architecture.early_modules, *architecture.late_modules)):
        target = kept / path.relative_to(available.directory)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy(available.directory / name, kept / name)
    (kept.parents[1] / "lib").symlink_to(".")  # depmod looks below lib/modules
    subprocess.run(["/sbin/depmod", "-b", kept.parents[1], kept.name], check=True)
    (kept.parents[1] / "lib").unlink()


class Modules:
    """Those of one kernel, below `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        built_in = (directory / "modules.builtin").read_text().split()
        self._built_in = {_name(Path(each)) for each in built_in}

    def missing(self, names: tuple[str, ...]) -> list[str]:
        """Those of `names` that this kernel is published without."""
        published = self._built_in | {_name(path) for path in self.directory.rglob("*.ko*")}
        return [name for name in names if _plain(name) not in published]

    def with_needed(self, names: tuple[str, ...]) -> list[Path]:
        """The files of these, not compressed, each after those that it needs."""
        self._files = {_name(path): path for path in self.directory.rglob("*.ko*")}
        return list(dict.fromkeys(path for name in names for path in self._needed(_plain(name))))

    def _needed(self, name: str) -> Iterator[Path]:
        if name in self._built_in:
            return
        path = self._files[name]
        if path.suffix == ".xz":
            subprocess.run(["xz", "--decompress", path], check=True)
            path = self._files[name] = path.with_suffix("")
        done = subprocess.run(["/sbin/modinfo", "-F", "depends", path], capture_output=True, text=True, check=True)
        for each in filter(None, done.stdout.strip().split(",")):
            yield from self._needed(_plain(each))
        yield path


def _name(path: Path) -> str:
    return _plain(re.sub(r"\.ko(\.xz)?$", "", path.name))


def _plain(name: str) -> str:
    return name.replace("-", "_")
