"""The eyes see a light that contradicts the contract's table."""

from collections.abc import Iterator

import pytest

from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.contract.lamps import DELAYED, IDLE, OUT_OF_SERVICE, PRESSED, LightState, Pattern
from agent.core.wiring import LightPins
from agent.sim.contacts import SimContacts
from agent.sim.pins import SimPins
from tests.campaigns.week.eyes import Eyes
from tests.support.sim_clock import SimClock

PINS = LightPins(yellow=22, green=23, beacon=24, tone=25)


class Kiosk:
    """Lights on mock pins."""

    def __init__(self, contacts: SimContacts) -> None:
        self.factory = open_pin_factory({})
        self.lights = GpiozeroLights(PINS, self.factory)
        self.lights.start()
        self.pins = SimPins(contacts, PINS, self.factory, SimClock())
        self.eyes = Eyes()

    def look(self, state: LightState, *stages: str, testing: bool = False) -> list[str]:
        self.lights.show(state)
        self.eyes.look(self.pins, state, stages, testing=testing)
        return self.eyes.faults


@pytest.fixture
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    kiosk = Kiosk(SimContacts([], tmp_path_factory.mktemp("eyes") / "contacts.json"))
    yield kiosk
    kiosk.lights.close()
    kiosk.factory.close()


def test_what_the_table_says_is_right(kiosk: Kiosk) -> None:
    kiosk.look(IDLE)
    kiosk.look(OUT_OF_SERVICE)
    kiosk.look(PRESSED, "sent", "dispatched")
    assert kiosk.look(DELAYED, "registered", "delayed") == []


@pytest.mark.parametrize(("state", "stages"), [(PRESSED, ()), (IDLE, ("raised",)), (PRESSED, ("registered",))])
def test_a_light_without_its_alarm_or_an_alarm_without_its_light_is_seen(
    kiosk: Kiosk, state: LightState, stages: tuple[str, ...]
) -> None:
    assert len(kiosk.look(state, *stages)) == 1


def test_the_lights_of_a_test_are_right_only_during_one(kiosk: Kiosk) -> None:
    flash = LightState(Pattern.ON, Pattern.ON, Pattern.STEADY, Pattern.OFF)
    assert kiosk.look(flash, testing=True) == []
    assert len(kiosk.look(flash)) == 1


def test_a_pin_that_is_not_as_its_light_is_seen(kiosk: Kiosk) -> None:
    kiosk.look(IDLE)
    kiosk.factory.pin(24).state = False
    kiosk.eyes.look(kiosk.pins, IDLE, (), testing=False)
    assert "a pin was not as the light" in kiosk.eyes.faults[0]


def test_a_change_by_a_silent_press_is_seen(kiosk: Kiosk) -> None:
    idle = kiosk.eyes.look(kiosk.pins, IDLE, (), testing=False)
    kiosk.eyes.compare(idle, idle)
    assert "a silent press changed" not in " ".join(kiosk.eyes.faults)
    kiosk.eyes.compare(idle, ("on", "off", "flash", "off"))
    assert "a silent press changed" in " ".join(kiosk.eyes.faults)
