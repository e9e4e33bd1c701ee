import pytest

from agent.core.diagnosis.finding import State
from agent.core.diagnosis.wear import Wear, judge_wear


@pytest.mark.parametrize(
    ("wear", "state", "says"),
    [
        (None, State.UNKNOWN, "no disk"),
        (Wear("mmcblk0", is_card=True), State.UNKNOWN, "an SD card"),
        (Wear("vda", is_card=False), State.UNKNOWN, "no account"),
        (Wear("mmcblk0", is_card=False, life=(0, 0), pre_eol=0), State.UNKNOWN, "no account"),
        (Wear("mmcblk0", is_card=False, life=(0, 0), pre_eol=1), State.OK, "normal"),
        (Wear("mmcblk0", is_card=False, life=(1, 2), pre_eol=1), State.OK, "10 to 20 %"),
        (Wear("mmcblk0", is_card=False, life=(9, 1), pre_eol=1), State.WARN, "80 to 90 %"),
        (Wear("mmcblk0", is_card=False, life=(1, 1), pre_eol=2), State.WARN, "0 to 10 %"),
        (Wear("mmcblk0", is_card=False, life=(), pre_eol=2), State.WARN, "most"),
        (Wear("mmcblk0", is_card=False, life=(11, 1), pre_eol=1), State.FAIL, "worn out"),
        (Wear("mmcblk0", is_card=False, life=(1, 1), pre_eol=3), State.FAIL, "worn out"),
    ],
)
def test_what_a_memory_says_of_its_wear_is_judged(wear: Wear | None, state: State, says: str) -> None:
    [finding] = judge_wear(wear)
    assert finding.state is state
    assert says in finding.what
