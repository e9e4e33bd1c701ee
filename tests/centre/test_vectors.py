"""The library decides as the vectors say; `tests/control_room/test_vectors.py` drives the page's twin by the same."""

from typing import Any

import pytest

from tests.support.vectors import CASES, mismatches


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_library_decides_as_the_vectors_say(case: dict[str, Any]) -> None:
    assert mismatches(case) == []
