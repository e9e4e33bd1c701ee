"""A short form of `python -m tests.control_room.reloads`."""

from statistics import median

from tests.control_room.reloads import KINDS, WITHIN_MS, heard_ms, play
from tests.control_room.rig import Browser, Rig


def test_an_operator_who_opens_the_page_is_called_for_nobody_who_is_helped_and_soon_for_somebody_who_waits(
    two_hosts: Rig, browser: Browser
) -> None:
    loads = list(play(two_hosts, browser, 2 * len(KINDS)))
    browser.forgive("WebSocket")
    assert [each for each in loads if not each.is_right] == []
    assert median(heard_ms(loads)) < WITHIN_MS
