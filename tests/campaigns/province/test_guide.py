"""The figures of the guide are those of its own text, and within their limits; `make province` plays it."""

import re

from tests.campaigns.province.play import Part
from tests.campaigns.province.reader import GUIDE, guide
from tests.campaigns.province.report import MOST_MINUTES, PLACE, table, too_much


def test_the_guide_has_as_many_commands_as_its_table_says_and_keeps_its_limits() -> None:
    site, card, _, walk, _, first, approve, start = guide()
    text = GUIDE.read_text(encoding="utf-8").partition(f"<!-- {PLACE} -->")[2].partition(f"<!-- /{PLACE} -->")[0]
    row = r"^\| (a [^|]*) \| (\d+)(?:, (\d+) [a-z ]+)?[^|]* \| (\d+)[^|]* \| ([\d.]+)[^|]* \|$"
    parts = [
        Part(what, int(typed), int(edited), int(again or 0), 60 * float(minutes))
        for what, typed, again, edited, minutes in re.findall(row, text, re.MULTILINE)
    ]
    assert [part.commands for part in parts] == [len(site), len(card + walk), len(first + approve + start)]
    assert too_much(parts) == ""
    assert table(parts) in text


def test_a_slow_site_a_command_more_and_a_file_to_edit_are_too_much() -> None:
    said = too_much([Part("a site: all of it", 4, seconds=60 * MOST_MINUTES + 6), Part("a device, walked", 3, 1)])
    assert said == "4 commands for a site, 10.1 minutes for a site, 3 commands for a device, a file was edited by hand"
