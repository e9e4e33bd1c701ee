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
    words = ("--platform=node", "--target=node20", f"--banner:js={_BANNER}")
    return _bundled(ROOT / "tests" / "control_room" / f"{name}.ts", words, factory)


def worker(factory: pytest.TempPathFactory) -> Path:
    """The worker as a browser loads it, without the page."""
    words = ("--target=es2022", "--minify", '--define:process.env.NODE_ENV="production"')
    return _bundled(_ROOM / "src" / "worker" / "main.ts", words, factory)


def _bundled(source: Path, words: Sequence[str], factory: pytest.TempPathFactory) -> Path:
    def build(directory: Path) -> None:
        targets = [path.relative_to(ROOT) for path in _NEEDED]
        made = ran("make", "-s", *targets, f"VENV={sys.prefix}", cwd=ROOT, timeout=300)
        assert made.returncode == 0, made.stdout + made.stderr
        out = f"--outfile={directory / 'program.mjs'}"
        modules = {"NODE_PATH": str(_ROOM / "node_modules")}
        esbuild = _ROOM / "node_modules" / ".bin" / "esbuild"
        made = ran(esbuild, source, "--bundle", "--format=esm", *words, out, env=os.environ | modules)
        assert made.returncode == 0, made.stdout + made.stderr

    return once(factory, f"control-room-{source.stem}", build) / "program.mjs"
