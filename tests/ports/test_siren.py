"""The port Siren: the fake that the runtime's tests use, and the real one on gpiozero's mock pins."""

from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero import InputDevice
from gpiozero.pins.mock import MockFactory

from agent.adapters.gpiozero_siren import GpiozeroSiren
from agent.core.errors import HardwareError
from agent.core.wiring import SirenPin
from agent.ports import Siren
from tests.support.fake_ports import MemorySiren

PIN = 26


@pytest.fixture(params=["memory", "gpiozero", "gpiozero-low"])
def siren(request: pytest.FixtureRequest, factory: MockFactory) -> Iterator[Siren]:
    line = SirenPin(PIN, active_high=request.param == "gpiozero")
    siren = MemorySiren() if request.param == "memory" else GpiozeroSiren(line, factory)
    yield siren
    siren.close()


def test_it_is_on_when_it_was_switched_on_and_reads_back(siren: Siren) -> None:
    for on in (False, True, True, False):
        siren.sound(on)
        assert siren.is_on() is on


def test_what_was_never_driven_can_not_be_read(siren: Siren) -> None:
    with pytest.raises(HardwareError):
        siren.is_on()


@pytest.mark.parametrize("active_high", [True, False])
def test_its_pin_is_at_rest_from_the_claim_on_and_at_the_end(factory: MockFactory, active_high: bool) -> None:
    siren = GpiozeroSiren(SirenPin(PIN, active_high), factory)
    pin = factory.pin(PIN)
    siren.sound(False)
    assert pin.state is not active_high
    pin.clear_states()
    siren.sound(True)
    assert pin.state is active_high

    siren.close()
    siren.close()

    assert [each.state is active_high for each in pin.states][:3] == [False, True, False]
    InputDevice(PIN, pin_factory=factory).close()


def test_a_pin_that_is_taken_is_an_error_that_names_it_and_is_had_once_it_is_free(factory: MockFactory) -> None:
    siren = GpiozeroSiren(SirenPin(PIN), factory)
    with InputDevice(PIN, pin_factory=factory), pytest.raises(HardwareError, match="siren's pin 26 can't be used"):
        siren.sound(True)
    siren.sound(True)
    assert factory.pin(PIN).state
    siren.close()


def test_a_pin_that_fails_is_an_error_and_does_not_keep_the_line(
    factory: MockFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("bus error")

    siren = GpiozeroSiren(SirenPin(PIN), factory)
    siren.sound(False)
    pin = factory.pin(PIN)
    with monkeypatch.context() as broken:
        broken.setattr(pin, "_set_state", fail)
        with pytest.raises(HardwareError, match=r"can't be driven.*bus error"):
            siren.sound(True)
        broken.setattr(type(pin), "state", property(fail))
        with pytest.raises(HardwareError, match=r"can't be read back.*bus error"):
            siren.is_on()
    siren.close()
    InputDevice(PIN, pin_factory=factory).close()
