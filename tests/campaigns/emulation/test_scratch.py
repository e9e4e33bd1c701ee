import os
import time
from pathlib import Path

import pytest

from tests.campaigns.emulation.scratch import scratch


def test_a_killed_day_is_swept_and_one_that_goes_on_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with scratch() as going_on:
        killed = going_on.with_name("day-killed")
        killed.mkdir()
        os.utime(killed, times=(0, time.time() - 25 * 3600))
        with scratch() as other:
            assert {each.name for each in other.parent.iterdir()} == {going_on.name, other.name}
    assert list(going_on.parent.iterdir()) == []
