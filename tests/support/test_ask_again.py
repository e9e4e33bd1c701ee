"""How `.ci/run` asks a test that has failed once more."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.run import ran

ROOT = Path(__file__).parents[2]
PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert False, 'always'\n"
FAILS_ONCE = """
from pathlib import Path
def test_fails_once():
    first, here = not Path("been").exists(), Path("been").touch()
    assert not first, "the first time"
"""
MANY_FAIL = "import pytest\n@pytest.mark.parametrize('n', range(11))\ndef test_fails(n): assert False\n"


@pytest.mark.parametrize(
    ("tests", "code", "asked"),
    [
        (FAILS_ONCE + PASSES, 0, "Asked again, alone: 1"),
        (FAILS_ONCE + FAILS, 1, "Asked again, alone: 2"),
        (MANY_FAIL, 1, ""),
        ("import nothing_of_that_name\n", 1, ""),
    ],
    ids=["one fails once", "one fails twice", "eleven fail", "nothing can be collected"],
)
def test_what_passes_alone_is_named_as_unstable_and_what_fails_twice_has_failed(
    tmp_path: Path, tests: str, code: int, asked: str
) -> None:
    (tmp_path / "test_planted.py").write_text(tests)
    words = ("-m", "tests.support.ask_again", "-n", "2", "-p", "no:cacheprovider", "test_planted.py")
    done = ran(sys.executable, *words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == code, done.stdout
    assert asked in done.stdout
    assert bool(asked) == ("Asked again" in done.stdout)
    unstable = tmp_path / "build" / "unstable.txt"
    named = unstable.read_text().splitlines() if unstable.exists() else []
    assert [line for line in named if not line.startswith("    ")] == (
        ["test_planted.py::test_fails_once"] if FAILS_ONCE in tests else []
    )
    assert ("the first time" in "".join(named)) == (FAILS_ONCE in tests)
