"""The brokers that a fleet can be set upon, with TLS and the project's throw-away certificates."""

import threading
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, Self

import psutil

from edge_centre.authority import HOST_DAYS, new_key
from tests.campaigns.brokers.cluster import Cluster, Node
from tests.support.certificates import LOOPBACK, BrokerAuthorities
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

_SAMPLE_S = 0.2
_TLS = """\
mqtt.listeners.ssl.1 = 127.0.0.1:{{tls_port}}
ssl_options.cacertfile = {devices}
ssl_options.certfile = {server.cert}
ssl_options.keyfile = {server.key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
"""


class Target(Protocol):
    """One broker or a cluster. `start` and `stop` act on all that a stage takes away: the broker, or one node."""

    name: str
    urls: tuple[str, ...]
    """Where devices connect."""
    centre_urls: tuple[str, ...]
    is_cluster: bool

    def pids(self) -> list[int]:
        """The processes that run now."""
        ...

    def stop(self) -> None:
        """Take it away; return when it is gone."""
        ...

    def start(self) -> None:
        """Have it back; return when it takes connections."""
        ...


class MosquittoTarget(AbstractContextManager["MosquittoTarget"]):
    """One Mosquitto with the configuration that deploy/ installs: access by certificate, isolation."""

    name = "Mosquitto 2"
    is_cluster = False

    def __init__(self, directory: Path, authorities: BrokerAuthorities) -> None:
        self._authorities = authorities
        self._broker = Mosquitto(directory, authorities=authorities)
        self.urls: tuple[str, ...] = (f"mqtts://127.0.0.1:{self._broker.port}",)
        self.centre_urls: tuple[str, ...] = (f"mqtts://127.0.0.1:{self._broker.centre_port}",)

    def __enter__(self) -> Self:
        self._broker.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._broker.kill()

    def pids(self) -> list[int]:
        with suppress(AssertionError):
            return [self._broker.pid]
        return []

    def stop(self) -> None:
        self._broker.stop()

    def start(self) -> None:
        self._broker.start()

    def start_with_certificate_for(self, life_s: float) -> None:
        """Start it with a certificate that ends in so many seconds."""
        server, key = self._authorities.server, new_key()
        made = datetime.now(UTC) - timedelta(days=HOST_DAYS) + timedelta(seconds=life_s)
        self._broker.use_certificate(server._written(key, server._root.server(key.public_key(), LOOPBACK, made)))
        self._broker.start()

    def renew(self) -> None:
        """Give it a certificate that lasts, without a restart."""
        self._broker.use_certificate(self._authorities.server.server())
        self._broker.reload()


class RabbitTarget(AbstractContextManager["RabbitTarget"]):
    """Three nodes of RabbitMQ; devices and the centre by TLS with a certificate, but all as one user: a user for each
    would take rabbitmqctl seconds of a device."""

    is_cluster = True

    def __init__(self, directory: Path, authorities: BrokerAuthorities) -> None:
        directory.mkdir()
        both = directory / "clients.pem"
        both.write_bytes(authorities.devices.ca.read_bytes() + authorities.centres.ca.read_bytes())
        settings = _TLS.format(devices=both, server=authorities.server.server()).splitlines()
        self._cluster = Cluster(directory, settings=settings)
        self.name = "RabbitMQ 4, three nodes"
        self.urls = tuple(f"mqtts://127.0.0.1:{node.tls_port}" for node in self._cluster.nodes)
        self.centre_urls = self.urls

    def __enter__(self) -> Self:
        self._cluster.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.__exit__()

    @property
    def _victim(self) -> Node:
        return self._cluster.nodes[0]

    def pids(self) -> list[int]:
        processes = [node._process.pid for node in self._cluster.nodes if node._process is not None]
        found = list(processes)
        for pid in processes:
            with suppress(psutil.Error):
                found += [child.pid for child in psutil.Process(pid).children(recursive=True)]
        return found

    def stop(self) -> None:
        self._victim.kill()

    def start(self) -> None:
        self._victim.start()
        wait_for(self._victim.lets_in, 180, self._victim.name)


class Meter(AbstractContextManager["Meter"]):
    """Watches what the broker costs: a thread of its own."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._cpu_s: dict[int, float] = {}
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._most = self._now = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._run, name="meter", daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._ends.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def cpu_s(self) -> float:
        """Seconds of the processor since the start, over all processes that there were."""
        self._sample()
        with self._lock:
            return sum(self._cpu_s.values())

    def take_peak(self) -> int:
        """The largest resident memory since the last call, in bytes."""
        self._sample()
        with self._lock:
            most, self._most = self._most, self._now
            return most

    def _run(self) -> None:
        while not self._ends.wait(_SAMPLE_S):
            self._sample()

    def _sample(self) -> None:
        resident = 0
        for pid in self._target.pids():
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                times = process.cpu_times()
                resident += process.memory_info().rss
                with self._lock:
                    self._cpu_s[pid] = times.user + times.system
        with self._lock:
            self._now, self._most = resident, max(self._most, resident)
