"""The control room's `src/centre` decides as the vectors say, as `tests/centre/test_vectors.py` has the library do."""

import pytest

from tests.support.control_room import program
from tests.support.run import ran
from tests.support.vectors import VECTORS


def test_the_page_decides_as_the_vectors_say(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = ran("node", program("vectors_program", tmp_path_factory), VECTORS)
    assert done.returncode == 0, done.stdout
    assert "\n# pass 0\n" not in done.stdout.replace("ℹ", "#")  # noqa: RUF001 - what Node writes before a figure
