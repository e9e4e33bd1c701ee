"""The packages for the Debian that this Python is of, built once for all tests."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.models.cache import cache_directory
from deploy.package import archive, control, tree
from deploy.package.__main__ import build
from deploy.package.target import TARGETS
from tests.deploy.package.life import ROOT
from tests.support import debian
from tests.support.debian import RELEASE
from tests.support.once import once
from tests.support.root import run_as_root


@pytest.fixture(scope="session")
def amd64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is published, only not compressed."""
    return _package("amd64", tmp_path_factory)


@pytest.fixture(scope="session")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for a 64-bit Pi."""
    return _package("arm64", tmp_path_factory)


@pytest.fixture(scope="session")
def armhf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for 32-bit Arm: a quarter of the size."""
    return _package("armhf", tmp_path_factory)


@pytest.fixture(scope="session")
def life(tmp_path_factory: pytest.TempPathFactory, amd64: Path) -> Path:
    """What each step in the life of the package has left: one JSON file each."""
    if lacking := debian.missing():
        pytest.skip(lacking)

    def live(directory: Path) -> None:
        newer, foreign = _newer(amd64, directory), _foreign(directory)
        # The same cache, whoever becomes root.
        cache = f"XDG_CACHE_HOME={cache_directory().parent}"
        program = ("env", cache, sys.executable, "-m", "tests.deploy.package.life")
        run_as_root(*program, directory, amd64, newer, foreign, cwd=ROOT)
        newer.unlink()

    return once(tmp_path_factory, "life", live)


def _package(arch: str, factory: pytest.TempPathFactory) -> Path:
    target = TARGETS[f"{RELEASE.name}-{arch}"]
    made = once(factory, arch, lambda directory: print(build(target, directory, "none")))
    return next(made.glob("*.deb"))


def _foreign(directory: Path) -> Path:
    """What dpkg reads of the other Debian's package, and nothing else in it."""
    [target] = [each for each in TARGETS.values() if each.arch == "amd64" and each.release != RELEASE]
    root, deb = directory / "foreign", directory / target.file_name("0.1.0")
    root.mkdir()
    control.build(tree.PRODUCTS[target.product], target, root, "0.1.0")
    archive.build(root, deb, 0, "none")
    shutil.rmtree(root)
    return deb


def _newer(deb: Path, directory: Path) -> Path:
    """The same package with a higher version."""
    tree, newer = directory / "newer", directory / "newer.deb"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 99."))
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(newer)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return newer
