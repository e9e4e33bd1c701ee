"""What is made once a machine: by whoever comes first, and not for ever."""

import os
from pathlib import Path

import pytest

from deploy.package.kept import made_once, sweep


def test_it_is_made_once_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail(made: Path) -> None:
        made.mkdir()
        raise OSError("no network")

    kept = tmp_path / "cache/python"
    with pytest.raises(OSError, match="no network"):
        made_once(kept, fail)
    assert list(kept.parent.iterdir()) == []
    assert made_once(kept, Path.mkdir) == kept
    assert made_once(kept, fail) == kept


def test_who_is_slower_takes_what_the_quicker_has_made(tmp_path: Path) -> None:
    kept = tmp_path / "python"

    def make(made: Path) -> None:
        made.mkdir()
        (made_once(kept, Path.mkdir) / "of the quicker").touch()

    assert [path.name for path in made_once(kept, make).iterdir()] == ["of the quicker"]
    assert list(tmp_path.iterdir()) == [kept]


def test_of_one_kind_the_last_few_that_were_used_stay(tmp_path: Path) -> None:
    for age_s, name in enumerate(("arm64-e", "arm64-d", "arm64-c", "arm64-b", "arm64-a", "armhf-a")):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1_000_000 - age_s, 1_000_000 - age_s))
    made_once(tmp_path / "arm64-a", Path.mkdir)
    sweep(tmp_path, "arm64-*")
    assert {path.name for path in tmp_path.iterdir()} == {"arm64-e", "arm64-d", "arm64-a", "armhf-a"}
