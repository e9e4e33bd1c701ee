import threading
import time
from collections.abc import Iterator

import pytest
from gpiozero import GPIOPinInUse, OutputDevice
from gpiozero.pins.mock import MockFactory

from agent.adapters.gpiozero_buttons import GpiozeroButtons
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.adapters.system_clock import SystemClock
from agent.core.errors import HardwareError
from agent.core.events import Edge
from agent.core.inputs import InputLine

POLICE = InputLine("police", 17)
TAMPER = InputLine("tamper", 24, pull_up=False)


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = open_pin_factory(simulate=True)
    yield factory
    factory.close()


@pytest.fixture
def buttons(factory: MockFactory) -> Iterator[GpiozeroButtons]:
    buttons = GpiozeroButtons([POLICE, TAMPER], factory, SystemClock())
    yield buttons
    buttons.close()


def test_a_press_and_a_release_are_two_edges(factory: MockFactory, buttons: GpiozeroButtons) -> None:
    edges: list[Edge] = []
    buttons.start(edges.append)

    factory.pin(17).drive_low()
    factory.pin(17).drive_high()

    assert [(e.input, e.active, e.at_start) for e in edges] == [
        ("police", True, False),
        ("police", False, False),
    ]


def test_a_line_to_the_supply_is_active_when_high(factory: MockFactory, buttons: GpiozeroButtons) -> None:
    edges: list[Edge] = []
    buttons.start(edges.append)

    factory.pin(24).drive_high()

    assert [(e.input, e.active) for e in edges] == [("tamper", True)]


def test_an_edge_carries_the_time_of_the_pin_and_not_of_the_callback(
    factory: MockFactory, buttons: GpiozeroButtons
) -> None:
    edges: list[Edge] = []
    buttons.start(edges.append)
    clock = SystemClock()
    two_seconds_ago = time.monotonic() - 2

    before = clock.boottime_ns()
    factory.pin(17)._when_changed()(two_seconds_ago, 0)
    after = clock.boottime_ns()

    # Two reads of two clocks lie between; the figures are exact apart from them.
    assert before - 2_000_000_000 - 1_000_000 <= edges[0].boottime_ns <= after - 2_000_000_000 + 1_000_000


@pytest.mark.parametrize("ticks", [0.0, 4e9])
def test_ticks_of_an_unknown_epoch_are_not_believed(
    factory: MockFactory, buttons: GpiozeroButtons, ticks: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    edges: list[Edge] = []
    buttons.start(edges.append)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 3_600_000_000_000)
    clock = SystemClock()

    before = clock.boottime_ns()
    factory.pin(17)._when_changed()(ticks, 0)

    assert before <= edges[0].boottime_ns <= clock.boottime_ns()


def test_a_line_that_is_active_at_start_is_reported_as_such(factory: MockFactory, buttons: GpiozeroButtons) -> None:
    class HeldPin(type(factory.pin(5))):  # type: ignore[misc]
        """A button that is held against its pull-up."""

        def _set_pull(self, value: str) -> None:
            super()._set_pull(value)
            self.drive_low()

    factory.pin(17, pin_class=HeldPin)
    edges: list[Edge] = []

    buttons.start(edges.append)

    assert [(e.input, e.active, e.at_start) for e in edges] == [("police", True, True)]
    factory.pin(17).drive_high()
    assert [(e.active, e.at_start) for e in edges] == [(True, True), (False, False)]


def test_a_failing_receiver_stops_neither_the_pin_nor_its_driver(
    factory: MockFactory, buttons: GpiozeroButtons, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Edge] = []

    def receive(edge: Edge) -> None:
        seen.append(edge)
        raise RuntimeError("boom")

    buttons.start(receive)

    factory.pin(17).drive_low()
    factory.pin(17).drive_high()

    assert len(seen) == 2
    assert "police" in caplog.text


def test_a_pin_that_is_taken_is_an_error_that_names_it_and_no_line_stays_claimed(
    factory: MockFactory, buttons: GpiozeroButtons
) -> None:
    with OutputDevice(TAMPER.pin, pin_factory=factory):
        with pytest.raises(HardwareError, match=r"'tamper'.*pin 24") as caught:
            buttons.start(lambda edge: None)
        assert isinstance(caught.value.__cause__, GPIOPinInUse)

        OutputDevice(POLICE.pin, pin_factory=factory).close()

    buttons.start(lambda edge: None)


def test_no_edge_comes_after_close_and_closing_twice_is_allowed(factory: MockFactory, buttons: GpiozeroButtons) -> None:
    edges: list[Edge] = []
    buttons.start(edges.append)

    buttons.close()
    buttons.close()

    factory.pin(17).drive_low()
    assert not edges


def test_watching_starts_no_thread(buttons: GpiozeroButtons) -> None:
    before = threading.enumerate()

    buttons.start(lambda edge: None)

    assert threading.enumerate() == before
