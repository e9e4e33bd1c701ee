"""What the breakages name is still there; `make mutants` shows that each is noticed."""

import ast
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


def test_a_breakage_whose_line_has_changed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text("first\nfirst\n")

    for line in ("first", "second"):
        with pytest.raises(StaleBreakageError, match="once"):
            broken(Breakage("a breakage", "part.py", line, "third", "tests"), tmp_path)
