import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from gpiozero import InputDevice
from gpiozero.pins.mock import MockFactory

from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.contract.lamps import IDLE, OUT_OF_SERVICE, PRESSED, LightState, Pattern
from agent.core.errors import HardwareError
from agent.core.wiring import LightPins
from tests.support.wait import wait_for

PINS = LightPins(yellow=22, green=27, beacon=23, tone=18)
DARK = LightState(Pattern.OFF, Pattern.OFF, Pattern.OFF, Pattern.OFF)


@pytest.fixture
def lights(factory: MockFactory) -> Iterator[GpiozeroLights]:
    lights = GpiozeroLights(PINS, factory)
    lights.start()
    yield lights
    lights.close()


def lit(factory: MockFactory) -> dict[str, bool]:
    return {name: factory.pin(pin).state for name, pin in PINS.wired().items()}


def changes(factory: MockFactory, pin: int | None) -> int:
    return len(factory.pin(pin).states)


def test_everything_is_dark_at_start(factory: MockFactory, lights: GpiozeroLights) -> None:
    assert not any(lit(factory).values())


def test_the_lights_are_driven_when_show_returns(factory: MockFactory, lights: GpiozeroLights) -> None:
    lights.show(PRESSED)

    assert lit(factory) == {"yellow": True, "green": False, "beacon": True, "tone": False}
    assert lights.shown() == PRESSED


@pytest.mark.parametrize("pattern", [Pattern.FLASH, Pattern.FAST_FLASH, Pattern.SLOW_PULSE])
def test_a_blinking_output_is_lit_at_once_and_then_alternates(
    factory: MockFactory, lights: GpiozeroLights, pattern: Pattern
) -> None:
    factory.pin(PINS.yellow).clear_states()

    lights.show(replace(DARK, yellow=pattern))

    assert factory.pin(PINS.yellow).state
    wait_for(lambda: changes(factory, 22) > 3, what="two full blinks")
    assert [s.state for s in factory.pin(22).states][:4] == [False, True, False, True]


def test_outputs_that_begin_together_blink_together(factory: MockFactory, lights: GpiozeroLights) -> None:
    lights.show(LightState(Pattern.FAST_FLASH, Pattern.FAST_FLASH, Pattern.FAST_FLASH))

    wait_for(lambda: changes(factory, 22) > 4, what="blinks")
    with lights._changed:
        assert factory.pin(22).state == factory.pin(27).state == factory.pin(23).state


def test_yellow_and_green_that_alternate_are_never_lit_together(factory: MockFactory, lights: GpiozeroLights) -> None:
    lights.show(OUT_OF_SERVICE)
    for shown in range(3):
        with lights._changed:
            assert factory.pin(22).state is not factory.pin(27).state
            assert not factory.pin(23).state
        wait_for(lambda: changes(factory, 22) > shown + 2, what="the next turn")  # noqa: B023


def test_an_output_whose_pattern_stays_keeps_its_rhythm(factory: MockFactory, lights: GpiozeroLights) -> None:
    lights.show(replace(DARK, beacon=Pattern.FLASH))
    wait_for(lambda: not factory.pin(PINS.beacon).state, what="the dark half of the flash")

    with lights._changed:  # the thread can't toggle between the two lines
        before = factory.pin(PINS.beacon).state
        lights.show(PRESSED)
        assert factory.pin(PINS.beacon).state is before

    assert factory.pin(PINS.yellow).state


def test_the_beacon_at_rest_is_lit_steadily(factory: MockFactory, lights: GpiozeroLights) -> None:
    lights.show(PRESSED)
    lights.show(IDLE)

    assert lit(factory) == {"yellow": False, "green": False, "beacon": True, "tone": False}


def test_outputs_that_are_not_wired_are_not_driven(factory: MockFactory) -> None:
    lights = GpiozeroLights(LightPins(yellow=22), factory)
    lights.start()
    try:
        lights.show(PRESSED)
        assert factory.pin(22).state
        assert lights.shown() == PRESSED
        InputDevice(PINS.beacon, pin_factory=factory).close()
    finally:
        lights.close()


