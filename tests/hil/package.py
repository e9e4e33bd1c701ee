"""The agent's package of this tree for the emulated machine: as it is published, only not compressed."""

from pathlib import Path

from deploy.package import target, tree
from deploy.package.__main__ import PROJECT, build
from tests.hil import cache

_SOURCES = ("agent", "deploy/package", "deploy/systemd", "firmware_configs")


def package(arch: str) -> Path:
    """The .deb, built when anything has changed that goes into it."""
    ingredients: list[str | Path] = [arch, PROJECT / "pyproject.toml", PROJECT / "README.md", tree.model()[1]]
    ingredients += cache.tree(*(PROJECT / each for each in _SOURCES))
    made = cache.made(f"package-{arch}", ingredients, lambda new: _build(arch, new))
    return next(made.glob("*.deb"))


def _build(arch: str, directory: Path) -> None:
    build(target.TARGETS[arch], directory, "none")
