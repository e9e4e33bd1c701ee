"""The last resort: what the street hears when nothing gets out, or nobody answers."""

import signal
from pathlib import Path
from typing import Any

from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

HASTY = {"delayed_after_s": 0.2, "unconfirmed_after_s": 0.4, "repeat_after_s": 1.0}
SIREN = {"pin": 26, "after_s": 0.2}
BUTTONS = [
    {"name": "police", "pin": 17, "debounce_ms": 0},
    {"name": "staff", "pin": 25, "kind": "duress", "silent": True, "debounce_ms": 0},
]


def kiosk(directory: Path, broker: Mosquitto, **siren: Any) -> AgentProcess:
    return AgentProcess(directory, broker.url, buttons=BUTTONS, alarm=HASTY, siren={**SIREN, **siren})


def test_a_kiosk_that_reaches_nobody_sounds_the_siren_but_never_for_a_silent_alarm(
    tmp_path: Path, broker: Mosquitto
) -> None:
    broker.stop()
    with kiosk(tmp_path / "kiosk", broker) as agent:
        assert agent.outputs()["siren"] == "off"
        agent.press("staff")
        wait_for(lambda: agent.log().count("staff, unconfirmed") > 1, what="a silent alarm that is told again")
        assert agent.outputs()["siren"] == "off"
        agent.press("police")
        agent.wait_for_outputs(siren="on")

        broker.start()
        with Centre(broker.port) as centre:
            alarm_id = centre.wait_for_alarm(input="police", timeout_s=30).data["alarm_id"]
            sounded = centre.wait_for("event/siren-sounded")
            centre.wait_for("health", lambda m: m.data["siren"] == {"on": True, "alarms": [alarm_id]})
            assert agent.outputs()["siren"] == "on", "that a broker took it is no answer"
            centre.acknowledge(alarm_id, agent.key)
            agent.wait_for_outputs(siren="off")
            stopped = centre.wait_for("event/siren-stopped")

            assert (sounded.data["alarm_id"], sounded.data["reason"]) == (alarm_id, "unanswered")
            assert (stopped.data["alarm_id"], stopped.data["reason"]) == (alarm_id, "answered")
            assert {m.data["input"] for m in centre.messages("event/siren-")} == {"police"}


def test_a_siren_goes_on_after_a_kill_and_ends_with_an_orderly_stop(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, kiosk(tmp_path / "kiosk", broker) as agent:
        agent.press("police")
        agent.wait_for_outputs(siren="on")
        agent.kill()
        agent.start()
        agent.wait_for_outputs(siren="on")
        assert agent.send(signal.SIGTERM) == 0
        stopped = centre.wait_for("event/siren-stopped")
        assert stopped.data["reason"] == "agent-stopped"


def test_a_siren_falls_silent_at_its_limit(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, kiosk(tmp_path / "kiosk", broker, limit_s=1.0) as agent:
        agent.press("police")
        stopped = centre.wait_for("event/siren-stopped")
        assert stopped.data["reason"] == "time-over"
        assert stopped.data["sounded_ms"] == 1000
        assert agent.outputs() == {
            "yellow": "fast-flash",
            "green": "off",
            "beacon": "flash",
            "tone": "on",
            "siren": "off",
        }
