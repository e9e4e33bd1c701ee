"""The agent's package of this tree for the emulated machine: as it is published, only not compressed."""

from pathlib import Path

from deploy.package import target, tree
from deploy.package.__main__ import PROJECT, build
from tests.campaigns.emulation import cache
from tests.campaigns.emulation.architecture import Architecture

_SOURCES = ("agent", "deploy/openssl", "deploy/package", "deploy/systemd", "firmware_configs")
_FILES = ("pyproject.toml", "LICENSE")
"""Beside them. README.md, its description, is left out: its words change nothing that runs."""


def package(architecture: Architecture) -> Path:
    """The .deb, built when anything has changed that goes into it."""
    manifest, model, _ = tree.model()
    ingredients: list[str | Path] = [
        architecture.name,
        architecture.suite,
        model,
        repr(manifest),
        *(PROJECT / each for each in _FILES),
    ]
    ingredients += cache.tree(*(PROJECT / each for each in _SOURCES))
    made = cache.made(f"package-{architecture.name}", ingredients, lambda new: _build(architecture, new))
    return next(made.glob("*.deb"))


def _build(architecture: Architecture, directory: Path) -> None:
    build(target.TARGETS[f"{architecture.suite}-{architecture.name}"], directory, "none")
