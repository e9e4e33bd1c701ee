"""What the guide says that somebody has: hosts with Debian and ssh, each with a name in the network, and devices.

They are booted containers on a bridge, in a network namespace of their own, so nothing of the machine's is changed.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.support.boot_partition import STOCK
from tests.support.debian import RELEASE, Debian, Machine
from tests.support.run import ran
from tests.support.wait import wait_for

USER, PASSWORD = "thandi", "a password of sudo"
BRIDGE, OFFICE = "office", "10.77.0.1"
BROKERS = {"broker-a.kzn.example": "10.77.0.11", "broker-b.kzn.example": "10.77.0.12"}
REGISTRAR = {"registrar.kzn.example": "10.77.0.13"}
HOSTS = {**BROKERS, **REGISTRAR}
WITH_CARD = "kiosk-0001"
"""The device that is off until somebody has prepared its card."""
DEVICES = {WITH_CARD: "10.77.0.21", "kiosk-0002": "10.77.0.22"}
SYSTEM = (
    "python3,python3-apt,systemd-sysv,ca-certificates,openssh-server,sudo",
    # What the playbook and the package of the agent install; only the fetching was done before.
    "mosquitto,nginx-light,openssl,curl,python3-venv,python3-packaging,libstdc++6",
)
"""Packages that are there, and that apt-get finds without a network."""
_BOOT = "boot/firmware"
# A container has no pins. It has a boot id of its own, from nspawn, which the unit's sandbox would not see.
_UNITS = {
    "edge-agent.service.d/simulate.conf": """\
[Unit]
Requires=boot-id.service
After=boot-id.service

[Service]
ExecStart=
ExecStart=/opt/edge-agent/bin/edge-agent run --config /etc/edge-agent/edge-agent.toml --simulate
BindReadOnlyPaths=/run/boot-id:/proc/sys/kernel/random/boot_id
""",
    "boot-id.service": """\
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /proc/sys/kernel/random/boot_id > /run/boot-id'
""",
}


class Host:
    """One of them. A device that has not been switched on has no machine yet."""

    def __init__(self, name: str, debian: Debian, address: str) -> None:
        self.name = name
        self._debian = debian
        self._address = address
        self._on = ExitStack()
        self._machine: Machine | None = None

    @property
    def root(self) -> Path:
        """Its disk."""
        return self._debian.root

    @property
    def machine(self) -> Machine:
        """The running system."""
        assert self._machine is not None, f"{self.name} is off"
        return self._machine

    @property
    def boot_partition(self) -> Path:
        """Of a device: what a PC shows of its card."""
        return self.root / _BOOT

    def start(self) -> None:
        """Switch it on, and wait until ssh answers."""
        self._machine = self._on.enter_context(self._debian.booted(f"--network-bridge={BRIDGE}"))
        self.ip("address", "add", f"{self._address}/24", "dev", "host0")
        self.ip("link", "set", "host0", "up")
        self.machine.run("mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized")
        wait_for(partial(_answers, self.name), 60, f"ssh to {self.name}")

    def cut_power(self) -> None:
        """Everything in it ends at once."""
        os.kill(int(self.machine.leader), signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """Switch it off in order, if it is on."""
        self._on.close()
        self._machine = None

    def power_off_soon(self) -> None:
        """Have it begin to switch itself off."""
        if self._machine is not None:
            self._machine.run("systemctl --no-block poweroff")

    def use_card(self) -> None:
        """What Bookworm's firstrun.sh and Trixie's cloud-init do with a card from `make image` at the first start; the
        real ones are in tests/deploy/package/test_first_boot.py."""
        unit = "edge-agent-first-boot.service"
        done = self._debian.run(f"install -m 644 /{_BOOT}/{unit} /etc/systemd/system/ && systemctl enable {unit}")
        assert done.returncode == 0, done.stderr

    def ip(self, *words: str) -> None:
        """Change its network."""
        subprocess.run(["nsenter", f"--target={self.machine.leader}", "--net", "ip", *words], check=True)


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
            hosts[name] = Host(name, debian, address)
            stack.callback(hosts[name].stop)
            if name != WITH_CARD:
                hosts[name].start()
        stack.callback(_power_off, hosts)  # all at once
        yield hosts


def _power_off(hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        host.power_off_soon()


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


def _put_stock_on(card: Path) -> None:
    """As Raspberry Pi OS comes."""
    card.mkdir(parents=True)
    for name, text in STOCK[RELEASE.name].items():
        (card / name).write_text(text)


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
    _put_stock_on(root / _BOOT)
    for name, text in _UNITS.items():
        unit = root / "etc/systemd/system" / name
        unit.parent.mkdir(exist_ok=True)
        unit.write_text(text)
