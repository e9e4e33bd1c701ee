"""The agent on pins that are not all there: what works goes on working, and the log has one clear line."""

import re
import sys
from pathlib import Path

import pytest

from tests.support.agent_process import AGENT, BUTTON, LIGHTS
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto
from tests.support.real_pins import AgentOnPins

_SLOW = """
import sqlite3, sys, threading
connect = sqlite3.connect
sqlite3.connect = lambda *args, **more: threading.Event().wait(0.4) or connect(*args, **more)
from agent.__main__ import main
sys.exit(main())
"""
ON_A_SLOW_DISK = (sys.executable, "-c", _SLOW)
MEDICAL = {"name": "medical", "kind": "medical", "pin": 24, "debounce_ms": 0}


def complaints(agent: AgentOnPins, about: str) -> list[str]:
    """The lines above INFO that name it."""
    return [line for line in agent.log().splitlines() if re.search(r"WARNING|ERROR|CRITICAL", line) and about in line]


def test_on_pins_that_are_free_a_press_is_lit_and_sent(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentOnPins(tmp_path, broker.url, busy=[]) as agent:
        centre.wait_for("security/boot")
        agent.press(17)
        agent.wait_for_light(LIGHTS["yellow"], 1)
        centre.wait_for_alarm("updated", input="police", stage="sent")
    assert agent.process.returncode == 0
    assert complaints(agent, "pin") == []


def test_a_button_whose_pin_another_driver_holds_is_told_and_the_other_buttons_work(
    tmp_path: Path, broker: Mosquitto
) -> None:
    buttons = [BUTTON, MEDICAL]
    with Centre(broker.port) as centre, AgentOnPins(tmp_path, broker.url, busy=[17], buttons=buttons) as agent:
        degraded = centre.wait_for("event/part-degraded", lambda m: "police" in m.data["part"])
        assert "pin 17 can't be used" in degraded.data["detail"]
        fault = centre.wait_for("event/input-fault", lambda m: m.data["fault"] == "unusable")
        assert (fault.data["input"], "pin 17" in fault.data["detail"]) == ("police", True)
        centre.wait_for("security/boot")
        agent.press(24)
        agent.wait_for_light(LIGHTS["yellow"], 1)
        centre.wait_for_alarm("updated", input="medical", stage="sent")
        assert len(complaints(agent, "pin 17")) == 1
    assert "Traceback" not in agent.log()


def test_a_light_whose_pin_another_driver_holds_is_told_and_the_other_lights_work(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Centre(broker.port) as centre, AgentOnPins(tmp_path, broker.url, busy=[LIGHTS["green"]]) as agent:
        degraded = centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "lights")
        assert "light 'green': pin 27 can't be used" in degraded.data["detail"]
        centre.wait_for("security/boot")
        agent.press(17)
        agent.wait_for_light(LIGHTS["yellow"], 1)
        centre.wait_for_alarm("updated", stage="sent")
        assert len(complaints(agent, "pin 27")) == 1
    assert "Traceback" not in agent.log()


def test_with_the_pins_of_all_buttons_held_the_agent_ends_and_names_them_so_that_it_is_started_again(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Centre(broker.port) as centre, AgentOnPins(tmp_path, broker.url, busy=[17]) as agent:
        assert agent.process.wait(30) == 1
        centre.wait_for("event/out-of-service", lambda m: "no-button" in m.data["reasons"])
    assert len(complaints(agent, "pin 17")) == 1
    assert agent.log().splitlines()[-1] == "edge-agent: no input can be watched: GPIO busy"
    assert "Traceback" not in agent.log()


@pytest.mark.skipif(Path("/dev/gpiochip0").exists(), reason="this machine has a GPIO chip")
@pytest.mark.parametrize("program", [AGENT, ON_A_SLOW_DISK], ids=["", "on a slow disk"])
def test_without_a_gpio_chip_the_agent_ends_with_one_line_so_that_it_is_started_again(
    tmp_path: Path, broker: Mosquitto, program: tuple[str, ...]
) -> None:
    with AgentOnPins(tmp_path, broker.url, busy=None, program=program) as agent:
        assert agent.process.wait(30) == 1
    assert agent.log() == "edge-agent: there is no GPIO chip, no /dev/gpiochip*: see `dmesg`\n"
