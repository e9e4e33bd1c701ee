import pytest

from agent.core.diagnosis.finding import State
from agent.core.diagnosis.vision import Pictures, judge_pictures, judge_speed


@pytest.mark.parametrize(
    ("pictures", "states"),
    [
        (Pictures(640, 480, 21, 2.0, 90.0), [State.OK]),
        (Pictures(640, 480, 21, 2.0, 1.0), [State.WARN]),
        (Pictures(640, 480, 11, 2.0, 90.0), [State.WARN]),
        (Pictures(640, 480, 1, 0.0, 90.0), [State.WARN]),
        (Pictures(640, 480, 2, 0.0, 2.0), [State.WARN, State.WARN]),
    ],
)
def test_pictures_that_are_black_or_too_few_are_warned_of(pictures: Pictures, states: list[State]) -> None:
    findings = judge_pictures(pictures, 10, None)
    assert [finding.state for finding in findings] == states
    assert "640x480" in findings[0].what


def test_pictures_of_another_size_than_the_settings_ask_for_are_warned_of() -> None:
    pictures = Pictures(640, 480, 21, 2.0, 90.0)
    [finding] = judge_pictures(pictures, 10, (1280, 720))

    assert finding.state is State.WARN
    assert "640x480" in finding.what
    assert "1280x720" in finding.what
    assert [each.state for each in judge_pictures(pictures, 10, (640, 480))] == [State.OK]


@pytest.mark.parametrize(
    ("ms", "trouble", "state"),
    [(10.0, None, State.OK), (10.0, "", State.OK), (60.0, None, State.WARN), (10.0, "delegate gone", State.FAIL)],
)
def test_a_model_that_is_slower_than_the_settings_allow_is_warned_of(
    ms: float, trouble: str | None, state: State
) -> None:
    [finding] = judge_speed(ms, "ai-edge-litert 2.3.0", 20, trouble)
    assert finding.state is state
