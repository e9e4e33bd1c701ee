"""A device that comes, goes, and loses its broker under presses."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from tests.campaigns.brokers.capabilities import Cell
from tests.campaigns.brokers.sites import Node, Site
from tests.campaigns.chaos.network import Conditions, Network
from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre, Message
from tests.support.mosquitto import Mosquitto
from tests.support.two_paths import PATIENT
from tests.support.wait import wait_for

PRESSES = 20
SELDOM = {"interval_s": 3600}


def test_mqtt_5(site: Site, cell: Cell, tmp_path: Path) -> None:
    with AgentProcess(tmp_path, *site.urls) as agent:
        wait_for(lambda: "connected to mqtt" in agent.log(), what="a connection")
        cell.can("with 3.1.1" not in agent.log())


def test_older_protocol(site: Site, cell: Cell, tmp_path: Path) -> None:
    with Network(site.port, Random(1)) as old, Centre(site.centres_port, **site.options) as centre:
        old.conditions = Conditions(refuses_5=True)
        with AgentProcess(tmp_path, old.url) as agent:
            wait_for(lambda: "with 3.1.1 (it refuses MQTT 5)" in agent.log(), what="a connection in MQTT 3.1.1")
            agent.press()
            centre.wait_for_alarm("updated", stage="sent")


def test_birth(site: Site, cell: Cell, tmp_path: Path) -> None:
    with Centre(site.centres_port, **site.options) as centre, AgentProcess(tmp_path, *site.urls):
        for topic in ("state", "meta", "alarms"):
            assert not centre.wait_for(topic).retain


def test_will(site: Site, cell: Cell, tmp_path: Path) -> None:
    with Centre(site.centres_port, **site.options) as centre, AgentProcess(tmp_path, *site.urls) as agent:
        online = centre.wait_for("state", lambda m: m.data["state"] == "online")
        agent.kill()
        lost = centre.wait_for("state", lambda m: m.data["state"] == "lost")
        assert lost.data["bdseq"] == online.data["bdseq"]


def test_second_path(site: Site, cell: Cell, tmp_path: Path) -> None:
    """A cluster has a second node; beside a single broker there is another one."""
    with ExitStack() as stack:
        urls, port, options = site.urls, site.centres_port, dict(site.options)
        if len(site.nodes) == 1:
            second = stack.enter_context(Mosquitto(tmp_path / "second"))
            urls, port, options = [site.urls[0], second.url], second.port, {}
        there = stack.enter_context(Centre(port, **options))
        agent = stack.enter_context(AgentProcess(tmp_path / "kiosk", *urls, mqtt=PATIENT))
        wait_for(lambda: f"connected to {urls[0]}" in agent.log(), what="the first path")
        site.nodes[0].kill()
        agent.press()
        assert there.wait_for_alarm("raised").data["press_count"] == 1
        wait_for(lambda: f"connected to {urls[1]}" in agent.log(), what="the second path")


def test_restart_by_sigterm(site: Site, cell: Cell, tmp_path: Path) -> None:
    press_through_a_restart(site, tmp_path, lambda node: node.stop())


def test_restart_by_sigkill(site: Site, cell: Cell, tmp_path: Path) -> None:
    press_through_a_restart(site, tmp_path, lambda node: node.kill())


def press_through_a_restart(site: Site, directory: Path, end: Callable[[Node], None]) -> None:
    """The centre has a session. What it hears before and after is every press, of one alarm, and the kiosk hears it."""
    session: dict[str, Any] = {"client_id": "restarted-centre", "persistent": True, **site.options}
    with AgentProcess(directory, *site.urls, health=SELDOM) as agent:
        hand = threading.Thread(target=lambda: agent.press_many("police", PRESSES, hold_s=0.02, interval_s=0.1))
        with Centre(site.centres_port, **session) as before:
            wait_for(lambda: "connected to mqtt" in agent.log(), what="a connection")
            hand.start()
            before.wait_for("alarm/", lambda m: m.data["press_count"] >= PRESSES // 4)
            end(site.nodes[0])
            hand.join()
        site.revive()
        began_s = time.monotonic()
        with Centre(site.centres_port, **session) as after:

            def everything() -> list[Message]:
                return [*before.messages("alarm/"), *after.messages("alarm/")]

            wait_for(lambda: len({m.data["press_count"] for m in everything()}) == PRESSES, 120, "every press")
            [alarm_id] = {m.data["alarm_id"] for m in everything()}
            newest = max(everything(), key=lambda m: m.seq)
            after.acknowledge(alarm_id, agent.key, boot_nonce=newest.nonce)
            agent.wait_for_outputs(green="on")
        print(f"all presses {time.monotonic() - began_s:.1f} s after the restart")
    with Centre(site.centres_port, client_id="restarted-centre", **site.options):
        """Without a session: the broker forgets the one of before."""
