import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from agent.contract.lamps import IDLE, LightState, Pattern
from agent.contract.vocabulary import Fault
from agent.core.errors import HardwareError, StepFailed, StorageError
from agent.core.facts import Edge
from agent.outbox.outbox import Outbox
from agent.outbox.store import read_back
from agent.outbox.writer import StoreWriter
from agent.runtime.selftest.steps import Step, check_black_box, check_inputs, check_lights, check_storage, is_flash
from tests.support.fake_ports import MemoryLights
from tests.support.kiosk import Kiosk
from tests.support.sim_clock import SimClock

WIRED = frozenset({"yellow", "green", "beacon", "tone"})


def run(step: Step, clock: SimClock, between: Callable[[], object] = lambda: None) -> str:
    """Run a step to its end in fast time; returns what it says."""
    while True:
        try:
            next(step)
        except StopIteration as end:
            return str(end.value)
        between()
        clock.advance(timedelta(milliseconds=50))


class Lines:
    """The port Buttons, as far as a test reads it."""

    def __init__(self, *edges: Edge, broken: str = "") -> None:
        self._edges = edges
        self._broken = broken

    def start(self, on_edge: Callable[[Edge], None], on_lost: Callable[[str, str], None]) -> None: ...

    def read(self) -> Sequence[Edge]:
        if self._broken:
            raise HardwareError(self._broken)
        return self._edges

    def close(self) -> None: ...


@dataclass
class Keeps:
    """Says at once that it is safe."""

    safe: threading.Event = field(default_factory=threading.Event)

    def keep(self, key: str, value: str | None) -> threading.Event:
        self.safe.set()
        return self.safe


def inputs(lines: Lines, **faults: list[Fault]) -> str:
    figures = {name: {"faults": each} for name, each in faults.items()}
    return run(check_inputs(lines, frozenset({"police"}), lambda: figures), CLOCK)


CLOCK = SimClock()


def test_inputs_at_rest_are_well() -> None:
    lines = Lines(Edge("police", False, 0), Edge("police", False, 0, normally_closed=True), Edge("door", True, 0))
    assert inputs(lines, police=[]) == "3 lines read", "an open door is no fault of the line"


def test_a_button_that_is_pressed_without_an_alarm_is_not_well() -> None:
    with pytest.raises(StepFailed, match="police: pressed"):
        inputs(Lines(Edge("police", True, 0)), police=[])


def test_a_fault_of_an_input_is_not_well_but_rain_is() -> None:
    with pytest.raises(StepFailed, match="police: open"):
        inputs(Lines(), police=[Fault.CHATTER, Fault.OPEN])
    assert inputs(Lines(), police=[Fault.CHATTER])


def test_a_line_that_cannot_be_read_is_not_well() -> None:
    with pytest.raises(StepFailed, match="pin 17"):
        inputs(Lines(broken="pin 17 of police can't be read"))


def lights(kiosk: Kiosk, between: Callable[[], object] = lambda: None, **options: bool) -> str:
    chirp = options.get("chirp", False)
    step = check_lights(kiosk.lights, kiosk.pipeline, WIRED, kiosk.clock, chirp=chirp)
    return run(step, kiosk.clock, between)


def test_every_light_goes_dark_and_lit_and_then_says_again_what_is_so(kiosk: Kiosk) -> None:
    lights(kiosk)

    dark, lit, after = kiosk.lights.history
    assert set(dark.as_dict().values()) == {Pattern.OFF}
    assert {name for name, shown in lit.as_dict().items() if shown is not Pattern.OFF} == WIRED - {"tone"}
    assert after == IDLE


def test_the_tone_sounds_only_when_it_may(kiosk: Kiosk) -> None:
    lights(kiosk)
    assert all(state.tone is Pattern.OFF for state in kiosk.lights.history)
    lights(kiosk, chirp=True)
    assert any(state.tone is Pattern.ON for state in kiosk.lights.history)


