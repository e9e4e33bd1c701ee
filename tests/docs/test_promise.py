import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISE = (ROOT / "docs" / "promise.md").read_text(encoding="utf-8")
_PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    table = PROMISE.partition("## The promises")[2].partition("## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row[0])[:50])
def test_every_promise_names_its_faults_and_tests_that_exist(row: list[str]) -> None:
    promise, faults, proof = row
    assert promise
    assert faults
    named = _PROOF.findall(proof)
    assert named
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file} has no {name}"
