"""Who watches at the far end, and what a kiosk makes of it."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge_centre.adapters.paho_centre import CentreConnection
from tests.support.agent_process import TREE, AgentProcess, start_cli
from tests.support.centre import Centre as Ears
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Heard, Subscriber
from tests.support.two_paths import PATIENT, QUICK, online
from tests.support.wait import wait_for

HOST = "edge/v1/host/jhb-centre/state"
QUICK_TO_MISS = {"required": True, "heard_within_s": 3}


def part(centre: Ears, **wanted: str) -> dict[str, Any]:
    """A health report whose part `centre` is so."""
    found = centre.wait_for("health", lambda m: wanted.items() <= m.data["parts"].get("centre", {}).items(), 20)
    return dict(found.data["parts"]["centre"])


def test_a_kiosk_knows_whether_anybody_watches(tmp_path: Path, first: Mosquitto) -> None:
    kiosk = AgentProcess(tmp_path / "kiosk", first.url, mqtt=QUICK, centre=QUICK_TO_MISS)
    with Ears(first.port) as ears, kiosk as agent:
        part(ears, state="degraded")
        command = ("watch", "--config", agent.config, "--as-centre", "jhb-centre")
        watch = start_cli(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert "jhb-centre" in part(ears, state="ok")["detail"]
            watch.kill()
            ears.wait_for(
                "event/part-degraded", lambda m: m.data["part"] == "centre" and "jhb-centre" in m.data["detail"]
            )
        finally:
            watch.kill()
            watch.wait()


def test_watch_says_that_it_watches_and_that_it_goes(tmp_path: Path, first: Mosquitto) -> None:
    agent = AgentProcess(tmp_path / "kiosk", first.url)
    with Subscriber(first.port, [HOST]) as ears:
        command = ("watch", "--config", agent.config, "--as-centre", "jhb-centre")
        with start_cli(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watch:
            assert json.loads(ears.wait_for(timeout_s=20).payload)["online"] is True
            watch.send_signal(signal.SIGINT)
            watch.communicate(timeout=30)
        assert json.loads(ears.wait_for_count(2)[1].payload)["online"] is False
    assert TREE not in HOST


def test_a_centre_repeats_that_it_watches_and_contradicts_the_will_of_another_of_its_connections(
    first: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_centre.adapters.paho_centre.REPEAT_S", 0.5)
    with Subscriber(first.port, [HOST]) as ears:
        one, other = (CentreConnection(first.url, state_topic=HOST) for _ in range(2))
        one.open([])
        other.open([])
        ears.wait_for_count(5, says_online)
        other.close()
        ears.wait_for(lambda heard: not says_online(heard))
        wait_for(lambda: says_online(ears.heard[-1]), what="the word of the one that still watches")
        one.close()
        wait_for(lambda: not says_online(ears.heard[-1]), what="its end")


def says_online(heard: Heard) -> bool:
    return bool(json.loads(heard.payload)["online"])


def test_a_device_goes_where_somebody_watches_before_anybody_presses(
    tmp_path: Path, first: Mosquitto, second: Mosquitto
) -> None:
    with (
        Ears(second.port) as there,
        Subscriber(second.port) as watching,
        AgentProcess(tmp_path / "kiosk", first.url, second.url, mqtt=PATIENT, centre=QUICK_TO_MISS) as agent,
    ):
        watching.publish(HOST, b'{"online": true}', retain=True)
        online(there)
        agent.press()
        there.wait_for_alarm("raised")
        assert "jhb-centre" in part(there, state="ok")["detail"]
