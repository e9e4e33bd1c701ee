"""Programs of tests/control_room, which run the control room's worker under Node."""

import os
import sys
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

    def build(directory: Path) -> None:
        made = ran(
            "make", "-s", *(path.relative_to(ROOT) for path in _NEEDED), f"VENV={sys.prefix}", cwd=ROOT, timeout=300
        )
        assert made.returncode == 0, made.stdout + made.stderr
        words = ("--bundle", "--platform=node", "--format=esm", "--target=node20", f"--banner:js={_BANNER}")
        out = f"--outfile={directory / 'program.mjs'}"
        source = ROOT / "tests" / "control_room" / f"{name}.ts"
        modules = {"NODE_PATH": str(_ROOM / "node_modules")}
        made = ran(_ROOM / "node_modules/.bin/esbuild", source, *words, out, env=os.environ | modules)
        assert made.returncode == 0, made.stdout + made.stderr

    return once(factory, f"control-room-{name}", build) / "program.mjs"
