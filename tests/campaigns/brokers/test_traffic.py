"""What goes to and fro between kiosk and centre, by the centre's library and by its bounds."""

from contextlib import suppress
from pathlib import Path

from agent.adapters.paho_broker import PahoBroker
from agent.ports import OutgoingMessage, Published
from edge_centre.library import AckAction, Presence
from tests.campaigns.brokers.bare import Bare
from tests.campaigns.brokers.capabilities import Cell
from tests.campaigns.brokers.sites import Site
from tests.support.agent_process import SOURCE, TREE, AgentProcess
from tests.support.broker_events import connected
from tests.support.subscriber import Subscriber
from tests.support.wait import PATIENCE_S, wait_for
from tests.system.test_centre_library import Watching

LARGEST = 128 * 1024
AT_ONCE, ALL = 3, 12
SOON_S = 3.0


def test_alarm_and_answers(site: Site, cell: Cell, tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, site.urls[0], centre={"required": True, "names": ["jhb-centre"]})
    with Watching(site.nodes[-1].url, key=agent.key, name="jhb-centre") as watching, agent:
        centre = watching.centre
        watching.presence(Presence.ONLINE)
        agent.press()
        alarm = watching.stage("sent").alarm
        assert centre.order(SOURCE, "ping").result(PATIENCE_S).code == "ok"
        assert centre.ack(alarm, AckAction.REGISTERED, by="Thandi").result(PATIENCE_S).code == "ok"
        agent.wait_for_outputs(green="on")
        alarm = watching.stage("registered").alarm
        assert centre.ack(alarm, AckAction.CLOSED, by="Thandi", reason="helped").result(PATIENCE_S).code == "ok"
        agent.wait_for_outputs(green="off", yellow="off")


def test_largest_payload(site: Site, cell: Cell) -> None:
    """By the agent's own adapter."""
    broker, picture = PahoBroker("kiosk-1"), bytes(range(256)) * (LARGEST // 256)
    with Subscriber(site.centres_port, [f"{TREE}/up/#"], **site.options) as centre:
        events = connected(broker, site.urls[0])
        try:
            broker.publish(OutgoingMessage(f"{TREE}/up/snapshot/p1", picture))
            assert events.wait(Published).accepted
            assert centre.wait_for().payload == picture
        finally:
            broker.disconnect()


def test_receive_maximum(site: Site, cell: Cell) -> None:
    with (
        Bare(site, f"{TREE}/up/#", AT_ONCE) as slow,
        Subscriber(site.centres_port, [f"{TREE}/up/#"], **site.options) as quick,
        Subscriber(site.centres_port, **site.options) as publisher,
    ):
        for number in range(ALL):
            publisher.publish(f"{TREE}/up/event/{number}", b"x")
        quick.wait_for_count(ALL)
        most = AT_ONCE
        with suppress(AssertionError):
            most = wait_for(lambda: max(0, len(slow.held) - AT_ONCE), SOON_S) + AT_ONCE
        cell.can(most == AT_ONCE and len(slow.held) == AT_ONCE)
        seen = 0
        while seen < ALL:
            wait_for(lambda: slow.held, what="the next ones")
            seen += slow.acknowledge()
