"""The figures of the guide are those of its own text, and within their limits; `make province` plays it."""

import re

from tests.campaigns.province.play import Part
from tests.campaigns.province.reader import GUIDE, guide
from tests.campaigns.province.report import MOST_MINUTES, PLACE, table, too_much


def test_the_guide_has_as_many_commands_as_its_table_says_and_keeps_its_limits() -> None:
    site, claim, with_claim, first, approve, start, _ = guide()
    text = GUIDE.read_text(encoding="utf-8").partition(f"<!-- {PLACE} -->")[2].partition(f"<!-- /{PLACE} -->")[0]
    rows = re.findall(r"^\| (a [^|]*) \| (\d+)[^|]* \| (\d+)[^|]* \| ([\d.]+)[^|]* \|$", text, re.MULTILINE)
    parts = [Part(what, int(typed), int(edited), 60 * float(minutes)) for what, typed, edited, minutes in rows]
    assert [part.commands for part in parts] == [len(site), len(claim + with_claim), len(first + approve + start)]
    assert too_much(parts) == ""
    assert table(parts) in text


def test_a_slow_site_a_fourth_command_and_a_file_to_edit_are_too_much() -> None:
    said = too_much([Part("a site", 4, 1, 60 * MOST_MINUTES + 6)])
    assert said == "4 commands for a site, 10.1 minutes for a site, a file was edited by hand"
