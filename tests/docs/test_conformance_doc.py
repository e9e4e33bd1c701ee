"""docs/conformance.md says what the grader does."""

import re
from pathlib import Path

from edge_centre.conform.centre import SCENARIOS
from edge_centre.conform.checks import CHECKS
from edge_centre.conform.verdict import name_of, what_of
from edge_centre.conform.view import View, ViewAlarm

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")


def test_the_page_has_every_scenario_with_what_is_sent() -> None:
    rows = [f"| `{name_of(each)}` | {what_of(each)} |" for each in SCENARIOS]
    assert rows_of("## The scenarios") == rows


def test_the_page_has_every_check_with_what_is_looked_at() -> None:
    rows = [f"| `{name_of(each)}` | {what_of(each)} |" for each in CHECKS]
    assert rows_of("## Grade a device") == rows


def rows_of(heading: str) -> list[str]:
    section = PAGE.partition(heading)[2].partition("\n## ")[0]
    return re.findall(r"^\| `[a-z0-9-]+` \| .*$", section, re.MULTILINE)


def test_the_page_explains_every_field_of_a_view_and_its_example_is_one() -> None:
    section = PAGE.partition("## The result topic")[2].partition("## ")[0]
    named = {*View.model_fields, *ViewAlarm.model_fields}
    assert [name for name in named if f"`{name}`" not in section] == []
    example = re.search(r"```json\n(.*?)```", section, re.DOTALL)
    assert example is not None
    View.model_validate_json(example[1])
