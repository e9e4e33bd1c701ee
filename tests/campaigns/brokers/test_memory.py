"""What a broker keeps, for whom, and for how long."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from agent.trust.jose_keys import sign
from tests.campaigns.brokers.capabilities import Cell
from tests.campaigns.brokers.sites import Site
from tests.campaigns.chaos.network import GOOD, Conditions, Network
from tests.support.agent_process import TREE, AgentProcess
from tests.support.centre import Centre
from tests.support.subscriber import Heard, Subscriber
from tests.support.wait import wait_for

OFFLINE = int(os.environ.get("OFFLINE_PRESSES", "2000"))
SOON_S = 3.0


def test_retained_by_exact_topic(site: Site, cell: Cell) -> None:
    cell.can(retained_comes(site, site.port, f"{TREE}/up/state"))


def test_retained_by_wildcard(site: Site, cell: Cell) -> None:
    cell.can(retained_comes(site, site.port, "edge/v1/+/+/+/up/state"))


def test_retained_at_another_node(site: Site, cell: Cell) -> None:
    cell.can(len(site.nodes) > 1 and retained_comes(site, site.centres_port, f"{TREE}/up/state"))


def test_kept_session(site: Site, cell: Cell) -> None:
    session: dict[str, Any] = {"client_id": "kept-centre", "persistent": True, **site.options}
    with Subscriber(site.centres_port, [f"{TREE}/up/#"], **session):
        pass
    say(site, "alarm/police", b"help")
    with Subscriber(site.centres_port, **session) as back:
        assert back.wait_for().payload == b"help"
    forget(site, "kept-centre")


def test_clean_session(site: Site, cell: Cell, tmp_path: Path) -> None:
    """A command that was sent while the device was away has no result; the one after it has."""
    with Centre(site.centres_port, **site.options) as centre, AgentProcess(tmp_path, *site.urls) as agent:
        nonce = centre.nonce()
        agent.kill()
        centre.wait_for("state", lambda m: m.data["state"] == "lost")
        agent_was_away = centre.ack_claims("a", agent.key, boot_nonce=nonce)
        centre.send("ack/a", sign(agent_was_away, agent.key))
        agent.start()
        centre.wait_for("state", lambda m: m.data["state"] == "online" and m.nonce != nonce)
        after = centre.acknowledge("b", agent.key)
        centre.result(after)
        assert not centre.messages(f"result/{agent_was_away['cmd_id']}")


def test_offline_presses(site: Site, cell: Cell, tmp_path: Path) -> None:
    with Network(site.port, Random(1)) as network, Centre(site.centres_port, **site.options) as centre:
        network.conditions = Conditions(refuses=True)
        with AgentProcess(tmp_path, network.url, health={"interval_s": 3600}) as agent:
            agent.press_many("police", OFFLINE, hold_s=0.002, interval_s=0.005)
            network.conditions = GOOD
            centre.wait_for("alarm/", lambda m: m.data["press_count"] == OFFLINE, timeout_s=200)
            counts = [m.data["press_count"] for m in centre.messages("alarm/") if m.data["stage"] == "raised"]
            assert counts == list(range(1, OFFLINE + 1))


def test_expiry(site: Site, cell: Cell) -> None:
    """The one that lives on shows that the queue has been delivered."""
    session: dict[str, Any] = {"client_id": "late-centre", "persistent": True, **site.options}
    with Subscriber(site.centres_port, [f"{TREE}/down/#"], **session):
        pass
    with Subscriber(site.port, **site.options) as publisher:
        publisher.publish(f"{TREE}/down/ack/a", b"old", expiry_s=1 if site.knows_5 else None)
        sent_s = time.monotonic()
        wait_for(lambda: time.monotonic() > sent_s + 2)
        publisher.publish(f"{TREE}/down/ack/a", b"new")
    with Subscriber(site.centres_port, **session) as back:
        back.wait_for(lambda heard: heard.payload == b"new")
        cell.can([heard.payload for heard in back.heard] == [b"new"])
    forget(site, "late-centre")


def retained_comes(site: Site, port: int, topic_filter: str) -> bool:
    """Whether somebody who subscribes at this port is told what was retained at the kiosk's node."""
    topic = f"{TREE}/up/state"
    with Subscriber(site.port, **site.options) as publisher:
        publisher.publish(topic, b"retained", retain=True)
        with Subscriber(port, [topic_filter], **site.options) as later:
            publisher.publish(topic, b"live")  # once it is here, what the subscription brings at once is too
            later.wait_for(lambda heard: heard.payload == b"live")
            return comes(later, lambda heard: heard.payload == b"retained")


def comes(subscriber: Subscriber, predicate: Callable[[Heard], bool]) -> bool:
    try:
        subscriber.wait_for(predicate, SOON_S)
    except AssertionError:
        return False
    return True


def say(site: Site, under: str, payload: bytes) -> None:
    with Subscriber(site.port, **site.options) as publisher:
        publisher.publish(f"{TREE}/up/{under}", payload)


def forget(site: Site, client_id: str) -> None:
    """A session that is left behind refuses messages once its node is dead."""
    with Subscriber(site.centres_port, client_id=client_id, **site.options):
        pass
