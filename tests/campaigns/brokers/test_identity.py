"""A device and its probe at RabbitMQ, which binds both to their topics by the names in their certificates."""

import contextlib
from collections.abc import Iterator

import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.adapters.tls_context import TlsFiles
from agent.contract.identity import Identity, client_id, common_name
from agent.core.errors import BrokerError
from agent.ports import Connected, Disconnected, OutgoingMessage, Published
from tests.campaigns.brokers.cluster import Cluster, control, is_installed
from tests.support.broker_events import BrokerEvents
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.wait import wait_for

WRITE = r"^edge\.v1\.{client_id}\.(up\..*|self-test)$"
READ = r"^edge\.v1\.({client_id}\.down|host)\..*"
OWN = Identity("gp", "jhb-park-station", "kiosk-0042")
OTHERS = [
    Identity("gp", "jhb-park-station", "kiosk-0043"),
    Identity("gp", "other-site", "kiosk-0042"),
    Identity("kzn", "jhb-park-station", "kiosk-0042"),
]
SETTINGS = """\
mqtt.listeners.ssl.1 = 127.0.0.1:{{tls_port}}
ssl_options.cacertfile = {devices}
ssl_options.certfile = {server.cert}
ssl_options.keyfile = {server.key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
mqtt.ssl_cert_login = true
ssl_cert_login_from = subject_alternative_name
ssl_cert_login_san_type = dns
mqtt.ssl_cert_client_id_from = subject_alternative_name
mqtt.ssl_cert_login_san_type = dns
"""
pytestmark = pytest.mark.timeout(600)  # each call of rabbitmqctl starts an Erlang


class Site:
    """A node of RabbitMQ that knows the device, its probe and the other devices."""

    def __init__(self, url: str, files: CertificateFiles) -> None:
        self.url = url
        self._files = files

    def try_it(
        self, topic: str, *, hear: str = "", will: str = "", called: str = "", probe: bool = False
    ) -> tuple[bool, bool, bool]:
        """As the device, or its probe: whether it was let in, may hear `hear`, and was heard on `topic`."""
        user = OWN.probe if probe else OWN.user
        own = self._files
        files = TlsFiles(own.ca, own.cert, own.key, common_name(user) if probe else None)
        broker, events = PahoBroker(called or client_id(user), files, connect_timeout_s=10), BrokerEvents()
        farewell = OutgoingMessage(will or OWN.up("alarm", "self-test"), b"lost")
        broker.connect(self.url, farewell, [hear] if hear else [], events)
        try:
            wait_for(lambda: any(isinstance(each, Connected | Disconnected) for each in events.all()), what="an answer")
            accepted = events.of(Connected)
            if not accepted:
                return False, False, False
            with contextlib.suppress(BrokerError):  # it ends the connection of whoever wants to hear too much
                broker.publish(OutgoingMessage(topic, b"said"))
            wait_for(lambda: any(isinstance(each, Published | Disconnected) for each in events.all()), what="an answer")
            return True, not accepted[0].refused, any(each.accepted for each in events.of(Published))
        finally:
            broker.disconnect()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not is_installed():
        pytest.skip("there is no RabbitMQ here: `make rabbitmq` installs Debian's")
    directory = tmp_path_factory.mktemp("site")
    authorities = BrokerAuthorities.create(directory)
    settings = SETTINGS.format(devices=authorities.devices.ca, server=authorities.server.server())
    with Cluster(directory, 1, settings.splitlines()) as cluster:
        [node] = cluster.nodes
        for user in (OWN.user, OWN.probe):
            name = client_id(user)
            control(node, "add_user", name, "unused")
            control(node, "clear_password", name)
            control(node, "set_permissions", name, ".*", ".*", ".*")
            control(node, "set_topic_permissions", name, "amq.topic", WRITE, READ)
        yield Site(f"mqtts://localhost:{node.tls_port}", authorities.device(OWN.user))


def test_a_device_says_and_hears_its_own(site: Site) -> None:
    assert site.try_it(OWN.up("state"), hear=OWN.down("ack", "+"), will=OWN.up("state")) == (True, True, True)


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other.user)
def test_a_device_is_refused_what_is_anothers(site: Site, other: Identity) -> None:
    own = OWN.up("state")
    assert site.try_it(other.up("state"))[2] is False
    assert site.try_it(own, hear=other.down("ack", "+"))[1] is False
    assert site.try_it(own, hear="edge/v1/+/+/+/down/#")[1] is False
    assert site.try_it(own, called=client_id(other.user)) == (False, False, False)


def test_the_probe_says_what_tries_a_path_and_nothing_else(site: Site) -> None:
    assert site.try_it(OWN.up("alarm", "self-test"), probe=True) == (True, True, True)
    assert site.try_it(OWN.up("alarm", "police"), probe=True)[2] is False
    assert site.try_it(OWN.up("alarm", "self-test"), probe=True, called=client_id(OWN.user))[0] is False
