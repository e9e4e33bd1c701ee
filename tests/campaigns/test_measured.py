from pathlib import Path

import pytest

from tests.campaigns import measured
from tests.campaigns.bench import report as bench
from tests.campaigns.bench_vision import report as vision
from tests.campaigns.emulation import report as emulation
from tests.campaigns.enrolment import __main__ as enrolment
from tests.campaigns.evidence import writes


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "measured.md"


def test_a_table_replaces_the_one_before_it_and_nothing_else_changes(page: Path) -> None:
    page.write_text("before\n<!-- mine -->\nold\n<!-- /mine -->\nafter\n<!-- other -->\nkept\n<!-- /other -->\n")
    for _ in range(2):
        measured.put("mine", "| new |\n", page)

    assert page.read_text() == (
        "before\n<!-- mine -->\n\n| new |\n\n<!-- /mine -->\nafter\n<!-- other -->\nkept\n<!-- /other -->\n"
    )


@pytest.mark.parametrize("text", ["nothing", "<!-- mine -->\nno end", "no begin\n<!-- /mine -->"])
def test_a_page_without_a_place_for_it_is_left_alone(page: Path, text: str) -> None:
    page.write_text(text)
    with pytest.raises(LookupError, match="no place for the table"):
        measured.put("mine", "| new |\n", page)
    assert page.read_text() == text


@pytest.mark.parametrize("name", [bench.PLACE, *vision.PLACES.values(), emulation.PLACE, enrolment.PLACE, writes.PLACE])
def test_the_page_has_a_place_for_each_campaign(name: str, page: Path) -> None:
    page.write_text(measured.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    measured.put(name, "| new |\n", page)
    assert "| new |" in page.read_text()


def test_a_cell_holds_whatever_is_in_it() -> None:
    assert measured.cell("a | b\n  c") == "a \\| b c"
