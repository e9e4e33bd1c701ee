"""The brokers of the suite, each as a site may have it: its nodes, on loopback, open to everybody."""

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from tests.campaigns.brokers import cluster
from tests.campaigns.brokers.cluster import Cluster
from tests.support.agent_process import TREE
from tests.support.mosquitto import Mosquitto, free_port, is_listening
from tests.support.run import ran
from tests.support.subscriber import Subscriber
from tests.support.wait import wait_for

NATS = Path(sys.executable).parent / "nats-server"
"""From the dependency group `brokers`."""
_RETAINED = ("state", "meta", "alarms")


class Node(Protocol):
    """One process of a broker; its port, sessions and queues survive `stop` (SIGTERM) and `kill`."""

    @property
    def port(self) -> int: ...
    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class Nats(AbstractContextManager["Nats"]):
    """One NATS with JetStream, which its MQTT needs. `more` goes into its `mqtt` block, `store` into that of JetStream,
    and `rest` beside them."""

    def __init__(self, directory: Path, more: str = "", rest: str = "", store: str = "") -> None:
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "nats.conf").write_text(
            f'server_name: edge\nlisten: "127.0.0.1:{free_port()}"\njetstream {{ store_dir: "{directory}"\n{store} }}\n'
            f'mqtt {{ listen: "127.0.0.1:{self.port}"\n{more} }}\n{rest}\n'
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        print((self._directory / "output.txt").read_text(errors="replace")[-4000:])

    def start(self) -> None:
        """Start it and return when it takes connections."""
        with (self._directory / "output.txt").open("ab") as output:
            command = [str(NATS), "-c", str(self._directory / "nats.conf")]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        wait_for(lambda: is_listening(self.port), what="NATS")

    def stop(self) -> None:
        """End it as systemd does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(60)


class Site:
    """A broker that runs. The kiosk goes to the first node, then to the second; the centre is at the last one."""

    def __init__(self, nodes: Sequence[Node], version: str, *, knows_5: bool = True) -> None:
        self.kind = ""
        self.nodes = nodes
        self.version = version
        self.knows_5 = knows_5
        self.protocol = MQTTProtocolVersion.MQTTv5 if knows_5 else MQTTProtocolVersion.MQTTv311
        self.options: dict[str, Any] = {"protocol": self.protocol}
        """For a Subscriber or a Centre of the tests."""

    @property
    def urls(self) -> list[str]:
        """What the kiosk's settings name."""
        return [node.url for node in self.nodes[:2]]

    @property
    def port(self) -> int:
        """Where the kiosk goes first."""
        return self.nodes[0].port

    @property
    def centres_port(self) -> int:
        """Where the centre is: on a cluster at another node than the kiosk."""
        return self.nodes[-1].port

    def revive(self) -> None:
        """Start the nodes that are down; return when all take clients."""
        for node in self.nodes:
            if not is_listening(node.port):
                node.start()
        for node in self.nodes:
            wait_for(lambda port=node.port: self._takes_clients(port), 180, f"a node on port {node.port}")  # type: ignore[misc]

    def forget(self) -> None:
        """Take away what the kiosk of an earlier test has left retained."""
        for node in self.nodes:
            with Subscriber(node.port, **self.options) as publisher:
                for each in _RETAINED:
                    publisher.publish(f"{TREE}/up/{each}", b"", retain=True)

    def _takes_clients(self, port: int) -> bool:
        """Not only listens: a node that joins its cluster again listens before it lets anybody in."""
        try:
            with Subscriber(port, ["edge-agent-tests/up"], timeout_s=5, **self.options):
                return True
        except Exception:  # noqa: BLE001 - it is only starting
            return False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of broker: what must be there for it, and how a site of it is started in a directory."""

    missing: Callable[[], str]
    start: Callable[[ExitStack, Path], Site]


def _mosquitto(stack: ExitStack, directory: Path) -> Site:
    version = ran("mosquitto", "-h").stdout.splitlines()[0].replace("mosquitto version", "Mosquitto")
    return Site([stack.enter_context(Mosquitto(directory))], version)


def _rabbitmq(count: int) -> Callable[[ExitStack, Path], Site]:
    def start(stack: ExitStack, directory: Path) -> Site:
        started = stack.enter_context(Cluster(directory, count))
        version = cluster.control(started.nodes[0], "version")
        return Site(started.nodes, f"RabbitMQ {version}, {'one node' if count == 1 else f'{count} nodes'}")

    return start


def _nats(stack: ExitStack, directory: Path) -> Site:
    version = ran(NATS, "--version").stdout.strip().replace("nats-server: v", "NATS ")
    return Site([stack.enter_context(Nats(directory))], version, knows_5=False)


def _no_rabbitmq() -> str:
    return "" if cluster.is_installed() else "there is no RabbitMQ here: `make rabbitmq` installs Debian's"


def needs(kind: str) -> pytest.MarkDecorator:
    """Skip a test where that broker is missing."""
    return pytest.mark.skipif(bool(why := KINDS[kind].missing()), reason=why)


KINDS = {
    "mosquitto": Kind(lambda: "", _mosquitto),
    "rabbitmq": Kind(_no_rabbitmq, _rabbitmq(1)),
    "cluster": Kind(_no_rabbitmq, _rabbitmq(3)),
    "nats": Kind(lambda: "" if NATS.exists() else "there is no NATS here: `make brokers` installs it", _nats),
}
