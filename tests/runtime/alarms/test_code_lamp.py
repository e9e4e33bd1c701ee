"""The beacon that tells the code of the service page, and what comes before it."""

from dataclasses import replace
from itertools import groupby

from agent.contract.lamps import IDLE, PRESSED, Pattern
from agent.contract.vocabulary import AckAction
from tests.support.kiosk import Kiosk


def read(kiosk: Kiosk, seconds: float) -> str:
    """What somebody in front of the beacon writes down: `L` for a long flash, and each digit."""
    seen = []
    for _ in range(int(seconds * 10)):
        seen.append(kiosk.lights.shown().beacon is Pattern.ON)
        kiosk.wait(0.1)
    said, flashes = "", 0
    for lit, stretch in groupby(seen):
        tenths = len([*stretch])
        if lit:
            flashes = -1 if tenths > 10 else flashes + 1
        elif tenths > 10:
            said += "L" if flashes == -1 else str(flashes % 10)
            flashes = 0
    return said


def test_a_person_can_read_the_code_from_the_beacon_again_and_again(kiosk: Kiosk) -> None:
    kiosk.pipeline.show_code("12345670")
    assert read(kiosk, 90).startswith("L12345670L1")
    kiosk.pipeline.show_code(None)
    assert kiosk.lights.shown() == IDLE


def test_a_press_ends_the_code_at_once_and_for_good_and_a_silent_one_does_not_show(kiosk: Kiosk) -> None:
    kiosk.pipeline.show_code("00000000")
    kiosk.edge("hidden")
    kiosk.pipeline.drain()
    assert kiosk.lights.shown().beacon is Pattern.ON

    alarm_id = kiosk.press()
    assert kiosk.lights.shown() == PRESSED
    kiosk.wait(5)
    assert kiosk.lights.shown() == PRESSED
    kiosk.ack(alarm_id, AckAction.CLOSED)
    before = len(kiosk.lights.history)
    for _ in range(5):
        kiosk.wait(0.7)
    assert kiosk.lights.shown() == IDLE
    assert len(kiosk.lights.history) == before


def test_the_beacon_shows_that_somebody_looks_while_nothing_more_urgent_needs_it(kiosk: Kiosk) -> None:
    kiosk.pipeline.show_look(True)
    assert kiosk.lights.shown() == replace(IDLE, beacon=Pattern.SLOW_PULSE)
    assert not kiosk.pipeline.has_silent()
    kiosk.edge("hidden")
    kiosk.pipeline.drain()
    assert kiosk.lights.shown() == replace(IDLE, beacon=Pattern.SLOW_PULSE), "a silent press changes nothing"
    assert kiosk.pipeline.has_silent()

    alarm_id = kiosk.press()
    assert kiosk.lights.shown() == PRESSED
    kiosk.ack(alarm_id, AckAction.CLOSED)
    assert kiosk.lights.shown().beacon is Pattern.SLOW_PULSE
    kiosk.pipeline.show_look(False)
    assert kiosk.lights.shown() == IDLE
