"""The runbook of docs/brokers.md on three nodes, with deploy's configuration, while somebody presses all the time."""

import socket
import ssl
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.contract.identity import Identity, client_id
from agent.trust.tls_context import TlsFiles
from edge_centre.key_files import make_key
from tests.campaigns.brokers.cluster import PROGRAMS, Cluster, Node, control
from tests.campaigns.brokers.guarded import RABBITMQ, define, deployed_rabbitmq, show
from tests.campaigns.brokers.sites import needs
from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.office import Office
from tests.support.run import ran
from tests.support.subscriber import Subscriber, assert_refused
from tests.support.wait import wait_for
from tests.system.test_centre_library import Watching
from tests.system.test_stop import Finger

KIOSK = Identity("gp", "jhb-park-station", "kiosk-0042")
STOLEN = Identity("gp", "jhb-park-station", "kiosk-0043")
NODES = 3


class Site:
    """The cluster, the kiosk at it, and a centre at every node, each by a certificate of its own."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack = stack
        self.directory = directory
        self.authorities = BrokerAuthorities.create(directory)
        self.cluster = stack.enter_context(
            Cluster(directory, NODES, deployed_rabbitmq(directory, self.authorities, [KIOSK, STOLEN], NODES))
        )
        self.heard = [self.listen(node) for node in self.cluster.nodes]
        own = self.authorities.device(KIOSK.user)
        files = own.mqtt
        urls = [f"mqtts://localhost:{node.tls_port}" for node in self.cluster.nodes]
        self.agent = stack.enter_context(AgentProcess(directory / "kiosk", *urls, mqtt=files))
        self.finger = stack.enter_context(Finger(self.agent))
        self.await_presses()

    def listen(self, node: Node) -> Centre:
        name = f"{CENTRE}-{node.number}"
        options: dict[str, Any] = {"host": "localhost", "files": self.authorities.centre(name), "client_id": name}
        return self._stack.enter_context(Centre(node.tls_port, **options))

    def show(self, node: Node, new: CertificateFiles) -> None:
        """Give the node another certificate, by the runbook."""
        show(self.directory, node.number, new)
        control(node, "eval", "ssl:clear_pem_cache().")
        wait_for(lambda: shown(node.tls_port) == ssl.PEM_cert_to_DER_cert(new.cert.read_text()), what="the new one")

    def counts(self) -> set[int]:
        """The presses that have come to any centre."""
        return {m.data["press_count"] for centre in self.heard for m in centre.messages("alarm/")}

    def await_presses(self) -> None:
        """Return when a press that is made from now on has come, and all before it."""
        due = self.finger.felt + 1
        wait_for(lambda: set(range(1, due + 1)) <= self.counts(), what=f"all presses up to {due}")

    def in_use(self) -> Node:
        """The node that the kiosk is connected to."""
        ports = {node.tls_port: node for node in self.cluster.nodes}
        last = [line for line in self.agent.log().splitlines() if " connected to " in line][-1]
        return next(node for port, node in ports.items() if f":{port} " in last)


@needs("rabbitmq")
@pytest.mark.timeout(600)
def test_the_runbook(tmp_path: Path) -> None:
    with ExitStack() as stack:
        site = Site(stack, tmp_path)
        renew_the_certificate(site)
        cut_a_node_off(site)
        lose_a_node(site)
        add_a_node(site)
        shut_a_stolen_kiosk_out(site)
        ask_how_it_is(site)
        print(f"{site.finger.felt} presses")


def renew_the_certificate(site: Site) -> None:
    """The kiosk stays connected; whoever connects is shown the new one."""
    before = site.agent.log().count(" connected to ")
    for each in site.cluster.nodes:
        site.show(each, site.authorities.server.server())
    site.await_presses()
    assert site.agent.log().count(" connected to ") == before


def cut_a_node_off(site: Site) -> None:
    """It sees no other, and pauses; the kiosk goes to one that goes on. It comes back by itself."""
    node = site.in_use()
    others = [each for each in site.cluster.nodes if each is not node]
    names = ", ".join(f"'{each.name}'" for each in others)
    cut = f"[begin erlang:set_cookie(N, wrong), erlang:disconnect_node(N) end || N <- [{names}]]."
    control(node, "eval", cut)
    wait_for(lambda: site.in_use() is not node, what="another node in use")
    site.await_presses()
    control(node, "eval", f"[erlang:set_cookie(N, erlang:get_cookie()) || N <- [{names}]].")
    site.cluster.await_all()
    site.heard.append(site.listen(node))
    site.await_presses()


def lose_a_node(site: Site) -> None:
    """Until it is taken out, what its subscribers should get is refused; then everything is confirmed again."""
    node = site.in_use()
    node.kill()
    site.await_presses()
    site.cluster.forget(node)
    due = site.finger.felt
    wait_for(lambda: last_sent(site) > due, what="a press that the broker has confirmed")


def add_a_node(site: Site) -> None:
    """Before it starts, a node that lives learns of the centre's users there."""
    more = NODES + 1
    living = site.cluster.nodes[0]
    control(living, "import_definitions", str(define(site.directory, [KIOSK, STOLEN], more)))
    user = f"{CENTRE}-{more}-alarms"
    wait_for(lambda: user in control(living, "list_users"), what="the users of the centre at the new node")
    show(site.directory, str(more), site.authorities.server.server())
    node = site.cluster.add()
    site.cluster.await_all()
    newcomer = site.listen(node)
    site.heard.append(newcomer)
    site.await_presses()
    wait_for(lambda: newcomer.messages("alarm/"), what="a press at the new node")


