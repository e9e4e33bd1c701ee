import json
from pathlib import Path

import pytest

from tests.campaigns.emulation import report
from tests.campaigns.emulation.book import Book, DayOverError, Row


def day() -> list[Row]:
    book = Book(lambda _: None)
    book.step = "presses"
    with book.row("a press arrives") as row:
        row.seen = "1 alarm <of police> & [no more]"
        row.figures["edge_to_yellow_ms"] = 3.5
    book.step = "broker"
    with book.row("it comes back"):
        raise AssertionError("2 presses told, of 3 made\nand more of it")
    return book.rows


def test_a_row_is_so_unless_its_block_raises() -> None:
    assert [row.fault for row in day()] == [None, "2 presses told, of 3 made\nand more of it"]


def test_a_fault_without_words_is_a_fault() -> None:
    book = Book(lambda _: None)
    with book.row("something"):
        raise AssertionError

    assert book.faults == ["something: AssertionError"]


def test_after_the_fault_of_an_essential_row_the_day_is_over_and_the_row_is_in_the_book() -> None:
    book = Book(lambda _: None)
    with pytest.raises(DayOverError), book.row("it boots", essential=True):
        raise OSError("no kernel")

    assert book.faults == ["it boots: no kernel"]


def test_a_mistake_of_the_test_itself_is_no_fault_of_a_row() -> None:
    book = Book(lambda _: None)
    with pytest.raises(KeyError), book.row("something"):
        raise KeyError("typing error")


def test_the_record_has_every_row_with_its_figures(tmp_path: Path) -> None:
    report.write_json(tmp_path / "build/emulation.json", day(), {"seconds": 1.5})
    record = json.loads((tmp_path / "build/emulation.json").read_text())

    assert record["seconds"] == 1.5
    assert [(row["step"], row["passed"]) for row in record["rows"]] == [("presses", True), ("broker", False)]
    assert record["rows"][0]["figures"] == {"edge_to_yellow_ms": 3.5}


MACHINE = {"processor": "a processor", "cores": 2}


def test_the_table_names_each_step_once_and_keeps_what_was_seen_to_its_cell() -> None:
    book = Book(lambda _: None)
    book.step = "presses"
    for seen in ("a | b", "two\nlines"):
        with book.row("it arrives") as row:
            row.seen = seen

    table = report.markdown(MACHINE, book.rows, 99.6)

    assert table.startswith("| step |")
    assert "| presses | it arrives | a \\| b |\n|  | it arrives | two lines |\n" in table
    assert table.endswith("\n(100 s on a processor, 2 cores.)\n")
