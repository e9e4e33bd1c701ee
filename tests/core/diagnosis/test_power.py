import pytest

from agent.core.diagnosis.finding import State
from agent.core.diagnosis.power import judge_temperature, judge_throttled, judge_voltage_alarm, no_word_on_power


@pytest.mark.parametrize(
    ("bits", "states", "says"),
    [
        (0x0, [State.OK], "strong enough"),
        (0x1, [State.FAIL], "under-voltage now"),
        (0x10000, [State.WARN], "at some time since the boot"),
        (0x50005, [State.FAIL, State.WARN], "under-voltage now"),
        (0x50000, [State.WARN, State.WARN], "was too weak"),
        (0x4, [State.WARN], "slowed down now"),
        (0x80000, [State.WARN], "was slowed down"),
        (0xE0008, [State.WARN], "slowed down now"),
    ],
)
def test_the_bits_of_the_firmware_are_put_into_words(bits: int, states: list[State], says: str) -> None:
    findings = judge_throttled(bits)
    assert [finding.state for finding in findings] == states
    assert says in findings[0].what


def test_the_kernels_alarm_is_taken_where_the_firmware_says_nothing() -> None:
    assert [judge_voltage_alarm(alarm)[0].state for alarm in (True, False)] == [State.FAIL, State.OK]
    assert no_word_on_power()[0].state is State.UNKNOWN


@pytest.mark.parametrize(
    ("zones", "state", "says"),
    [
        ({}, State.UNKNOWN, "no temperature"),
        ({"cpu": 45.2}, State.OK, "45 °C (cpu)"),
        ({"cpu": 45.2, "gpu": 71.0}, State.WARN, "71 °C (gpu)"),
        ({"cpu": 84.0, "gpu": 71.0}, State.FAIL, "too hot: 84 °C"),
    ],
)
def test_the_hottest_sensor_counts(zones: dict[str, float], state: State, says: str) -> None:
    [finding] = judge_temperature(zones)
    assert finding.state is state
    assert says in finding.what
