"""Three nodes of RabbitMQ, as Debian packages it, on loopback: a cluster with its default queues, and MQTT."""

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from tests.support.run import ran
from tests.support.wait import wait_for

PROGRAMS = Path("/usr/lib/rabbitmq/bin")
"""Not the wrappers in /usr/sbin, which want to be root and end up as the user of Debian's own service."""
_START_S = 180.0
_NODES = 3


class ClusterError(Exception):
    """The cluster can't be had, or does not do what it is told."""


def is_installed() -> bool:
    """Whether there is a RabbitMQ that this module can start."""
    return (PROGRAMS / "rabbitmq-server").exists() and Path("/usr/bin/epmd").exists()


class Node:
    """One node; its files survive a kill."""

    def __init__(
        self,
        name: str,
        directory: Path,
        cluster: list[str],
        environment: Mapping[str, str],
        settings: Sequence[str],
        plugins: Sequence[str],
    ) -> None:
        self.name = name
        self.number = name.partition("@")[0].rpartition("-")[2]
        self.port, self.tls_port, self.web_port, distribution = (_free_port() for _ in range(4))
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir()
        (directory / "rabbitmq.conf").write_text(
            "\n".join(
                [
                    "listeners.tcp = none",
                    f"mqtt.listeners.tcp.1 = 127.0.0.1:{self.port}",
                    "cluster_formation.peer_discovery_backend = classic_config",
                    *(f"cluster_formation.classic_config.nodes.{n} = {each}" for n, each in enumerate(cluster, 1)),
                    "log.console = false",
                    *(
                        each.format(tls_port=self.tls_port, web_port=self.web_port, number=self.number)
                        for each in settings
                    ),
                    "",
                ]
            )
        )
        (directory / "plugins").write_text(f"[{','.join(plugins)}].\n")
        self.environment = {
            **environment,
            "RABBITMQ_NODENAME": name,
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory / "data"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2",
        }

    def start(self) -> None:
        """Begin to start it, again after a kill; returns at once."""
        with (self._directory / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [PROGRAMS / "rabbitmq-server"],
                env=self.environment,
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it, and all that it has started, with SIGKILL."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """End it as systemd does, with SIGTERM."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(_START_S)

    def lets_in(self) -> bool:
        """Whether it takes connections. Raises ClusterError when it has ended by itself."""
        if self._process is None or self._process.poll() is not None:
            raise ClusterError(f"{self.name} has ended: {self._last_words()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _last_words(self) -> str:
        return (self._directory / "output.txt").read_text(errors="replace")[-2000:]


class Cluster(AbstractContextManager["Cluster"]):
    """Enter to start `nodes`; leaving ends every process. Names, ports, cookie and epmd are its own: two clusters, or
    Debian's own RabbitMQ, never meet. `settings` are further lines of each node's rabbitmq.conf, in which `{tls_port}`
    and `{web_port}` are free ports, and `{number}` is the node's, from 1 on."""

    def __init__(
        self,
        directory: Path,
        count: int = _NODES,
        settings: Sequence[str] = (),
        plugins: Sequence[str] = ("rabbitmq_mqtt",),
    ) -> None:
        self._stack = ExitStack()
        self._epmd_port = str(_free_port())
        (directory / ".erlang.cookie").write_text(secrets.token_hex(16))
        (directory / ".erlang.cookie").chmod(0o400)
        self._directory, self._settings, self._plugins = directory, settings, plugins
        tag = secrets.token_hex(3)
        self._names = [f"edge-{tag}-{number}@localhost" for number in range(1, count + 1)]
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": self._epmd_port,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_HOME": "/usr/lib/rabbitmq",
        }
        self.nodes = [self._node(name) for name in self._names]

    def _node(self, name: str) -> Node:
        place = self._directory / name.partition("@")[0]
        return Node(name, place, self._names, self._environment, self._settings, self._plugins)

    def add(self) -> Node:
        """Start a further node, which joins the others; await_all waits for it."""
        stem = self._names[-1].partition("@")[0].rpartition("-")[0]
        self._names.append(f"{stem}-{len(self._names) + 1}@localhost")
        node = self._node(self._names[-1])
        self._stack.callback(node.kill)
        node.start()
        self.nodes.append(node)
        return node

    def forget(self, node: Node) -> None:
        """Take a node that is dead out of the cluster, for good."""
        self.nodes.remove(node)
        control(self.nodes[0], "forget_cluster_node", node.name)

    def __enter__(self) -> "Cluster":
        with ExitStack() as stack:
            epmd = subprocess.Popen(
                ["epmd", "-port", self._epmd_port, "-address", "127.0.0.1"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(epmd.wait)
            stack.callback(epmd.kill)
            for node in self.nodes:
                stack.callback(node.kill)
                node.start()
            self.await_all()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def await_all(self) -> None:
        """Return when every node is up and knows the others. Raises ClusterError, or AssertionError after minutes."""
        for node in self.nodes:
            wait_for(node.lets_in, _START_S, f"{node.name}, which lets a client in")
        wait_for(lambda: all(self._sees_all(node) for node in self.nodes), _START_S, "nodes that know each other")

    def _sees_all(self, node: Node) -> bool:
        return control(node, "eval", "length(rabbit_nodes:list_running()).") == str(len(self.nodes))


def control(node: Node, *words: str) -> str:
    """What `rabbitmqctl` says to this node."""
    asked = ran(PROGRAMS / "rabbitmqctl", "-q", *words, env=node.environment)
    return asked.stdout.strip()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
