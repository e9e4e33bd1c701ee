from pathlib import Path
from typing import Any

from tests.campaigns.emulation.recording import Cut, Record, around

S = 1_000_000_000


def fragments(*times_s: float) -> list[dict[str, Any]]:
    return [
        {"manifest": 1},
        *({"kind": "fragment", "begin_ns": int(at * S), "end_ns": int((at + 1) * S)} for at in times_s),
    ]


def test_only_pictures_without_a_hole_around_the_press_count() -> None:
    assert around(5 * S, fragments(1, 2, 3, 4, 5)) == (4.0, 1.0)
    assert around(5 * S, fragments(1, 3.5, 4.5, 5.5, 8)) == (1.5, 1.5), "two seconds are missing before, and after it"
    assert around(5 * S, fragments(1, 2)) == (0.0, 0.0), "it ends before the press"
    assert around(5 * S, fragments(1, 2, 7, 8)) == (0.0, 0.0), "the press is in the hole"
    assert around(5 * S, []) == (0.0, 0.0)


def test_a_run_that_was_ended_goes_on_where_it_stopped(tmp_path: Path) -> None:
    file = tmp_path / "build" / "cuts.jsonl"
    first = Record(file, "package-1", 3)
    first.add(Cut("package-1", 60.0, before_s=9.0))
    said = first.add(Cut("package-1", 120.0, fault="it was not there"))
    assert said == "cut 2 of 3: FAILED: it was not there; 2 minutes left"

    again = Record(file, "package-2", 3)
    assert (again.cuts, again.left) == (first.cuts, 1)
    assert Record(file, "package-2", 2).left == 2, "all were made: a new run"
    assert not file.exists()