@pytest.mark.parametrize(("level", "text"), [(False, "yellow can't be switched on"), (True, "switched off")])
def test_a_light_whose_pin_reads_back_otherwise_is_not_well(kiosk: Kiosk, level: bool, text: str) -> None:
    kiosk.lights.stuck["yellow"] = level
    with pytest.raises(StepFailed, match=text):
        lights(kiosk)
    assert kiosk.lights.shown() == IDLE


def test_lights_that_could_not_be_had_are_not_well(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryLights, "levels", lambda self: {})
    with pytest.raises(StepFailed, match="beacon"):
        lights(kiosk)


def test_a_press_takes_the_lights_at_once_and_keeps_them(kiosk: Kiosk) -> None:
    shown: list[LightState] = []

    def press_once() -> None:
        if not shown:
            kiosk.edge()
            shown.append(kiosk.lights.shown())

    with pytest.raises(StepFailed, match="an alarm needed the lights"):
        lights(kiosk, press_once)

    assert shown[0].yellow is Pattern.ON
    assert kiosk.lights.shown() == shown[0]
    after_press = kiosk.lights.history[kiosk.lights.history.index(shown[0]) :]
    assert all(state.yellow is Pattern.ON and state.beacon is Pattern.FLASH for state in after_press)


def test_a_silent_press_changes_nothing_of_the_flash(kiosk: Kiosk) -> None:
    """The lights go dark and lit, and then back to rest, as they would without it."""
    lights(kiosk)
    without = list(dict.fromkeys(kiosk.lights.history))
    kiosk.lights.history.clear()
    pressed: list[None] = []

    def press_once() -> None:
        if not pressed:
            pressed.append(kiosk.edge("hidden"))  # type: ignore[func-returns-value]
            assert is_flash(kiosk.lights.shown())

    lights(kiosk, press_once)
    assert list(dict.fromkeys(kiosk.lights.history)) == without
    assert kiosk.pipeline.open_ids
    assert not is_flash(kiosk.lights.shown())


def test_no_flash_begins_while_an_alarm_is_to_be_seen(kiosk: Kiosk) -> None:
    kiosk.press()
    before = len(kiosk.lights.history)
    with pytest.raises(StepFailed, match="an alarm"):
        lights(kiosk)
    assert set(kiosk.lights.history[before:]) <= {kiosk.lights.shown()}
    assert kiosk.lights.shown().beacon is Pattern.FLASH


def test_what_the_disk_has_taken_is_read_back_from_it(outbox: Outbox, tmp_path: Path) -> None:
    clock = SimClock()
    step = check_storage(outbox, lambda key: read_back(tmp_path / "store", key), ("probe", "7"), clock, 5)

    assert run(step, clock, lambda: outbox.writer.run_once(0)).startswith("written, synced and read back")


def test_a_disk_that_does_not_take_it_in_time_is_not_well(outbox: Outbox) -> None:
    clock = SimClock()
    with pytest.raises(StepFailed, match="did not take a value within 5 s"):
        run(check_storage(outbox, lambda key: "7", ("probe", "7"), clock, 5), clock)


def test_a_disk_that_forgets_or_fails_is_not_well() -> None:
    keeps: Any = Keeps()
    with pytest.raises(StepFailed, match="not there"):
        run(check_storage(keeps, lambda key: "6", ("probe", "7"), CLOCK, 5), CLOCK)

    def fail(key: str) -> str:
        raise StorageError("the disk is gone")

    with pytest.raises(StepFailed, match="the disk is gone"):
        run(check_storage(keeps, fail, ("probe", "7"), CLOCK, 5), CLOCK)


def test_nothing_is_read_back_where_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        read_back(tmp_path, "probe")


def test_a_black_box_must_outlive_the_process(outbox: Outbox) -> None:
    assert outbox.writer.is_boxed
    assert run(check_black_box(outbox.writer), CLOCK) == "there"
    with pytest.raises(StepFailed):
        run(check_black_box(create_autospec(StoreWriter, is_boxed=False)), CLOCK)
