"""The tests that a change touches, nearest first, within a minute: `python -m tests.support.quick`.

The change is what is not committed yet, else the newest commit, or with `--base REV` everything since REV. The tests of
the documents and the contract's snapshot always run. After them come the test files that import a changed module,
directly or through another module, and those in the changed module's room. When the time is up, it says what is left to
`make test`.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Collection, Iterable
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
ALWAYS = ("tests/docs", "tests/contract/test_released.py", "tests/contract/test_tables.py", "tests/test_rooms.py")
LEFT_OUT = ("campaign", "system", "enrolment", "recording", "grading", "eyes", "diagnosis", "package")
"""Whole processes, films and containers take too long for a minute, unless the test file itself was changed."""
_LEFT_OUT_ROOMS = ("tests/campaigns/", "tests/control_room/", "tests/system/")
_FURTHEST = 3
"""Imports between a test file and a changed module. Beyond that, everything depends on everything."""
_MOST_FILES = 40
"""To read more of them takes longer than there is time for their tests."""
_TIME_S = 45.0
_TREES = {"agent": "agent", "deploy/centre/edge_centre": "edge_centre", "deploy": "deploy", "tests": "tests"}


def changed_files(base: str | None) -> list[str]:
    """The files of the change, from the root of the repository."""
    since = [base] if base else ["HEAD"]
    files = _git("diff", "--name-only", *since) + _git("ls-files", "--others", "--exclude-standard")
    return files or _git("diff", "--name-only", "HEAD~1", "HEAD")


def ranked(files: Collection[str], root: Path = ROOT) -> list[str]:
    """The test files that a change of `files` touches, nearest first."""
    distance: dict[str, float] = {}

    def near(test: str, steps: float) -> None:
        is_quick = test in files or not test.startswith(_LEFT_OUT_ROOMS)
        if is_quick and Path(test).name.startswith("test_") and (root / test).exists():
            distance[test] = min(steps, distance.get(test, steps))

    for test, steps in _importing(files, root).items():
        near(test, steps)
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((root / "tests").rglob("test_*.py"))}
    for file in files:
        if file.startswith("tests/"):
            near(file, 0)
        for test in _in_the_room_of(file, root):
            near(test, 1)
        if not file.endswith((".py", ".md")):  # a unit, a template or a page: whoever reads it names it
            for path, text in texts.items():
                if Path(file).name in text:
                    near(str(path.relative_to(root)), 1)
    return sorted(distance, key=lambda test: (distance[test], test))


def _importing(files: Iterable[str], root: Path) -> dict[str, int]:
    """By test file, how many imports away the nearest changed module is."""
    packages = [
        "agent",
        "edge_centre",
        "tests",
        *(f"deploy.{each.parent.name}" for each in root.glob("deploy/*/__init__.py")),
    ]
    graph = grimp.build_graph(*packages, cache_dir=str(root / ".import_linter_cache"))
    steps: dict[str, int] = {}
    reached = {module for file in files if (module := _module(file)) in graph.modules}
    for distance in range(_FURTHEST + 1):
        steps |= dict.fromkeys(reached, distance)
        reached = {up for module in reached for up in graph.find_modules_that_directly_import(module)} - steps.keys()
    return {module.replace(".", "/") + ".py": at for module, at in steps.items() if module.startswith("tests.")}


def _module(file: str) -> str | None:
    if not file.endswith(".py"):
        return None
    folder = next((each for each in _TREES if file.startswith(f"{each}/")), None)
    if folder is None:
        return None
    name = (_TREES[folder] + file.removeprefix(folder)).removesuffix(".py").removesuffix("/__init__")
    return name.replace("/", ".")


def _in_the_room_of(file: str, root: Path) -> list[str]:
    """The test files named after the module `file`, else those of its room."""
    path = Path(file.replace("deploy/centre/edge_centre/", "deploy/").removeprefix("agent/"))
    room = root / "tests" / path.parent
    named = [*room.glob(f"test_{path.stem}*.py")]
    tests = named or ([*room.glob("test_*.py")] if path.parent != Path() else [])
    return [str(each.relative_to(root)) for each in tests]


def _git(*arguments: str) -> list[str]:
    ran = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return ran.stdout.split("\n")[:-1]


class _Worker:
    """In each worker: leaves out by marks, and lets no test begin after the end of the time."""

    def __init__(self, until: float, changed: Collection[str]) -> None:
        self._until = until
        self._changed = changed

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        kept = [item for item in items if item.location[0] in self._changed or not self._is_left_out(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    @staticmethod
    def _is_left_out(item: pytest.Item) -> bool:
        return any(item.get_closest_marker(mark) for mark in LEFT_OUT)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self) -> bool | None:
        return True if time.time() > self._until else None


class _Count:
    """How many tests were chosen and have run, as the process knows that hands them out."""

    def __init__(self) -> None:
        self.chosen = 0
        self.ran = 0

    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self.chosen = len(ids)

    def pytest_runtest_logfinish(self) -> None:
        self.ran += 1


def pytest_configure(config: pytest.Config) -> None:
    """As a plugin of each worker."""
    if hasattr(config, "workerinput"):
        changed = config.getoption("quick_changed").split()
        config.pluginmanager.register(_Worker(config.getoption("quick_until"), changed))


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the workers must know: the end of the time in seconds since 1970, and the test files that were changed."""
    parser.addoption("--quick-until", type=float)
    parser.addoption("--quick-changed")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make quick", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--base", metavar="REV", help="all that has changed since this commit")
    parser.add_argument("--list", action="store_true", help="print the test files and run nothing")
    parser.add_argument("--seconds", type=float, default=_TIME_S, help="for the tests (%(default)s)")
    args = parser.parse_args(arguments)
    files = changed_files(args.base)
    found = ranked(files)
    tests = found[:_MOST_FILES]
    if args.list:
        print("\n".join(tests))
        return 0
    count = _Count()
    limits = [f"--quick-until={time.time() + args.seconds}", f"--quick-changed={' '.join(files)}"]
    code = pytest.main(
        ["-p", "tests.support.quick", "-n", "2", "--dist", "load", *limits, *ALWAYS, *tests], plugins=[count]
    )
    if left := count.chosen - count.ran:
        print(f"No time for {left} tests that are further from the change: make test runs them", flush=True)
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
