"""What device A can reach of another one's, of another site's and of another province's: every way is tried."""

import contextlib
import queue
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.contract.identity import Identity, client_id, common_name
from agent.core.errors import BrokerError
from agent.ports import Connected, OutgoingMessage, Published, Received
from agent.trust.disconnected import Disconnected
from agent.trust.tls_context import TlsFiles
from edge_centre.library import AckAction
from tests.campaigns.brokers.capabilities import Cell
from tests.campaigns.brokers.guarded import GUARDED, WITNESS, Guarded
from tests.campaigns.brokers.sites import Site
from tests.support.agent_process import AgentProcess
from tests.support.broker_events import BrokerEvents
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE
from tests.support.subscriber import Subscriber
from tests.support.wait import PATIENCE_S, wait_for
from tests.system.test_centre_library import Watching

OWN = Identity("gp", "jhb-park-station", "kiosk-0042")
OTHERS = [
    Identity("gp", "jhb-park-station", "kiosk-0043"),
    Identity("gp", "other-site", "kiosk-0042"),
    Identity("kzn", "jhb-park-station", "kiosk-0042"),
]
ALL = "edge/v1/+/+/+"
WIDE = ["#", "edge/v1/#", f"{ALL}/up/#", f"{ALL}/down/#", "edge/v1/gp/+/kiosk-0042/up/#", f"$share/a/{ALL}/up/#"]
WORD = f"edge/v1/host/{CENTRE}/state"
"""What everybody may hear: once it is there, so is all that was said before it."""
FORGED, SECRET = b"forged", b"secret"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection of the device, or of its probe, and what it tries beside what it may."""

    say: str = ""
    retain: bool = False
    hear: str = ""
    will: str = ""
    called: str = ""
    probe: bool = False


def attempts() -> Iterator[Attempt]:
    for other in OTHERS:
        for topic in (other.up("state"), other.up("alarm", "police"), other.down("command", "ping")):
            yield Attempt(say=topic)
            yield Attempt(say=topic, retain=True)
            yield Attempt(say=topic, probe=True)
        yield Attempt(say=other.up("alarm", "self-test"), probe=True)
        yield Attempt(will=other.up("state"))
        yield Attempt(hear=other.up("#"))
        yield Attempt(hear=other.down("#"))
        yield Attempt(hear=other.down("#"), probe=True)
    yield from (Attempt(hear=each) for each in WIDE)
    for topic in (OWN.down("command", "ping"), WORD, "other/topic"):
        yield Attempt(say=topic)
        yield Attempt(say=topic, retain=True)
    for topic in (OWN.up("state"), OWN.up("alarm", "police"), OWN.down("command", "ping")):
        yield Attempt(say=topic, probe=True)
    yield from (Attempt(called=client_id(user)) for user in (*(other.user for other in OTHERS), OWN.probe))


class Device:
    """A connection by the agent's own adapter, as a device or its probe."""

    def __init__(self, guarded: Guarded, identity: Identity, attempt: Attempt) -> None:
        user = identity.probe if attempt.probe else identity.user
        files = guarded.authorities.device(identity.user)
        tls = TlsFiles(files.ca, files.cert, files.key, common_name(user) if attempt.probe else None)
        self._broker = PahoBroker(attempt.called or client_id(user), tls, connect_timeout_s=10)
        self.events = BrokerEvents()
        will = OutgoingMessage(attempt.will or identity.up("alarm", "self-test"), FORGED)
        self._broker.connect(guarded.url, will, [attempt.hear, WORD] if attempt.hear else [], self.events)
        wait_for(lambda: self.events.of(Connected) or self.ended(), what="an answer to the connection")

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish, and return when the broker has answered, or has ended the connection."""
        with contextlib.suppress(BrokerError):
            count = len(self.events.of(Published))
            self._broker.publish(OutgoingMessage(topic, payload, retain=retain))
            wait_for(lambda: len(self.events.of(Published)) > count or self.ended(), what="an answer")

    def end(self, *, will: bool = False) -> None:
        self._broker.disconnect(will=will)

    def hears(self, payload: bytes) -> bool:
        return any(event.payload == payload for event in self.events.of(Received))

    def ended(self) -> bool:
        return bool(self.events.of(Disconnected))


@pytest.fixture(scope="module")
def guarded(standing: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("guarded")
    with ExitStack() as stack:
        yield GUARDED[standing.kind](stack, directory, BrokerAuthorities.create(directory), [OWN, *OTHERS])


@pytest.mark.timeout(600)
def test_by_certificate(guarded: Guarded, cell: Cell, tmp_path: Path) -> None:
    """The agent and the centre's library, which is at one node."""
    own = guarded.authorities.device(OWN.user)
    agent = AgentProcess(tmp_path, guarded.url, mqtt=own.mqtt, centre={"required": True, "names": [CENTRE]})
    with watching_by_certificate(guarded, key=agent.key, name=CENTRE) as watching, agent:
        agent.press()
        alarm = watching.stage("sent").alarm
        assert watching.centre.ack(alarm, AckAction.REGISTERED, by="Thandi").result(PATIENCE_S).code == "ok"
        agent.wait_for_outputs(green="on")


