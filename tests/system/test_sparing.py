"""A kiosk on its battery, and one whose SIM card has cost enough: cameras and recordings give way, presses never do."""

from pathlib import Path

from tests.support.agent_process import CAMERA, AgentProcess
from tests.support.centre import Centre, Message
from tests.support.mosquitto import Mosquitto

MAINS = {"name": "mains", "kind": "mains", "pin": 6, "delay_s": 0.0, "restore_s": 0.0}
BATTERY = {**MAINS, "name": "battery", "kind": "battery", "pin": 13}


def rate(health: Message) -> float:
    """Frames a second of the camera; 0 while it does not say."""
    return float(health.data["cameras"].get("front", {}).get("frames_per_second", 0))


def test_on_battery_the_camera_slows_down_and_stops_when_it_is_low_and_a_press_is_heard_all_the_while(
    tmp_path: Path, broker: Mosquitto
) -> None:
    camera = {**CAMERA, "frames_per_second": 10.0}
    agent = AgentProcess(tmp_path / "kiosk", broker.url, cameras=[camera], inputs=[MAINS, BATTERY], battery={})
    with Centre(broker.port) as centre, agent:
        centre.wait_for("health", lambda m: rate(m) > 4)
        agent.sim("hold", name="mains")
        centre.wait_for("event/power", lambda m: m.data["active"])
        slow = centre.wait_for("health", lambda m: 0 < rate(m) < 3)
        assert slow.data["parts"]["camera-front"] == {"state": "ok"}

        agent.sim("hold", name="battery")
        told = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front")
        assert "runs on its battery" in told.data["detail"]
        agent.press()
        centre.wait_for_alarm()

        agent.sim("release", name="battery")
        agent.sim("release", name="mains")
        centre.wait_for("event/part-restored", lambda m: m.data["part"] == "camera-front")
        assert centre.messages("event/camera-tamper") == []


def test_when_the_sim_cards_data_is_used_up_the_centre_hears_so_and_a_press_all_the_same(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """The loopback stands for the SIM card: by it this kiosk is connected."""
    agent = AgentProcess(tmp_path / "kiosk", broker.url, data={"interface": "lo", "month_bytes": 1})
    with Centre(broker.port) as centre, agent:
        centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "data", timeout_s=30)
        used = centre.wait_for("health", lambda m: m.data["data"]["month_bytes"] > 0)
        assert used.data["data"]["interface"] == "lo"
        assert used.data["data"]["limit_bytes"] == 1
        agent.press()
        centre.wait_for_alarm()
