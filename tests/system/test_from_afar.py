"""Settings from afar: tried, confirmed or taken back by the device itself, and a press arrives all the while."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli.keygen import make_key
from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.office import Office, press_until, presses_at

SHORT_TRIAL = """
import sys
from agent.bootstrap import from_afar
from_afar.TRIAL_S = 6.0
from agent.__main__ import main
sys.exit(main())
"""
HURRIED = (sys.executable, "-c", SHORT_TRIAL)


class Site:
    """A kiosk, its centre and its office."""

    def __init__(self, kiosk: AgentProcess, centre: Centre) -> None:
        self.kiosk, self.centre = kiosk, centre
        self.office = Office(centre, make_key("admin", kiosk.directory / "keys"))

    def has_result(self, command: str) -> bool:
        return any(m.data["status"] != "in-progress" for m in self.centre.messages(f"result/{command}"))


@pytest.fixture
def site(tmp_path: Path, broker: Mosquitto) -> Iterator[Site]:
    kiosk = AgentProcess(tmp_path, broker.url, program=HURRIED)
    with Centre(broker.port) as centre:
        site = Site(kiosk, centre)
        with kiosk:
            centre.wait_for("state", lambda m: m.data["state"] == "online")
            yield site


def test_new_settings_come_into_force_without_a_new_process(site: Site) -> None:
    pid = site.kiosk.pid
    began_s = time.monotonic()
    command = site.office.config_set(1, {"health": {"interval_s": 2}})
    result = site.centre.result(command)
    print(f"in force after {time.monotonic() - began_s:.1f} s")

    assert (result["status"], result["code"]) == ("succeeded", "ok"), result
    config = site.office.wait_for_config(state="in-force", revision=1).data["config"]
    assert config == {"revision": 1, "wanted": 1, "state": "in-force", "reason": ""}
    assert site.kiosk.pid == pid
    site.kiosk.press()
    site.centre.wait_for_alarm("updated", stage="sent", press_count=1)


def test_a_wrong_broker_is_taken_back_and_a_press_meanwhile_arrives(site: Site) -> None:
    command = site.office.config_set(1, {"mqtt": {"brokers": [f"mqtt://127.0.0.1:{free_port()}"]}})
    site.centre.wait_for("state", lambda m: m.data["state"] == "offline")
    taken, tried = press_until(site.kiosk, lambda: site.has_result(command))
    result = site.centre.result(command)
    assert taken > 10
    site.centre.wait_for("alarm/police", lambda m: presses_at(site.centre) >= taken)
    assert presses_at(site.centre) <= tried
    print(f"{taken} presses of {tried} were taken")

    assert (result["status"], result["code"]) == ("failed", "rolled-back"), result
    assert "no broker takes the birth" in result["text"]
    config = site.office.wait_for_config(state="failed").data["config"]
    assert (config["revision"], config["wanted"]) == (0, 1)
    again = site.centre.result(site.office.config_set(1, {}))
    assert (again["status"], again["code"]) == ("failed", "old-revision")
