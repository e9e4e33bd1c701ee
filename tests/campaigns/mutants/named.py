"""Breaks what must never break, one line at a time, in a copy of the tree, and sees whether the tests notice."""

import os
import queue
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.campaigns.mutants.breakage import Breakage
from tests.campaigns.mutants.broken_answers import ASKED, TOLD
from tests.campaigns.mutants.broken_delivery import KEPT
from tests.campaigns.mutants.broken_inputs import FELT
from tests.campaigns.mutants.broken_siren import SOUNDED

ROOT = Path(__file__).parents[3]
BREAKAGES = KEPT + FELT + TOLD + ASKED + SOUNDED
_COPIED = ("agent", "tests", "docs", "deploy", "pyproject.toml")
_TEST_S = 120
_FAILED = 1
"""What pytest returns when a test has failed, and nothing else went wrong."""


class StaleBreakageError(Exception):
    """A breakage does not fit the code or the tests any more."""


def broken(breakage: Breakage, root: Path = ROOT) -> str:
    """The text of its file with the breakage in it. Raises StaleBreakageError."""
    text = (root / breakage.file).read_text()
    if (found := text.count(breakage.sound)) != 1:
        raise StaleBreakageError(f"{breakage.name}: its line is {found} times in {breakage.file}, not once")
    return text.replace(breakage.sound, breakage.broken)


def run(workers: int, tell: Callable[[Breakage, bool], None], chosen: Sequence[Breakage] = BREAKAGES) -> None:
    """Break each, so many at the same time, and `tell` whether its test has failed.

    Raises StaleBreakageError for one that does not fit any more, and for tests that fail with nothing broken.
    """
    trees: queue.SimpleQueue[Path] = queue.SimpleQueue()

    def is_noticed(breakage: Breakage) -> bool:
        tree = trees.get()
        try:
            return _is_noticed(breakage, tree)
        finally:
            trees.put(tree)

    with ExitStack() as stack:
        for _ in range(workers):
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-agent-broken-"))
            trees.put(tree := _copy(Path(directory)))
        _check_whole(tree, sorted({breakage.test for breakage in chosen}))
        with ThreadPoolExecutor(workers) as pool:
            for breakage, noticed in zip(chosen, pool.map(is_noticed, chosen), strict=True):
                tell(breakage, noticed)


def _copy(directory: Path) -> Path:
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, directory / name)
    return directory


def _is_noticed(breakage: Breakage, tree: Path) -> bool:
    file = tree / breakage.file
    sound = file.read_text()
    try:
        file.write_text(broken(breakage, tree))
        result = _pytest(tree, ["-x", breakage.test])
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_text(sound)
    if result.returncode not in {0, _FAILED}:
        raise StaleBreakageError(f"{breakage.name}: {breakage.test} can't be run:\n{result.stdout}{result.stderr}")
    return result.returncode == _FAILED


def _check_whole(tree: Path, tests: list[str]) -> None:
    result = _pytest(tree, tests)
    if result.returncode:
        raise StaleBreakageError(f"tests fail with nothing broken:\n{result.stdout}{result.stderr}")


def _pytest(tree: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    # No bytecode: a file that is changed twice within a second and keeps its size would be taken for unchanged.
    env = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "--tb=line", *arguments]
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=_TEST_S, check=False)
