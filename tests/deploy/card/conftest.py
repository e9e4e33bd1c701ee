"""Cards of each release, and packages that are none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent import __version__
from deploy.card.__main__ import main
from deploy.package.target import TARGETS
from tests.support.boot_partition import STOCK, make

Image = Callable[..., int]


@pytest.fixture(params=STOCK)
def card(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A card's boot partition, of each release."""
    return make(str(request.param), tmp_path)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """`make image` with its arguments, with packages that are built."""
    dist = tmp_path / "dist"
    dist.mkdir()
    for target in TARGETS.values():
        (dist / target.file_name(__version__)).write_bytes(target.name.encode())

    def run(card: Path, *more: str | Path, profile: str = "kiosk-pi4") -> int:
        return main(["--profile", profile, "--out", str(card), "--dist", str(dist), *map(str, more)])

    return run
