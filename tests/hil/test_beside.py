"""What another process has played comes back as it was."""

from pathlib import Path

from tests.hil import beside, report
from tests.hil.book import Row

ROWS = [
    Row("camera: cable", "the cable is pulled", "after 4.1 s", {"signal_lost_s": 4.1}, None, 4.5),
    Row("camera: rights", "the doctor names the node", "", {}, "it does not", 9.0),
]


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    report.write_json(tmp_path / "camera.json", ROWS, {"fault": None})

    assert beside.read(tmp_path / "camera.json") == (ROWS, None)


def test_so_does_what_went_wrong_outside_of_any_row(tmp_path: Path) -> None:
    report.write_json(tmp_path / "camera.json", ROWS[:1], {"fault": "no machine can be emulated"})

    assert beside.read(tmp_path / "camera.json") == (ROWS[:1], "no machine can be emulated")
