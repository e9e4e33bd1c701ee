"""A registrar's rules for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.registrar import Rules


@pytest.fixture
def rules(tmp_path: Path) -> Iterator[Rules]:
    """The registrar of kzn without its web, with an empty database."""
    made = Rules(tmp_path)
    yield made
    made.store.close()
