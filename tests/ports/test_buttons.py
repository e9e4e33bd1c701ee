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
from agent.core.facts import Edge
from agent.core.wiring import InputLine

POLICE = InputLine("police", 17)
TAMPER = InputLine("tamper", 24, pull_up=False)
MEDICAL = InputLine("medical", 5)
MEDICAL_NC = InputLine("medical", 6, normally_closed=True)


class Watch:
    """What the adapter tells: the levels at start, then the edges; and the lines that it could not have."""

    def __init__(self) -> None:
        self.at_start: list[Edge] = []
        self.edges: list[Edge] = []
        self.lost: list[tuple[str, str]] = []

    def edge(self, edge: Edge) -> None:
        (self.at_start if edge.at_start else self.edges).append(edge)

    def lose(self, name: str, detail: str) -> None:
        self.lost.append((name, detail))

    def start(self, buttons: GpiozeroButtons) -> None:
        buttons.start(self.edge, self.lose)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def buttons(factory: MockFactory) -> Iterator[GpiozeroButtons]:
    buttons = GpiozeroButtons([POLICE, TAMPER], factory, SystemClock())
    yield buttons
    buttons.close()


def test_a_press_and_a_release_are_two_edges(factory: MockFactory, buttons: GpiozeroButtons, watch: Watch) -> None:
    watch.start(buttons)

    factory.pin(17).drive_low()
    factory.pin(17).drive_high()

    assert [(e.input, e.active, e.at_start) for e in watch.edges] == [
        ("police", True, False),
        ("police", False, False),
    ]


def test_a_line_to_the_supply_is_active_when_high(factory: MockFactory, buttons: GpiozeroButtons, watch: Watch) -> None:
    watch.start(buttons)

    factory.pin(24).drive_high()

    assert [(e.input, e.active) for e in watch.edges] == [("tamper", True)]


def test_an_edge_carries_the_time_of_the_pin_and_not_of_the_callback(
    factory: MockFactory, buttons: GpiozeroButtons, watch: Watch
) -> None:
    watch.start(buttons)
    clock = SystemClock()
    two_seconds_ago = time.monotonic() - 2

    before = clock.boottime_ns()
    factory.pin(17)._when_changed()(two_seconds_ago, 0)
    after = clock.boottime_ns()

    # Two reads of two clocks lie between; the figures are exact apart from them.
    assert before - 2_000_000_000 - 1_000_000 <= watch.edges[0].boottime_ns <= after - 2_000_000_000 + 1_000_000


