"""Whatever is wrong with an input, it is told, and nobody who presses goes unheard."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre, Message
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

POLICE = {"name": "police", "pin": 17, "pin_nc": 5, "stuck_after_s": 2.0, "debounce_ms": 0}
"""Without a debounce time: on a busy machine the simulated finger may be late, and lift for less than that."""
MEDICAL = {"name": "medical", "pin": 24, "kind": "medical"}
DOOR = {"name": "door", "kind": "tamper", "pin": 6, "restore_s": 0.2}
MAINS = {"name": "mains", "kind": "mains", "pin": 13, "delay_s": 1.0, "restore_s": 0.2}
AT_REST = {"yellow": "off", "green": "off", "beacon": "steady", "tone": "off"}


class Kiosk:
    """A supervised and a plain button, a door and a mains relay, and the centre."""

    def __init__(self, directory: Path, broker: Mosquitto, **sections: Any) -> None:
        self.centre = Centre(broker.port)
        self.agent = AgentProcess(
            directory, broker.url, **{"buttons": [POLICE, MEDICAL], "inputs": [DOOR, MAINS], **sections}
        )

    def __enter__(self) -> "Kiosk":
        self.centre.__enter__()
        self.agent.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.agent.__exit__(*error)
        self.centre.__exit__(*error)

    def fault(self, kind: str) -> None:
        self.agent.sim("fault", kind=kind)

    def wait_for_fault(self, fault: str, *, active: bool = True, name: str = "police") -> Message:
        wanted = {"input": name, "fault": fault, "active": active}
        return self.centre.wait_for("event/input-fault", lambda m: wanted.items() <= m.data.items())

    def wait_for_condition(self, topic: str, *, active: bool, after: int = 0) -> Message:
        return self.centre.wait_for(f"event/{topic}", lambda m: m.data["active"] is active and m.seq > after)

    def wait_for_part(self, name: str, state: str) -> None:
        self.centre.wait_for("health", lambda m: m.data["parts"].get(name, {}).get("state") == state)

    def presses(self, name: str) -> int:
        """The newest count that the centre has heard."""
        return max((m.data["press_count"] for m in self.centre.messages(f"alarm/{name}")), default=0)


@pytest.fixture
def kiosk(tmp_path: Path, broker: Mosquitto) -> Iterator[Kiosk]:
    with Kiosk(tmp_path / "kiosk", broker) as kiosk:
        yield kiosk


def test_an_opened_kiosk_is_told_with_its_codes_and_lights_nothing(kiosk: Kiosk) -> None:
    closed = kiosk.wait_for_condition("tamper", active=False)
    kiosk.agent.sim("hold", name="door")

    opened = kiosk.wait_for_condition("tamper", active=True)
    assert opened.data["codes"] == {"contact_id": "137", "sia": "TA"}
    assert (opened.data["input"], opened.data["kind"]) == ("door", "tamper")
    assert kiosk.agent.outputs() == AT_REST
    assert kiosk.agent.sim("inputs")[0] == {
        "police": "released",
        "medical": "released",
        "door": "active",
        "mains": "inactive",
    }

    kiosk.agent.sim("release", name="door")
    restored = kiosk.wait_for_condition("tamper", active=False, after=opened.seq)
    assert restored.data["codes"] == {"contact_id": "137", "sia": "TR"}
    assert closed.seq < opened.seq


def test_a_mains_failure_is_told_when_it_lasts_and_a_short_one_is_not(kiosk: Kiosk) -> None:
    start = kiosk.wait_for_condition("power", active=False)
    kiosk.agent.press_many("mains", 1, hold_s=0.1)
    kiosk.agent.sim("hold", name="mains")
    failed = kiosk.wait_for_condition("power", active=True)
    kiosk.agent.sim("release", name="mains")
    restored = kiosk.wait_for_condition("power", active=False, after=failed.seq)

    assert failed.data["codes"] == {"contact_id": "301", "sia": "AT"}
    assert restored.data["codes"] == {"contact_id": "301", "sia": "AR"}
    told = [m.seq for m in kiosk.centre.messages("event/power")]
    assert told == [start.seq, failed.seq, restored.seq]


def test_a_cut_cable_is_told_and_whoever_presses_then_is_still_heard(kiosk: Kiosk) -> None:
    kiosk.fault("input-open:police")
    kiosk.wait_for_fault("open")
    kiosk.wait_for_part("input-police", "degraded")
    assert kiosk.agent.outputs() == AT_REST
    assert kiosk.presses("police") == 0

    kiosk.agent.press("police")
    kiosk.centre.wait_for_alarm("raised", input="police")
    kiosk.agent.wait_for_outputs(yellow="on")

    kiosk.fault("input-mend:police")
    kiosk.agent.press("police")
    kiosk.wait_for_fault("open", active=False)
    kiosk.wait_for_part("input-police", "ok")


def test_a_press_is_heard_although_the_line_that_closes_is_cut(kiosk: Kiosk) -> None:
    kiosk.fault("input-cut:police")
    kiosk.agent.press_many("police", 1, hold_s=0.3)

    raised = kiosk.centre.wait_for_alarm("raised", input="police")
    kiosk.wait_for_fault("open")
    assert raised.data["press_count"] == 1
    kiosk.agent.wait_for_outputs(yellow="on")


def test_a_shorted_cable_is_an_alarm_at_once_and_a_fault_and_people_are_still_heard(kiosk: Kiosk) -> None:
    kiosk.fault("input-short:police")
    kiosk.centre.wait_for_alarm("raised", input="police")
    kiosk.wait_for_fault("short")

    kiosk.agent.press("police")
    kiosk.centre.wait_for_alarm("updated", input="police", press_count=2)


def test_a_button_that_is_held_when_the_agent_starts_is_an_alarm_and_then_stuck(
    tmp_path: Path, broker: Mosquitto
) -> None:
    storage = tmp_path / "kiosk" / "storage"
    storage.mkdir(parents=True)
    (storage / "sim-contacts.json").write_text(json.dumps({"held": ["police", "mains"], "broken": {}}))
    with Kiosk(tmp_path / "kiosk", broker) as kiosk:
        kiosk.centre.wait_for_alarm("raised", input="police")
        kiosk.wait_for_condition("power", active=True)
        kiosk.wait_for_fault("stuck")
        kiosk.agent.wait_for_outputs(yellow="on")

        kiosk.agent.sim("release", name="police")
        kiosk.wait_for_fault("stuck", active=False)
        assert kiosk.presses("police") == 1


def test_a_button_that_is_held_while_the_agent_dies_is_held_when_it_starts_again(kiosk: Kiosk) -> None:
    kiosk.agent.sim("hold", name="medical")
    raised = kiosk.centre.wait_for_alarm("raised", input="medical")
    kiosk.agent.kill()
    kiosk.agent.start()

    kiosk.centre.wait_for_alarm("updated", input="medical", press_count=2, alarm_id=raised.data["alarm_id"])


def test_rain_in_one_button_neither_delays_nor_hides_another_and_loses_no_count(kiosk: Kiosk) -> None:
    made: list[dict[str, Any]] = []
    rain = threading.Thread(target=lambda: made.extend(kiosk.agent.sim("fault", kind="input-rain:police")), name="rain")
    rain.start()
    kiosk.wait_for_fault("chatter")
    kiosk.agent.press("medical")
    raised = kiosk.centre.wait_for_alarm("raised", input="medical")
    assert raised.data["press_count"] == 1
    assert kiosk.centre.wait_for_alarm("raised", input="police").data["press_count"] == 1
    rain.join()

    assert len(made) == 60
    wait_for(lambda: kiosk.presses("police") == 60, what="every drop counted")
    told = kiosk.centre.messages("alarm/police")
    assert len([m for m in told if m.data["stage"] in {"raised", "sent"}]) < 40, "told in sums"
    kiosk.wait_for_part("input-police", "degraded")
    assert "medical" not in {m.data["input"] for m in kiosk.centre.messages("event/input-fault")}


def test_bounces_are_one_press(tmp_path: Path, broker: Mosquitto) -> None:
    bouncing = {**MEDICAL, "debounce_ms": 1000}
    with Kiosk(tmp_path / "kiosk", broker, buttons=[POLICE, bouncing]) as kiosk:
        kiosk.fault("input-bounce:medical")
        kiosk.centre.wait_for_alarm("raised", input="medical")
        kiosk.agent.press("police")
        kiosk.centre.wait_for_alarm("raised", input="police")

        assert kiosk.presses("medical") == 1


def test_a_press_that_must_be_held_is_no_call_before(tmp_path: Path, broker: Mosquitto) -> None:
    with Kiosk(tmp_path / "kiosk", broker, buttons=[{**POLICE, "hold_s": 0.5}, MEDICAL]) as kiosk:
        kiosk.agent.press_many("police", 1, hold_s=0.05)
        kiosk.centre.wait_for("health", lambda m: m.data["inputs"]["police"]["cut_short"] == 1)
        assert kiosk.agent.outputs() == AT_REST

        kiosk.agent.press_many("police", 1, hold_s=1.0)
        raised = kiosk.centre.wait_for_alarm("raised", input="police")
        assert raised.data["press_count"] == 1
        kiosk.agent.wait_for_outputs(yellow="on")
