import json
from typing import Any

import pytest

from agent.core.diagnosis.account import judge_account
from agent.core.diagnosis.agent_report import camera_figures, judge_report, judge_unit, says_connected
from agent.core.diagnosis.finding import State

S = 10**9
PARTS = {"uplink": {"ok": True, "detail": ""}, "camera-front": {"ok": False, "detail": "unplugged"}}


def report(**fields: Any) -> str:
    return json.dumps({"boottime_ns": 100 * S, "pid": 1, "parts": {}, "cameras": {}} | fields)


def test_each_part_that_does_not_work_is_a_failure_in_the_agents_own_words() -> None:
    [finding] = judge_report(report(parts=PARTS), 101 * S)
    assert finding.state is State.FAIL
    assert "camera-front: unplugged" in finding.what


def test_an_agent_whose_parts_work_is_well() -> None:
    assert judge_report(report(parts={"uplink": {"ok": True, "detail": ""}}), 101 * S)[0].state is State.OK


@pytest.mark.parametrize("now_s", [131, 99])
def test_an_old_report_or_one_of_another_boot_is_of_an_agent_that_hangs(now_s: int) -> None:
    assert judge_report(report(), now_s * S)[0].state is State.FAIL


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "{}", '{"boottime_ns": 1, "parts": []}', '{"boottime_ns": null}']
)
def test_a_report_that_can_not_be_read_is_not_green(text: str | None) -> None:
    assert judge_report(text, 101 * S)[0].state is State.UNKNOWN
    assert camera_figures(text, "front") is None
    assert not says_connected(text, "mqtts://a")


@pytest.mark.parametrize(
    ("ok", "detail", "says"),
    [
        (True, "connected to mqtts://a", ""),
        (True, "connected to mqtts://a with 3.1.1 (it refuses MQTT 5)", "3.1.1 (it refuses MQTT 5)"),
        (True, "connected to mqtts://a.example", None),
        (False, "connected to mqtts://a", None),
        (True, "", None),
    ],
)
def test_the_agent_says_at_which_broker_it_is(ok: bool, detail: str, says: str | None) -> None:
    assert says_connected(report(parts={"uplink": {"ok": ok, "detail": detail}}), "mqtts://a") == says


def test_the_figures_of_a_camera_are_found() -> None:
    text = report(cameras={"front": {"frames_per_second": 5.0}, "back": None})
    assert camera_figures(text, "front") == {"frames_per_second": 5.0}
    assert camera_figures(text, "back") is None
    assert camera_figures(text, "side") is None


def test_the_service_needs_a_user_who_is_in_the_groups_of_its_devices() -> None:
    [gone] = judge_account("edge-agent", exists=False, own="root", missing_groups=[])
    assert (gone.state, "there is no user edge-agent" in gone.what) == (State.FAIL, True)
    [groupless] = judge_account("edge-agent", exists=True, own="edge-agent", missing_groups=["gpio"])
    assert (groupless.state, groupless.what) == (State.FAIL, "user edge-agent is not in group gpio")
    [other] = judge_account("edge-agent", exists=True, own="pi", missing_groups=[])
    assert (other.state, other.do) == (State.WARN, "run the doctor with sudo")
    assert judge_account("edge-agent", exists=True, own="edge-agent", missing_groups=[])[0].state is State.OK


@pytest.mark.parametrize(
    ("active", "sub", "state", "says"),
    [
        ("inactive", "dead", State.WARN, "does not run (inactive, dead)"),
        ("failed", "failed", State.FAIL, "ends by itself (failed, failed; started again 7 times)"),
        ("activating", "start", State.FAIL, "ends by itself (activating, start; started again 7 times)"),
        ("activating", "auto-restart", State.FAIL, "ends by itself (activating, auto-restart;"),
        ("active", "running", State.WARN, "runs, but not on this state directory"),
    ],
)
def test_a_service_that_does_not_run_is_told_from_one_that_ends_by_itself(
    active: str, sub: str, state: State, says: str
) -> None:
    [finding] = judge_unit(active, sub, 7)
    assert (finding.state, says in finding.what) == (state, True)
