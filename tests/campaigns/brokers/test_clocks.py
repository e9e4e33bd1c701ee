"""Clocks that are wrong, and a certificate that ends."""

import threading
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from agent.contract.identity import client_id
from agent.trust.tls_context import TlsFiles
from edge_centre.library import AckAction
from tests.campaigns.brokers.cluster import Cluster, control
from tests.campaigns.brokers.sites import needs
from tests.campaigns.brokers.test_cluster_runbook import KIOSK, Site, shown
from tests.support.agent_process import SOURCE, AgentProcess
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto, is_listening
from tests.support.subscriber import Subscriber
from tests.support.wait import PATIENCE_S, wait_for
from tests.system.test_centre_library import Watching

pytestmark = pytest.mark.timeout(300)
STORM, LIFE_S = 3, 5.0
FAKETIME = {"LD_PRELOAD": "/usr/$LIB/faketime/libfaketimeMT.so.1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
"""For the environment of a process whose clock is wrong by `FAKETIME`."""
HUNG_UP = "Client connection from"


@needs("rabbitmq")
def test_the_clocks_of_nodes_are_two_hours_apart(tmp_path: Path) -> None:
    """What expires does so in time, and nothing else does: nodes compute with differences."""
    cluster = Cluster(tmp_path)
    ahead, behind, right = cluster.nodes
    for node, by in ((ahead, "+1h"), (behind, "-1h")):
        node.environment.update(FAKETIME, FAKETIME=by)
    with cluster:
        for node in (ahead, behind):
            agent = AgentProcess(tmp_path / f"kiosk-{node.number}", node.url)
            with Watching(right.url, key=agent.key, name="jhb-centre") as watching, agent:
                agent.press()
                alarm = watching.stage("sent").alarm
                assert watching.centre.order(SOURCE, "ping").result(PATIENCE_S).code == "ok"
                assert watching.centre.ack(alarm, AckAction.REGISTERED).result(PATIENCE_S).code == "ok"
                agent.wait_for_outputs(green="on")
        pairs = list(product(cluster.nodes, repeat=2))
        for near, far in pairs:
            session: dict[str, Any] = {"client_id": f"{near.number}-{far.number}", "persistent": True}
            with Subscriber(far.port, [session["client_id"]], **session), Subscriber(near.port) as publisher:
                pass
            with Subscriber(near.port) as publisher:
                for payload, expiry_s in ((b"short", 1), (b"long", 3000), (b"last", None)):
                    publisher.publish(session["client_id"], payload, expiry_s=expiry_s)
        sent_s = time.monotonic()
        wait_for(lambda: time.monotonic() > sent_s + 2)
        for near, far in pairs:
            with Subscriber(far.port, client_id=f"{near.number}-{far.number}", persistent=True) as back:
                back.wait_for(lambda heard: heard.payload == b"last")
                assert [heard.payload for heard in back.heard] == [b"long", b"last"], f"{near.name} to {far.name}"


def test_mosquitto_keeps_a_session_for_14_days_by_a_clock_that_may_jump(tmp_path: Path) -> None:
    """With deploy's configuration. A clock that is set right a fortnight later ends it."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    authorities = BrokerAuthorities.create(tmp_path)
    environ = {**FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
    with Mosquitto(tmp_path / "broker", authorities=authorities, environ=environ) as broker:
        own = authorities.centre(CENTRE)
        tls = TlsFiles(own.ca, own.cert, own.key)
        with Watching(f"mqtts://localhost:{broker.centre_port}", tls=tls, session="wall-display"):
            pass
        for days, is_gone in ((13.9, False), (14.1, True)):
            (tmp_path / "new").write_text(f"+{days}d")
            (tmp_path / "new").replace(clock)  # at once: libfaketime ends a process that finds half of it
            pass_of_its_loop(broker)
            assert ("Expiring client wall-display-1" in broker.log()) is is_gone


def pass_of_its_loop(broker: Mosquitto) -> None:
    """Return when it has taken a connection."""
    seen = broker.log().count(HUNG_UP)
    wait_for(lambda: is_listening(broker.port) and broker.log().count(HUNG_UP) > seen, what="a pass of its loop")


@needs("rabbitmq")
def test_the_certificate_of_one_node_ends_in_a_storm(tmp_path: Path) -> None:
    """Whoever loses that node then goes to another one, and comes back to it once it has a new one."""
    with ExitStack() as stack:
        site = Site(stack, tmp_path)
        node, over = site.in_use(), threading.Event()
        stack.callback(over.set)
        for _ in range(STORM):
            threading.Thread(target=shake_hands, args=(node.tls_port, over)).start()
        site.show(node, site.authorities.server.server(life=timedelta(seconds=LIFE_S)))
        while "certificate has expired" not in site.agent.log():
            throw_out(site)
        site.await_presses()
        site.show(node, site.authorities.server.server())
        while site.in_use() is not node:
            throw_out(site)
        over.set()
        site.await_presses()


def throw_out(site: Site) -> None:
    """End the kiosk's connection, wherever it is; it goes to the next node."""
    control(site.cluster.nodes[0], "close_all_user_connections", client_id(KIOSK.user), "storm")


def shake_hands(port: int, over: threading.Event) -> None:
    """As clients do that reconnect, one handshake after the other."""
    while not over.is_set():
        with suppress(OSError):
            shown(port)
