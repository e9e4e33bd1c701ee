"""What the breakages name is still there; `make mutants` shows that each is noticed."""

import ast
import tomllib
from pathlib import Path

import pytest

from tests.campaigns.mutants.breakage import Breakage
from tests.campaigns.mutants.named import BREAKAGES, ROOT, StaleBreakageError, broken


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.name)
def test_every_breakage_still_fits_the_code_and_names_a_test(breakage: Breakage) -> None:
    ast.parse(broken(breakage))
    file, _, name = breakage.test.partition("::")
    tests = ast.parse((ROOT / file).read_text()).body
    assert not name or name in {test.name for test in tests if isinstance(test, ast.FunctionDef)}


def test_every_file_that_mutmut_is_told_of_is_there() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    named = [*told["source_paths"], *told["pytest_add_cli_args_test_selection"], *told["do_not_mutate"]]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_breakage_whose_line_has_changed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text("first\nfirst\n")

    for line in ("first", "second"):
        with pytest.raises(StaleBreakageError, match="once"):
            broken(Breakage("a breakage", "part.py", line, "third", "tests"), tmp_path)
