"""What tests of the control room's page share."""

import sys
from pathlib import Path

import pytest

from tests.support.once import once
from tests.support.run import ran

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the built page; `make control-room` builds it only where something has changed."""

    def build(_: Path) -> None:
        done = ran("make", "-s", "control-room", f"VENV={sys.prefix}", cwd=_ROOT, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr

    once(tmp_path_factory, "control-room", build)
    return _ROOT / "deploy" / "control-room" / "dist"
