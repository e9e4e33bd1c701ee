"""What the guide says that somebody has: hosts with Debian and ssh, each with a name in the network, and devices.

They are booted containers on a bridge, in a network namespace of their own, so nothing of the machine's is changed.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.debian import Debian, Machine
from tests.support.run import ran
from tests.support.wait import wait_for

USER, PASSWORD = "thandi", "a password of sudo"
BRIDGE, OFFICE = "office", "10.77.0.1"
BROKERS = {"broker-a.kzn.example": "10.77.0.11", "broker-b.kzn.example": "10.77.0.12"}
REGISTRAR = {"registrar.kzn.example": "10.77.0.13"}
HOSTS = {**BROKERS, **REGISTRAR}
DEVICES = {"kiosk-0001": "10.77.0.21", "kiosk-0002": "10.77.0.22"}
SYSTEM = (
    "python3,python3-apt,systemd-sysv,ca-certificates,openssh-server,sudo",
    # What the playbook and the package of the agent install; only the fetching was done before.
    "mosquitto,nginx-light,openssl,curl,python3-venv,python3-packaging,libstdc++6",
)
"""Packages that are there, and that apt-get finds without a network."""
_BOOT = "boot/firmware"
# A container has no pins.
_NO_PINS = """\
[Service]
ExecStart=
ExecStart=/opt/edge-agent/bin/edge-agent run --config /etc/edge-agent/edge-agent.toml --simulate
"""


@dataclass(frozen=True)
class Host:
    """One of them, running."""

    name: str
    root: Path
    machine: Machine

    @property
    def boot_partition(self) -> Path:
        """Of a device: what a PC shows of its card."""
        return self.root / _BOOT


@contextmanager
def network(directory: Path) -> Iterator[dict[str, Host]]:
    """All of them, by name, booted and reached by ssh from here. `directory` is for their disks."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", f"{OFFICE}/24", "dev", BRIDGE], check=True)
    subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
    key = _know_ssh(directory)
    names = directory / "hosts"
    names.write_text("127.0.0.1 localhost\n" + "".join(f"{at} {name}\n" for name, at in {**HOSTS, **DEVICES}.items()))
    _put(names, Path("/etc/hosts"))
    with ExitStack() as stack:
        hosts = {}
        for name, address in {**HOSTS, **DEVICES}.items():
            debian = Debian(directory / name.partition(".")[0], *SYSTEM)
            stack.callback(shutil.rmtree, debian.root)
            _set_up(debian, key, names)
            machine = stack.enter_context(debian.booted(f"--network-bridge={BRIDGE}"))
            for words in (["address", "add", f"{address}/24", "dev", "host0"], ["link", "set", "host0", "up"]):
                subprocess.run(["nsenter", f"--target={machine.leader}", "--net", "ip", *words], check=True)
            machine.run("mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized")
            wait_for(partial(_answers, name), 60, f"ssh to {name}")
            hosts[name] = Host(name, debian.root, machine)
        stack.callback(_power_off, hosts)  # all at once
        yield hosts


def _power_off(hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        host.machine.run("systemctl --no-block poweroff")


def _answers(name: str) -> bool:
    return ran("ssh", name, "true").returncode == 0


def _know_ssh(directory: Path) -> str:
    """A key for whoever is here, and who they are on the hosts; returns its public part."""
    key = directory / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    settings = directory / "ssh_config"
    settings.write_text(
        f"Host *\n  User {USER}\n  IdentityFile {key}\n  UserKnownHostsFile {directory}/known_hosts\n"
        "  StrictHostKeyChecking accept-new\n  LogLevel ERROR\n"
    )
    _put(settings, Path("/etc/ssh/ssh_config"))
    return key.with_suffix(".pub").read_text()


def _put(file: Path, place: Path) -> None:
    """In this mount namespace alone."""
    subprocess.run(["mount", "--bind", file, place], check=True)


def _set_up(debian: Debian, key: str, names: Path) -> None:
    root = debian.root
    done = debian.run(f"useradd -m -G sudo -s /bin/bash {USER} && echo '{USER}:{PASSWORD}' | chpasswd")
    assert done.returncode == 0, done.stderr
    (root / f"home/{USER}/.ssh").mkdir()
    (root / f"home/{USER}/.ssh/authorized_keys").write_text(key)
    (root / "etc/hosts").write_text(f"{names.read_text()}127.0.1.1 {root.name}\n")
    # Lists of packages count as fetched just now, and so the playbook asks no network for them.
    stamp = root / "var/lib/apt/periodic/update-success-stamp"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.touch()
    (root / "etc/apt/apt.conf.d/90-at-hand").write_text('APT::Install-Recommends "false";\n')
    (root / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /srv/wheels\n")
    (root / _BOOT).mkdir(parents=True)
    drop_in = root / "etc/systemd/system/edge-agent.service.d/simulate.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(_NO_PINS)