def watching_by_certificate(guarded: Guarded, **options: Any) -> Watching:
    files = guarded.authorities.centre(guarded.centre)
    return Watching(guarded.centres_url, tls=TlsFiles(files.ca, files.cert, files.key), session=CENTRE, **options)


@pytest.mark.timeout(600)
def test_long_session(guarded: Guarded, cell: Cell) -> None:
    """Before MQTT 5 a session has no end. RabbitMQ says how long it keeps one; Mosquitto shows it in test_trouble."""
    links: queue.SimpleQueue[tuple[str, bool, str]] = queue.SimpleQueue()
    with watching_by_certificate(guarded, on_link=lambda *link: links.put(link)):
        _, is_up, why = links.get(timeout=PATIENCE_S)
        cell.can(is_up and "keeps our session" not in why)


@pytest.mark.timeout(600)
def test_isolation(guarded: Guarded, cell: Cell) -> None:
    """The witness hears all that gets through. The last word of the device shows that nothing is still under way."""
    with ExitStack() as stack:
        options = {"host": "localhost", "files": guarded.authorities.centre(WITNESS), **guarded.witness}
        witness = stack.enter_context(Subscriber(filters=["#"], **options))
        victims = {}
        for other in OTHERS:
            victims[other] = Device(guarded, other, Attempt(hear=other.down("command", "+")))
            stack.callback(victims[other].end)

        reached, tried = [], list(attempts())
        for number, attempt in enumerate(tried):
            device = Device(guarded, OWN, attempt)
            if attempt.say:
                device.say(attempt.say, FORGED, retain=attempt.retain)
            if attempt.hear:
                for other, victim in victims.items():
                    victim.say(other.up("state"), SECRET)
                    witness.publish(other.down("command", "ping"), SECRET)
                last = str(number).encode()
                witness.publish(WORD, last)
                wait_for(lambda: device.hears(last) or device.ended(), what="the last word")  # noqa: B023 - called at once
            device.end(will=bool(attempt.will))
            if device.hears(SECRET):
                reached.append(f"heard by {attempt}")
        probe = Device(guarded, OWN, Attempt(probe=True))
        probe.say(OWN.up("alarm", "self-test"), b"try")
        probe.end()
        last_word = Device(guarded, OWN, Attempt())
        last_word.say(OWN.up("state"), b"last")
        last_word.end()
        for payload in (b"try", b"last"):
            witness.wait_for(lambda heard: heard.payload == payload)  # noqa: B023 - called at once
        assert all(victim.hears(SECRET) for victim in victims.values()), "a device hears its own commands"

        own = OWN.up("alarm", "self-test")
        reached += [f"said {each.topic}" for each in witness.heard if each.payload == FORGED and each.topic != own]
        for other, victim in victims.items():
            reached += [f"told {other.user}" for each in victim.events.of(Received) if each.payload == FORGED]
        thrown_out = [other.user for other, victim in victims.items() if victim.ended()]
    assert not reached, f"{len(reached)} of {len(tried)}: {reached}"
    cell.can(not thrown_out)
    cell.say(f"0 of {len(tried)} ways")
