"""A camera that somebody puts out of action, or that sees badly, is told through the whole agent and a real broker."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_process import CAMERA, AgentProcess
from tests.support.centre import Centre, Message
from tests.support.mosquitto import Mosquitto

pytestmark = pytest.mark.eyes

LEARNED_FRAMES = 60


@pytest.mark.long
def test_a_camera_that_is_covered_is_told_until_it_is_uncovered(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[CAMERA]) as agent:
        see_its_scene(centre)
        agent.sim("fault", kind="camera-covered")
        began = centre.wait_for("event/camera-tamper", lambda m: m.data["active"])
        assert (began.data["camera"], began.data["kind"]) == ("front", "covered")
        assert began.data["codes"] == {"contact_id": "137", "sia": "TA"}
        known = [{"kind": "covered", "event_id": began.data["event_id"], "since": began.data["since"]}]
        centre.wait_for("health", lambda m: m.data["cameras"].get("front", {}).get("tampers") == known, timeout_s=10)

        agent.sim("fault", kind="camera-none")
        ended = centre.wait_for("event/camera-tamper", lambda m: not m.data["active"])
        assert ended.data["event_id"] == began.data["event_id"]
        assert ended.data["duration_ms"] > 0
        assert len(centre.messages("event/camera-tamper")) == 2


def test_a_camera_that_is_unplugged_has_lost_its_signal_until_it_is_back(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[CAMERA]) as agent:
        centre.wait_for("health", lambda m: m.data["parts"].get("camera-front") == {"state": "ok"})
        agent.sim("fault", kind="camera-lost")
        lost = centre.wait_for("event/camera-tamper", lambda m: m.data["active"], timeout_s=20)
        assert lost.data["kind"] == "signal-lost"
        agent.sim("fault", kind="camera-none")
        back = centre.wait_for("event/camera-tamper", lambda m: not m.data["active"])
        assert back.data["event_id"] == lost.data["event_id"]


@pytest.mark.long
def test_a_camera_that_is_turned_while_its_process_is_dead_is_found_out(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[CAMERA]) as agent:
        see_its_scene(centre)
        agent.sim("fault", kind="camera-turned")
        agent.sim("fault", kind="vision-crash")
        turned = centre.wait_for("event/camera-tamper", lambda m: m.data["kind"] == "turned")
        assert turned.data["active"]


@pytest.mark.long
def test_a_camera_that_is_hardly_able_to_see_is_degraded_in_health_until_it_sees_again(
    tmp_path: Path, broker: Mosquitto
) -> None:
    camera = {**CAMERA, "tamper": []}  # else the dark would be told as a tamper
    with Centre(broker.port) as centre, AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera]) as agent:
        agent.sim("fault", kind="camera-dark")
        began = centre.wait_for("event/hardly-able-to-see", lambda m: m.data["active"], timeout_s=60)
        assert (began.data["camera"], began.data["reason"]) == ("front", "too-dark")
        known = {name: began.data[name] for name in ("reason", "event_id", "since", "detail")}
        sight = {"state": "degraded", "detail": f"hardly able to see: {began.data['detail']}"}
        dark = centre.wait_for("health", lambda m: seeing(m) == (known, sight))
        assert dark.data["status"] == "degraded"
        assert dark.data["parts"]["camera-front"] == {"state": "ok"}, "it gives pictures"
        assert [part.data["part"] for part in centre.messages("event/part-degraded")] == ["sight-front"]

        agent.sim("fault", kind="camera-none")
        ended = centre.wait_for("event/hardly-able-to-see", lambda m: not m.data["active"], timeout_s=60)
        assert ended.data["event_id"] == began.data["event_id"]
        assert ended.data["duration_ms"] > 0
        centre.wait_for("event/part-restored", lambda m: m.data["part"] == "sight-front")
        centre.wait_for("health", lambda m: seeing(m) == (None, {"state": "ok"}))


def seeing(health: Message) -> tuple[Any, Any]:
    """What the health says of how well the camera sees: beside its figures, and of its part."""
    return health.data["cameras"].get("front", {}).get("hardly_able_to_see"), health.data["parts"].get("sight-front")


def see_its_scene(centre: Centre) -> None:
    """Wait until the camera has been looked at for so long that it knows what it ought to show."""
    centre.wait_for("health", lambda m: m.data["cameras"].get("front", {}).get("frames", 0) > LEARNED_FRAMES)
