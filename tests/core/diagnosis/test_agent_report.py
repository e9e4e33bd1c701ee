import json
from typing import Any

import pytest

from agent.core.diagnosis.agent_report import camera_figures, judge_report, judge_settings, says_connected, why_it_rests
from agent.core.diagnosis.finding import State

S = 10**9
PARTS = {"uplink": {"ok": True, "detail": ""}, "camera-front": {"ok": False, "detail": "unplugged"}}


def report(**fields: Any) -> str:
    return json.dumps({"boottime_ns": 100 * S, "pid": 1, "parts": {}, "cameras": {}} | fields)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "{}",
        '{"boottime_ns": 1, "parts": []}',
        '{"boottime_ns": null}',
        '{"boottime_ns": Infinity, "settings": ["1f"]}',
        "[" * 100_000,
    ],
)
def test_a_report_that_can_not_be_read_is_not_green(text: str | None) -> None:
    assert judge_report(text, 101 * S)[0].state is State.UNKNOWN
    assert judge_settings(text, "1f") == []
    assert camera_figures(text, "front") is None
    assert not says_connected(text, "mqtts://a")


@pytest.mark.parametrize(("transient", "state"), [(True, State.WARN), (False, State.FAIL)])
def test_what_passes_by_itself_such_as_the_night_is_a_warning(transient: bool, state: State) -> None:
    text = report(parts={"sight-front": {"ok": False, "detail": "the picture is too dark", "transient": transient}})
    (finding,) = judge_report(text, 101 * S)

    assert finding.state is state
    assert "sight-front: the picture is too dark" in finding.what
    assert why_it_rests(text, "sight-front") == ("the picture is too dark" if transient else None)


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


def test_what_follows_from_another_finding_is_left_out_and_nothing_else_is() -> None:
    lost = {**PARTS, "uplink": {"ok": False, "detail": "no route"}, "service": {"ok": False, "detail": "no-broker"}}
    (finding,) = judge_report(report(parts=lost), 101 * S, {"uplink", "centre"})
    assert (finding.state, "camera-front" in finding.what) == (State.FAIL, True)
    (finding,) = judge_report(report(parts={"uplink": lost["uplink"], "pins": {"ok": True}}), 101 * S, {"uplink"})
    assert (finding.state, finding.what) == (State.OK, "the agent reports that its other parts work (1)")


def test_the_figures_of_a_camera_are_found() -> None:
    text = report(cameras={"front": {"frames_per_second": 5.0}, "back": 5})
    assert camera_figures(text, "front") == {"frames_per_second": 5.0}
    assert camera_figures(text, "back") is None
    assert camera_figures(text, "side") is None
