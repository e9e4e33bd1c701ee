"""Brokers that know each device by its certificate, with the files that a province installs."""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.enums import MQTTProtocolVersion

from agent.contract.identity import Identity, client_id
from deploy.rabbitmq.rights import definitions
from tests.campaigns.brokers.cluster import Cluster
from tests.campaigns.brokers.sites import Nats
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.mosquitto import CENTRE, Mosquitto

RABBITMQ = Path(__file__).parents[3] / "deploy" / "rabbitmq" / "edge-agent.conf"
WITNESS = "witness-1"
"""It is a command centre that hears everything, so that it sees what gets through."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """Where devices connect, and what the witness's subscriber is given beside its files."""

    url: str
    witness: dict[str, Any]
    authorities: BrokerAuthorities
    centre: str = f"{CENTRE}-1"
    """The name in the centre's certificate, where that is the client id."""

    @property
    def centres_url(self) -> str:
        """Where centres connect."""
        return f"mqtts://localhost:{self.witness['port']}"


def _mosquitto(stack: ExitStack, directory: Path, authorities: BrokerAuthorities, _: Sequence[Identity]) -> Guarded:
    access = f"user CN={WITNESS}\ntopic readwrite #"
    broker = stack.enter_context(Mosquitto(directory / "broker", authorities=authorities, access=access))
    return Guarded(broker.url, {"port": broker.centre_port}, authorities, CENTRE)


def deployed_rabbitmq(
    directory: Path, authorities: BrokerAuthorities, devices: Sequence[Identity], nodes: int = 1
) -> list[str]:
    """deploy's settings with the paths and ports of a test, and nothing else changed but the witness's rights. Each
    node has a certificate of its own."""
    define(directory, devices, nodes)
    (directory / "client-cas.pem").write_text(authorities.devices.ca.read_text() + authorities.centres.ca.read_text())
    for number in range(1, nodes + 1):
        show(directory, str(number), authorities.server.server())
    text = (
        RABBITMQ.read_text()
        .replace("/etc/rabbitmq/edge-agent", str(directory))
        .replace("/server.", "/server-{number}.")
    )
    text, count = re.subn("(?m)^(mqtt.listeners.ssl.1) = 8883$", r"\1 = 127.0.0.1:{tls_port}", text)
    assert count == 1, "deploy's configuration has no TLS listener"
    own = ("listeners.tcp", "mqtt.listeners.tcp", "#")  # the node has a plain listener, at which nobody may do anything
    return [line for line in text.splitlines() if line and not line.startswith(own)]


def define(directory: Path, devices: Sequence[Identity], nodes: int) -> Path:
    """Write who may say and hear what at so many nodes: a file that each of them loads at its start."""
    said = definitions(devices, [CENTRE, WITNESS.removesuffix("-1")], nodes)
    for each in said["topic_permissions"]:
        if each["user"] == WITNESS:
            each.update(read=".*", write=".*")
    file = directory / "definitions.json"
    file.write_text(json.dumps(said))
    return file


def show(directory: Path, number: str, files: CertificateFiles) -> None:
    """Put this certificate in the place of the one that the node has; it shows it once its cache is cleared."""
    shutil.copy(files.cert, directory / f"server-{number}.pem")
    shutil.copy(files.key, directory / f"server-{number}.key")


def _rabbitmq(count: int) -> Callable[..., Guarded]:
    def start(
        stack: ExitStack, directory: Path, authorities: BrokerAuthorities, devices: Sequence[Identity]
    ) -> Guarded:
        settings = deployed_rabbitmq(directory, authorities, devices, count)
        nodes = stack.enter_context(Cluster(directory, count, settings)).nodes
        url = f"mqtts://localhost:{nodes[0].tls_port}"
        return Guarded(url, {"port": nodes[-1].tls_port, "client_id": WITNESS}, authorities)

    return start


def _nats(stack: ExitStack, directory: Path, authorities: BrokerAuthorities, devices: Sequence[Identity]) -> Guarded:
    """NATS takes a certificate's alternative name as the user, and needs lines for each."""
    server, cas = authorities.server.server(), directory / "client-cas.pem"
    cas.write_text(authorities.devices.ca.read_text() + authorities.centres.ca.read_text())
    host = f"edge.v1.host.{CENTRE}.state"
    users = [
        _nats_user(WITNESS, [">"], [">"]),
        _nats_user(f"{CENTRE}-1", ["edge.v1.*.*.*.down.>", host], ["edge.v1.*.*.*.up.>", host]),
    ]
    for device in devices:
        own = f"edge.v1.{client_id(device.user)}"
        users.append(_nats_user(client_id(device.user), [f"{own}.up.>"], [f"{own}.down.>", "edge.v1.host.>"]))
        users.append(_nats_user(client_id(device.probe), [f"{own}.up.alarm.self-test"], ["edge.v1.host.>"]))
    tls = f'tls {{ cert_file: "{server.cert}", key_file: "{server.key}", ca_file: "{cas}", verify_and_map: true }}'
    broker = stack.enter_context(Nats(directory / "broker", tls, f"authorization {{ users: [{', '.join(users)}] }}"))
    options = {"port": broker.port, "client_id": WITNESS, "protocol": MQTTProtocolVersion.MQTTv311}
    return Guarded(f"mqtts://localhost:{broker.port}", options, authorities)


def _nats_user(name: str, says: Sequence[str], hears: Sequence[str]) -> str:
    may = {"publish": [*says, "$MQTT.>"], "subscribe": [*hears, "$MQTT.sub.>"]}
    return json.dumps({"user": name, "permissions": may})


GUARDED = {"mosquitto": _mosquitto, "rabbitmq": _rabbitmq(1), "cluster": _rabbitmq(3), "nats": _nats}
