"""Each path by its own network interface: on two virtual cables to a broker in a network of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.agent_process import AgentProcess
from tests.support.mosquitto import free_port
from tests.support.root import as_root
from tests.support.wait import wait_for

# Of this process, as others may run the same test on this machine.
NET = f"10.{64 + os.getpid() % 128}"
BROKER = f"{NET}.0.9"
ONE, OTHER = f"edge{os.getpid()}a", f"edge{os.getpid()}b"


def run(*command: str) -> None:
    subprocess.run(as_root(*command), check=True, capture_output=True, timeout=20)


class Cables:
    """Two ways to one address; the first is the one that the system prefers."""

    def __init__(self, stack: ExitStack) -> None:
        self.network = f"edge-{os.getpid()}"
        run("ip", "netns", "add", self.network)
        stack.callback(run, "ip", "netns", "del", self.network)
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "address", "add", f"{BROKER}/32", "dev", "lo")
        # Both cables' answers may come in by either: the kernel must not think that strange.
        self.inside("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0")
        for number, name in enumerate((ONE, OTHER), start=1):
            run("ip", "link", "add", name, "type", "veth", "peer", "name", f"far-{number}", "netns", self.network)
            stack.callback(subprocess.run, as_root("ip", "link", "del", name), check=False, capture_output=True)
            run("ip", "address", "add", f"{NET}.{number}.1/24", "dev", name)
            run("ip", "link", "set", name, "up")
            self.inside("ip", "address", "add", f"{NET}.{number}.2/24", "dev", f"far-{number}")
            self.inside("ip", "link", "set", f"far-{number}", "up")
            run("ip", "route", "add", f"{BROKER}/32", "via", f"{NET}.{number}.2", "dev", name, "metric", str(number))

    def inside(self, *command: str) -> None:
        run("ip", "netns", "exec", self.network, *command)


@pytest.fixture
def cables() -> Iterator[Cables]:
    with ExitStack() as stack:
        yield Cables(stack)


@pytest.fixture
def log_and_port(tmp_path: Path, cables: Cables) -> Iterator[tuple[Path, int]]:
    log, port = tmp_path / "broker.log", free_port()
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(
        f"listener {port} {BROKER}\nallow_anonymous true\nuser root\nlog_dest file {log}\nlog_type all\n"
    )
    # With the rights of whoever reads its log.
    plain = ["setpriv", f"--reuid={os.geteuid()}", "--clear-groups"]
    command = as_root("ip", "netns", "exec", cables.network, *plain, "mosquitto", "-c", str(configuration))
    broker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: log.exists() and "running" in log.read_text(), what="the broker")
        yield log, port
    finally:
        run("kill", str(broker.pid))  # sudo hands it on
        broker.wait()


def test_a_device_leaves_by_the_interface_that_its_settings_name_and_goes_round_one_that_is_cut(
    tmp_path: Path, cables: Cables, log_and_port: tuple[Path, int]
) -> None:
    log, port = log_and_port
    url = f"mqtt://{BROKER}:{port}"
    quick = {"interfaces": [OTHER, ONE], "alarm_timeout_s": 2, "return_after_s": 3600, "connect_timeout_s": 5}
    with AgentProcess(tmp_path / "kiosk", url, url, mqtt=quick) as agent:
        wait_for(lambda: f"New connection from {NET}.2.1:" in log.read_text(), what="a connection by the second cable")
        wait_for(lambda: f"connected to {url} by {OTHER}" in agent.log(), what="the connection")
        assert f"from {NET}.1.1:" not in log.read_text()

        cables.inside("ip", "link", "set", "far-2", "down")
        agent.press()

        wait_for(lambda: f"from {NET}.1.1:" in log.read_text(), 20, "a connection by the other cable")
        wait_for(lambda: log.read_text().count("/up/alarm/police'"), 10, "the alarm by the other cable")


def test_an_interface_that_is_not_there_costs_only_its_own_path(tmp_path: Path, log_and_port: tuple[Path, int]) -> None:
    log, port = log_and_port
    url = f"mqtt://{BROKER}:{port}"
    with AgentProcess(tmp_path / "kiosk", url, url, mqtt={"interfaces": ["wwan9", OTHER]}) as agent:
        agent.press()
        wait_for(lambda: "/up/alarm/police'" in log.read_text(), 20, "the alarm by the cable that is there")
        assert "there is no network interface wwan9" in agent.log()