def shut_a_stolen_kiosk_out(site: Site) -> None:
    """Its connection ends at whichever node it is, and none lets it in again, also not one that starts anew."""
    first, *_, last = site.cluster.nodes
    stolen: dict[str, Any] = {
        "files": site.authorities.device(STOLEN.user),
        "host": "localhost",
        "client_id": client_id(STOLEN.user),
    }
    with Subscriber(last.tls_port, **stolen) as its:
        control(first, "delete_user", client_id(STOLEN.user))
        wait_for(lambda: not its.connected, what="the end of the stolen kiosk's connection")
    define(site.directory, [KIOSK], NODES + 1)
    last.kill()
    last.start()
    site.cluster.await_all()
    for node in site.cluster.nodes:
        assert_refused(node.tls_port, **stolen)
    site.await_presses()


def ask_how_it_is(site: Site) -> None:
    """The certificates of tests end in a day."""
    node = site.cluster.nodes[-1]
    assert health(node, CERTIFICATE_DAYS="0") == (0, "")
    code, said = health(node)
    assert (code, said.partition(":")[0]) == (1, "check_certificate_expiration")
    control(node, "set_disk_free_limit", "10000GB")
    code, said = health(node, CERTIFICATE_DAYS="0")
    assert (code, said.partition(":")[0]) == (1, "check_local_alarms")


def health(node: Node, **environ: str) -> tuple[int, str]:
    path = f"{PROGRAMS}:{node.environment['PATH']}"
    asked = ran(RABBITMQ.parent / "health.sh", env={**node.environment, "PATH": path, **environ})
    return asked.returncode, asked.stdout


def last_sent(site: Site) -> int:
    """The highest count that the log calls sent."""
    lines = [line for line in site.agent.log().splitlines() if "sent, presses " in line]
    return max(int(line.rpartition("sent, presses ")[2]) for line in lines)


def shown(port: int) -> bytes | None:
    """The certificate that a server shows to a client without one."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as encrypted:
        return encrypted.getpeercert(binary_form=True)


@needs("rabbitmq")
def test_a_kiosk_moves_to_a_new_broker(tmp_path: Path) -> None:
    """The centre is at both before the kiosk hears of the new one, and keeps the old one until it is there."""
    with (
        Mosquitto(tmp_path / "old") as old,
        Cluster(tmp_path, 1) as new,
        Centre(old.port) as here,
        Centre(new.nodes[0].port) as there,
        AgentProcess(tmp_path / "kiosk", old.url) as agent,
    ):
        office = Office(here, make_key("admin", agent.directory / "keys"))
        moved = office.config_set(1, {"mqtt": {"brokers": [new.nodes[0].url, old.url]}})
        here.wait_for(f"result/{moved}", lambda m: m.data["status"] == "in-progress")
        agent.press()
        wait_for(lambda: here.messages("alarm/") or there.messages("alarm/"), what="a press in the middle of the move")
        there.wait_for("state", lambda m: m.data["state"] == "online")
        Office(there, office.admin).wait_for_config(state="in-force", revision=1)
        agent.press()
        there.wait_for_alarm("updated", press_count=2, stage="sent")


@needs("rabbitmq")
def test_a_centre_is_at_every_node_by_a_certificate_for_each(tmp_path: Path) -> None:
    authorities = BrokerAuthorities.create(tmp_path)
    with Cluster(tmp_path, 3, deployed_rabbitmq(tmp_path, authorities, [KIOSK], 3)) as cluster:
        urls = [f"mqtts://localhost:{node.tls_port}" for node in cluster.nodes]

        def certificates(suffix: str = "") -> dict[str, TlsFiles]:
            files = [authorities.centre(f"{CENTRE}-{number}{suffix}") for number in (1, 2, 3)]
            return {url: TlsFiles(each.ca, each.cert, each.key) for url, each in zip(urls, files, strict=True)}

        def queues() -> list[str]:
            listed = control(cluster.nodes[0], "list_queues", "name").split()
            return sorted(name for name in listed if name.startswith(f"mqtt-subscription-{CENTRE}"))

        expected = [
            f"mqtt-subscription-{CENTRE}-{each}qos1" for number in "123" for each in (number, f"{number}-alarms")
        ]
        links: set[str] = set()
        options = {"tls": certificates(), "alarm_tls": certificates("-alarms"), "session": CENTRE}
        with Watching(*urls, **options, on_link=lambda url, up, _: links.add(f"{url} {up}")):
            wait_for(lambda: queues() == sorted(expected), what="both sessions at each node")
            assert links == {f"{url} True" for url in urls}, "none was thrown out"
