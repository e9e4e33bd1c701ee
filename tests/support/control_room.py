"""Programs of tests/control_room, which run the control room's worker under Node."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.once import once
from tests.support.run import ran

ROOT = Path(__file__).parents[2]
_ROOM = ROOT / "deploy" / "control-room"
_NEEDED = (_ROOM / "node_modules" / ".ready", _ROOM / "src" / "contract.d.ts")
# What mqtt.js is made of asks for Node's own modules in the old way.
_BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"


def program(name: str, factory: pytest.TempPathFactory) -> Path:
    """The program `name`.ts of tests/control_room, with all that it needs in one file for Node."""
    return once(factory, f"control-room-{name}", lambda directory: build_program(name, directory)) / "program.mjs"


def build_program(name: str, directory: Path) -> Path:
    """Build the same into `directory`."""
    words = ("--platform=node", "--target=node20", f"--banner:js={_BANNER}")
    return _bundled(ROOT / "tests" / "control_room" / f"{name}.ts", words, directory)


def worker(factory: pytest.TempPathFactory) -> Path:
    """The worker as a browser loads it, without the page."""
    words = ("--target=es2022", "--minify", '--define:process.env.NODE_ENV="production"')
    source = _ROOM / "src" / "worker" / "main.ts"
    return once(factory, "control-room-main", lambda directory: _bundled(source, words, directory)) / "program.mjs"


def _bundled(source: Path, words: Sequence[str], directory: Path) -> Path:
    targets = [path.relative_to(ROOT) for path in _NEEDED]
    made = ran("make", "-s", *targets, f"VENV={sys.prefix}", cwd=ROOT, timeout=300)
    assert made.returncode == 0, made.stdout + made.stderr
    built = directory / "program.mjs"
    modules = {"NODE_PATH": str(_ROOM / "node_modules")}
    esbuild = _ROOM / "node_modules" / ".bin" / "esbuild"
    made = ran(esbuild, source, "--bundle", "--format=esm", *words, f"--outfile={built}", env=os.environ | modules)
    assert made.returncode == 0, made.stdout + made.stderr
    return built