@pytest.mark.parametrize("pattern", [Pattern.OFF, Pattern.ON])
def test_short_tones_are_heard_in_silence_and_within_a_tone_and_end_as_it_was(
    factory: MockFactory, pattern: Pattern
) -> None:
    lights = GpiozeroLights(replace(PINS, press_tones=True), factory)
    lights.start()
    try:
        lights.show(replace(DARK, tone=pattern, yellow=Pattern.FAST_FLASH))
        rest = pattern is Pattern.ON
        factory.pin(PINS.tone).clear_states()

        lights.beep(2)

        assert factory.pin(PINS.tone).state is not rest, "at once"
        wait_for(lambda: changes(factory, PINS.tone) >= 5, what="two tones")
        states = factory.pin(PINS.tone).states
        assert [s.state for s in states] == [rest, not rest, rest, not rest, rest]
        assert 0.1 < states[4].timestamp < 2
        seen = changes(factory, PINS.yellow)
        wait_for(lambda: changes(factory, PINS.yellow) > seen + 3, what="the lamps going on")
        assert changes(factory, PINS.tone) == 5, "and no more"
    finally:
        lights.close()


def test_no_short_tone_is_given_where_it_is_not_wanted_or_there_is_no_sounder(
    factory: MockFactory, lights: GpiozeroLights
) -> None:
    lights.beep(1)
    assert not factory.pin(PINS.tone).state
    other = GpiozeroLights(LightPins(yellow=5, press_tones=True), factory)
    other.start()
    other.beep(1)
    other.close()


def test_one_thread_drives_every_output_and_ends_with_close(factory: MockFactory, lights: GpiozeroLights) -> None:
    lights.show(LightState(Pattern.FAST_FLASH, Pattern.FLASH, Pattern.SLOW_PULSE, Pattern.FLASH))
    assert [t.name for t in threading.enumerate()].count("lights") == 1

    lights.close()
    lights.close()

    assert "lights" not in [t.name for t in threading.enumerate()]
    lights.show(PRESSED)
    assert not factory.pin(22).state


def test_pins_that_are_taken_are_an_error_that_names_them_and_the_other_lights_work(factory: MockFactory) -> None:
    lights = GpiozeroLights(PINS, factory)
    with InputDevice(PINS.tone, pin_factory=factory), InputDevice(PINS.green, pin_factory=factory):
        with pytest.raises(HardwareError, match=r"'green': pin 27.*'tone': pin 18.*gpioinfo"):
            lights.start()
        lights.show(PRESSED)
        assert lights.levels() == {"yellow": True, "beacon": True}
        lights.close()
    InputDevice(PINS.yellow, pin_factory=factory).close()


def test_a_dead_output_is_logged_once_and_the_others_go_on(
    factory: MockFactory, lights: GpiozeroLights, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(value: Any) -> None:
        raise OSError("bus error")

    factory.pin(PINS.beacon)._set_state = fail

    lights.show(PRESSED)
    lights.show(IDLE)

    wait_for(lambda: "beacon" in caplog.text, what="the log line")
    assert not factory.pin(22).state
    assert [r.levelname for r in caplog.records].count("ERROR") == 1
    del factory.pin(PINS.beacon)._set_state


def test_what_is_shown_before_the_start_is_driven_at_the_start(factory: MockFactory) -> None:
    lights = GpiozeroLights(PINS, factory)
    lights.show(PRESSED)
    lights.start()
    try:
        assert factory.pin(22).state
    finally:
        lights.close()


def test_each_output_is_read_back_from_its_pin(factory: MockFactory, lights: GpiozeroLights) -> None:
    lights.show(PRESSED)
    assert lights.levels() == {"yellow": True, "green": False, "beacon": True, "tone": False}

    factory.pin(PINS.green)._state = True  # something else holds it
    assert lights.levels()["green"] is True


def test_an_output_that_can_not_be_read_is_named(
    factory: MockFactory, lights: GpiozeroLights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(pin: object) -> bool:
        raise OSError("the chip is gone")

    monkeypatch.setattr(type(factory.pin(PINS.yellow)), "state", property(fail))
    with pytest.raises(HardwareError, match="'yellow' can't be read back"):
        lights.levels()
    monkeypatch.undo()


def test_the_thread_shows_that_it_lives_also_when_nothing_blinks(lights: GpiozeroLights) -> None:
    lights.show(IDLE)
    before = lights.pulse()
    assert before is not None
    wait_for(lambda: (lights.pulse() or 0) > before + 1, what="two turns")
    lights.close()
    assert lights.pulse() is None