def test_an_edge_is_no_later_for_a_thread_that_ran_between_two_looks_at_the_clocks(
    factory: MockFactory, buttons: GpiozeroButtons, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would make the rest before the next press shorter than it was, and that press a bounce."""
    watch.start(buttons)
    clock, real, pauses_ns = SystemClock(), time.monotonic_ns, [50_000_000]

    def interrupted() -> int:
        now_ns = real()
        until_ns = now_ns + (pauses_ns.pop() if pauses_ns else 0)
        while real() < until_ns:
            pass
        return now_ns

    at = time.monotonic() - 2
    latest_ns = clock.boottime_ns() - 2_000_000_000 + 10_000_000
    monkeypatch.setattr(time, "monotonic_ns", interrupted)
    factory.pin(17)._when_changed()(at, 0)

    assert watch.edges[0].boottime_ns <= latest_ns


@pytest.mark.parametrize("ticks", [0.0, 4e9])
def test_ticks_of_an_unknown_epoch_are_not_believed(
    factory: MockFactory, buttons: GpiozeroButtons, ticks: float, monkeypatch: pytest.MonkeyPatch, watch: Watch
) -> None:
    watch.start(buttons)
    monkeypatch.setattr(time, "monotonic_ns", lambda: 3_600_000_000_000)
    clock = SystemClock()

    before = clock.boottime_ns()
    factory.pin(17)._when_changed()(ticks, 0)

    assert before <= watch.edges[0].boottime_ns <= clock.boottime_ns()


def test_the_level_of_every_line_at_start_is_an_edge_of_its_own(watch: Watch) -> None:
    factory = open_pin_factory({17: False, 5: True, 6: False})
    buttons = GpiozeroButtons([POLICE, TAMPER, MEDICAL, MEDICAL_NC], factory, SystemClock())

    watch.start(buttons)

    assert [(e.input, e.normally_closed, e.active) for e in watch.at_start] == [
        ("police", False, True),
        ("tamper", False, False),
        ("medical", False, False),
        ("medical", True, False),
    ]
    assert not watch.edges
    factory.pin(17).drive_high()
    assert [(e.input, e.active, e.at_start) for e in watch.edges] == [("police", False, False)]
    buttons.close()
    factory.close()


def test_a_normally_closed_line_is_active_when_it_opens_and_is_told_from_the_other_of_its_button(
    factory: MockFactory, watch: Watch
) -> None:
    buttons = GpiozeroButtons([MEDICAL, MEDICAL_NC], factory, SystemClock())
    watch.start(buttons)
    assert [e.active for e in watch.at_start] == [False, True], "nothing closes the second pin"

    factory.pin(6).drive_low()
    factory.pin(6).drive_high()
    factory.pin(5).drive_low()
    buttons.close()

    assert [(e.input, e.normally_closed, e.active) for e in watch.edges] == [
        ("medical", True, False),
        ("medical", True, True),
        ("medical", False, True),
    ]


def test_a_level_at_start_is_never_newer_than_an_edge_that_follows_it(factory: MockFactory, watch: Watch) -> None:
    buttons = GpiozeroButtons([POLICE], factory, SystemClock())

    class Watching(Watch):
        def edge(self, edge: Edge) -> None:
            super().edge(edge)
            if edge.at_start:
                factory.pin(17).drive_low()

    watching = Watching()
    watching.start(buttons)
    buttons.close()

    assert watching.at_start[0].boottime_ns <= watching.edges[0].boottime_ns


def test_a_glitch_filter_is_set_on_the_pin_and_its_delay_is_not_counted(factory: MockFactory, watch: Watch) -> None:
    buttons = GpiozeroButtons([InputLine("police", 17, glitch_filter_ms=2), MEDICAL], factory, SystemClock())
    watch.start(buttons)
    assert (factory.pin(17).bounce, factory.pin(5).bounce) == (0.002, None)

    before_ns = SystemClock().boottime_ns()
    factory.pin(17)._when_changed()(time.monotonic() - 1, 0)
    buttons.close()

    assert watch.edges[0].boottime_ns == pytest.approx(before_ns - 1_002_000_000, abs=900_000)


def test_a_failing_receiver_stops_neither_the_pin_nor_its_driver(
    factory: MockFactory, buttons: GpiozeroButtons, caplog: pytest.LogCaptureFixture, watch: Watch
) -> None:
    seen: list[Edge] = []

    def receive(edge: Edge) -> None:
        seen.append(edge)
        raise RuntimeError("boom")

    buttons.start(receive, watch.lose)

    factory.pin(17).drive_low()
    factory.pin(17).drive_high()

    assert [e.at_start for e in seen] == [True, True, False, False]
    assert "police" in caplog.text


def test_a_pin_that_is_taken_is_told_and_the_other_lines_work(
    factory: MockFactory, buttons: GpiozeroButtons, watch: Watch
) -> None:
    with OutputDevice(TAMPER.pin, pin_factory=factory):
        watch.start(buttons)

        [(name, detail)] = watch.lost
        assert name == "tamper"
        assert "pin 24" in detail
        assert [e.input for e in watch.at_start] == ["police"]
        factory.pin(17).drive_low()
        assert [(e.input, e.active) for e in watch.edges] == [("police", True)]


def test_a_pin_that_can_not_be_watched_is_told_and_released(
    factory: MockFactory, buttons: GpiozeroButtons, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(value: str) -> None:
        raise OSError("no interrupt")

    monkeypatch.setattr(factory.pin(24), "_set_edges", refuse)
    watch.start(buttons)
    monkeypatch.undo()

    [(name, detail)] = watch.lost
    assert (name, "no interrupt" in detail) == ("tamper", True)
    OutputDevice(TAMPER.pin, pin_factory=factory).close()


def test_when_no_pin_can_be_had_the_error_names_them_all_and_no_line_stays_claimed(
    factory: MockFactory, buttons: GpiozeroButtons, watch: Watch
) -> None:
    with OutputDevice(17, pin_factory=factory), OutputDevice(24, pin_factory=factory):
        with pytest.raises(HardwareError, match=r"'police'.*'tamper'|17.*24") as caught:
            watch.start(buttons)
        assert isinstance(caught.value.__cause__, GPIOPinInUse)
        assert [name for name, _ in watch.lost] == ["police", "tamper"]

    watch.start(buttons)


def test_a_kiosk_without_inputs_starts(factory: MockFactory, watch: Watch) -> None:
    watch.start(GpiozeroButtons([], factory, SystemClock()))

    assert not watch.at_start


def test_no_edge_comes_after_close_and_closing_twice_is_allowed(
    factory: MockFactory, buttons: GpiozeroButtons, watch: Watch
) -> None:
    watch.start(buttons)

    buttons.close()
    buttons.close()

    factory.pin(17).drive_low()
    assert not watch.edges


def test_watching_starts_no_thread(buttons: GpiozeroButtons, watch: Watch) -> None:
    before = threading.enumerate()

    watch.start(buttons)

    assert threading.enumerate() == before


def test_the_lines_that_are_watched_can_be_read_at_any_time(factory: MockFactory, watch: Watch) -> None:
    buttons = GpiozeroButtons([POLICE, MEDICAL, MEDICAL_NC], factory, SystemClock())
    watch.start(buttons)
    try:
        factory.pin(POLICE.pin).drive_low()
        read = {(edge.input, edge.normally_closed): edge.active for edge in buttons.read()}
        assert read == {("police", False): True, ("medical", False): False, ("medical", True): True}
    finally:
        buttons.close()
    assert buttons.read() == []


def test_a_line_that_can_not_be_read_is_named(
    factory: MockFactory, buttons: GpiozeroButtons, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(pin: object) -> bool:
        raise OSError("the chip is gone")

    watch.start(buttons)
    monkeypatch.setattr(type(factory.pin(POLICE.pin)), "_get_state", fail)
    monkeypatch.setattr(type(factory.pin(POLICE.pin)), "state", property(fail))
    with pytest.raises(HardwareError, match="pin 17 of police can't be read"):
        buttons.read()
