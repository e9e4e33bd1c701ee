"""The time of day of the self-test, as a person writes it."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent.core.errors import SettingsError
from tests.settings.test_inputs import BUTTON, read


def offset_of(directory: Path, written: str) -> tuple[int, int, timedelta | None]:
    at = read(directory, BUTTON, f"[self_test]\n{written}\n").self_test.at
    return at.hour, at.minute, at.utcoffset()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", (3, 0, timedelta(hours=2))),
        ('at = "04:30+02:00"', (4, 30, timedelta(hours=2))),
        ('at = "04:30Z"', (4, 30, timedelta(0))),
        ('at = "04:30"', (4, 30, None)),
        ("at = 04:30:00", (4, 30, None)),
    ],
)
def test_the_time_of_day_may_be_written_in_each_usual_form(
    tmp_path: Path, written: str, meant: tuple[int, int, timedelta | None]
) -> None:
    assert offset_of(tmp_path, written) == meant


@pytest.mark.parametrize("written", ['at = "25:00"', 'at = "at night"', "spread_s = -1", "retry_after_s = 1"])
def test_what_is_no_time_of_day_is_told(tmp_path: Path, written: str) -> None:
    with pytest.raises(SettingsError, match="self_test"):
        offset_of(tmp_path, written)
