"""The root file system: a small Debian, unpacked and never configured, so that no foreign code runs to make it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.campaigns.emulation import debs
from tests.campaigns.emulation.architecture import Architecture
from tests.campaigns.emulation.cache import made
from tests.campaigns.emulation.debs import Archive
from tests.campaigns.emulation.kernel import Kernel

_PACKAGES = ("apt", "iproute2", "kmod", "openssl", "python3", "systemd-sysv", "udev", "usr-is-merged")
"""Beside what is essential. What the agent's package depends on is among it: the machine has no network to get more."""
_SIZE = "1500M"
HAND = "usr/lib/emulation/hand.py"
"""Where the machine has its hand; a machine gets today's when it gets its disk."""
_UNIT = f"""\
[Unit]
Description=The hand of the test
DefaultDependencies=no
After=systemd-remount-fs.service
Before=shutdown.target
[Service]
ExecStart=/usr/bin/python3 -S /{HAND}
Nice=-10
OOMScoreAdjust=-900
"""
_FILES = {
    "etc/fstab": "/dev/vda / ext4 defaults,noatime 0 0\n",
    "etc/hostname": "kiosk\n",
    "etc/hosts": "127.0.0.1 localhost kiosk\n",
    "etc/machine-id": "4b1d00000000000000000000000000aa\n",  # known, so that no boot is the first
    "etc/systemd/system/emulation-hand.service": _UNIT,
    # Nobody needs this while the test installs the package.
    "etc/dpkg/dpkg.cfg.d/unsafe-io": "force-unsafe-io\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    # Made by the installation of packages, which has not been.
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
}
_LINKS = {
    "etc/systemd/system/default.target": "/usr/lib/systemd/system/multi-user.target",
    "etc/systemd/system/sysinit.target.wants/emulation-hand.service": "/etc/systemd/system/emulation-hand.service",
    # Each of these waits for something that this machine has not.
    **dict.fromkeys(
        (
            f"etc/systemd/system/{unit}"
            for unit in (
                "getty.target",
                "systemd-logind.service",
                "systemd-hwdb-update.service",
                "ldconfig.service",
                "systemd-journal-catalog-update.service",
                "systemd-update-done.service",
            )
        ),
        "/dev/null",
    ),
}


def root_image(architecture: Architecture, kernel: Kernel) -> Path:
    """The image of the first disk, from the cache, or downloaded and made (with the network, for half a minute).

    It is kept: a machine gets a copy.
    """
    ingredients: list[str | Path] = [repr(architecture), kernel.directory.name, Path(__file__)]
    ingredients += [Path(debs.__file__)]
    directory = made(f"root-{architecture.name}", ingredients, lambda new: _make(architecture, kernel, new))
    return directory / "root.img"


def _make(architecture: Architecture, kernel: Kernel, new: Path) -> None:
    with tempfile.TemporaryDirectory(dir=new.parent) as scratch:
        home = Path(scratch)
        archive = Archive(home / "apt", architecture.suite, architecture.name)
        found = archive.with_dependencies((*_PACKAGES, *architecture.packages))
        # Files in it belong to several users: a process of its own, so that they may do so for whoever is not root.
        as_root = [] if os.geteuid() == 0 else ["fakeroot", "--"]
        arguments = [home / "root", kernel.modules, new / "root.img", *found]
        subprocess.run([*as_root, sys.executable, "-m", __name__, *arguments], check=True)


def assemble(root: Path, modules: Path, image: Path, found: Sequence[Path]) -> None:
    """Make the tree `root` of these packages, and the image of it."""
    _unpack(found, root)
    _note_as_installed(found, root / "var/lib/dpkg")
    _configure(root)
    shutil.copytree(modules, root / "usr/lib/modules", dirs_exist_ok=True)
    command = ["/sbin/mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", str(root), str(image), _SIZE]
    subprocess.run(command, check=True)


def _unpack(found: Sequence[Path], root: Path) -> None:
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(f"usr/{name}")
    for deb in found:
        debs.unpack(deb, root)


def _note_as_installed(found: Sequence[Path], database: Path) -> None:
    """Tell dpkg what is there, as if it had done it."""
    (database / "info").mkdir(parents=True, exist_ok=True)
    (database / "info/format").write_text("1\n")
    (database / "updates").mkdir(exist_ok=True)
    (database / "available").touch()
    status = []
    for deb in found:
        done = subprocess.run(["dpkg-deb", "--field", deb], capture_output=True, text=True, check=True)
        fields = done.stdout
        name, arch = (_field(fields, key) for key in ("Package", "Architecture"))
        status.append(fields.replace("\n", "\nStatus: install ok installed\n", 1))
        suffix = f":{arch}" if _field(fields, "Multi-Arch") == "same" else ""
        listed = "".join(f"{path}\n" for path in debs.contents(deb))
        (database / "info" / f"{name}{suffix}.list").write_text(listed)
    (database / "status").write_text("\n".join(status))


def _field(fields: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)$", fields, re.MULTILINE)
    return found[1] if found else ""


def _configure(root: Path) -> None:
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    for name in ("mnt", "media", "opt", "srv", "var/mail"):  # as base-files would
        (root / name).mkdir(exist_ok=True)
    for path, text in _FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for path, target in _LINKS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    for library in (*root.glob("usr/lib/*/blas/libblas.so.3"), *root.glob("usr/lib/*/lapack/liblapack.so.3")):
        (library.parents[1] / library.name).symlink_to(library.relative_to(library.parents[1]))  # as its package would
    (root / HAND).parent.mkdir(parents=True)
    (root / "etc/shadow").chmod(0o640)
    _compile(root)


def _compile(root: Path) -> None:
    """Python's own modules, as its package does when it is installed: an emulated processor takes half a minute."""
    (modules,) = (root / "usr/lib").glob("python3.*")
    python = shutil.which(modules.name) or sys.executable
    command = [python, "-s", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash"]
    command += ["-s", str(root), "-p", "/", str(modules), str(root / "usr/lib/python3")]
    subprocess.run(command, check=True, env={"PATH": os.environ["PATH"]})


if __name__ == "__main__":
    _root, _modules, _image, *_found = map(Path, sys.argv[1:])
    assemble(_root, _modules, _image, _found)
