import os
import time
from pathlib import Path

import pytest

from tests.campaigns.emulation.book import DayOverError
from tests.campaigns.emulation.scratch import in_scratch, scratch


def test_a_killed_day_is_swept_and_one_that_goes_on_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with scratch() as going_on:
        killed = going_on.with_name("day-killed")
        killed.mkdir()
        os.utime(killed, times=(0, time.time() - 25 * 3600))
        with scratch() as other:
            assert {each.name for each in other.parent.iterdir()} == {going_on.name, other.name}
    assert list(going_on.parent.iterdir()) == []


def test_what_goes_wrong_outside_of_any_row_is_told_and_an_end_after_an_essential_row_too() -> None:
    def machine_that_is_gone(directory: Path) -> None:
        raise OSError(f"{directory.is_dir()}")

    def day_that_is_over(_: Path) -> None:
        raise DayOverError

    assert in_scratch(lambda _: None) == []
    assert in_scratch(machine_that_is_gone) == ["OSError: True"]
    assert in_scratch(day_that_is_over) == ["nothing that would have followed made sense"]
