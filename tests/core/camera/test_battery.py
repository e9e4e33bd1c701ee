"""On its battery a kiosk's cameras slow down, then stop; the buttons are no part of it."""

import pytest

from agent.core.camera.battery import Battery, BatteryRules, Watch

S = 10**9


class Kiosk:
    def __init__(self, *, has_mains: bool = True) -> None:
        self.battery = Battery(BatteryRules(60, 1800, 2, has_mains))

    def mains(self, *, away: bool, at_s: float = 100) -> "Kiosk":
        self.battery.condition("mains", "mains", active=away, since_ns=int(at_s * S))
        return self

    def low(self, *, low: bool) -> "Kiosk":
        self.battery.condition("battery", "battery", active=low, since_ns=0)
        return self

    def at(self, seconds: float) -> Watch:
        return self.battery.watch(int(seconds * S))


def test_cameras_slow_down_and_then_stop_by_the_time_without_mains() -> None:
    kiosk = Kiosk()
    assert kiosk.at(99) is Watch.FULL
    kiosk.mains(away=True)
    assert [kiosk.at(100 + after) for after in (59, 60, 1799, 1800)] == [
        Watch.FULL,
        Watch.SLOW,
        Watch.SLOW,
        Watch.STOPPED,
    ]
    assert kiosk.mains(away=False).at(5000) is Watch.FULL


def test_a_low_battery_stops_them_at_once() -> None:
    kiosk = Kiosk().mains(away=True).low(low=True)
    assert kiosk.at(101) is Watch.STOPPED
    assert kiosk.low(low=False).at(101) is Watch.FULL


def test_a_bad_battery_beside_good_mains_stops_nothing() -> None:
    assert Kiosk().low(low=True).at(9999) is Watch.FULL


def test_without_an_input_for_the_mains_the_battery_alone_counts() -> None:
    assert Kiosk(has_mains=False).low(low=True).at(1) is Watch.STOPPED


@pytest.mark.parametrize("kind", ["tamper", "service"])
def test_other_inputs_change_nothing(kind: str) -> None:
    kiosk = Kiosk()
    kiosk.battery.condition("door", kind, active=True, since_ns=0)  # type: ignore[arg-type]
    assert kiosk.at(9999) is Watch.FULL


def test_mains_that_are_told_again_count_from_when_they_went() -> None:
    kiosk = Kiosk().mains(away=True).mains(away=False).mains(away=True, at_s=500)
    assert kiosk.at(2299) is Watch.SLOW
    assert kiosk.at(2300) is Watch.STOPPED
