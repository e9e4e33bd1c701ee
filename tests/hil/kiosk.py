"""A kiosk as a technician sets it up: the emulated Pi, the files for it on a stick, and a real broker with TLS."""

import shutil
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from agent.adapters.jose_keys import PrivateKey
from agent.cli.keygen import make_key
from agent.models.demo_video import ensure_demo_video
from tests.hil.architecture import Architecture
from tests.hil.machine import Machine
from tests.hil.package import package
from tests.hil.wiring import AT_REST, Wiring
from tests.support.agent_process import DEVICE
from tests.support.centre import Centre
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto

BROKER = "broker-a.example"
"""The first one of firmware_configs/base/site.toml."""
_PORT = 8883
STICK = "/mnt"
"""Where the machine sees the stick."""
SETTINGS = "/etc/edge-agent/edge-agent.toml"
_HOSTS = f"echo '10.0.2.4 {BROKER} broker-b.example' >> /etc/hosts"
_UP_S = 60.0


class Broker(Mosquitto):
    """It runs deploy's own configuration."""

    def __init__(self, directory: Path, authorities: BrokerAuthorities) -> None:
        super().__init__(directory, authorities=authorities, server_hosts=(BROKER, "127.0.0.1"))

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class Kiosk(AbstractContextManager["Kiosk"]):
    """Machine, broker and centre; entering starts the last two. The machine is off until somebody boots it."""

    def __init__(self, architecture: Architecture, directory: Path) -> None:
        authorities = BrokerAuthorities.create(directory / "authorities")
        self.broker = Broker(directory / "broker", authorities)
        self.key: PrivateKey = make_key("operator", directory / "keys")
        self._centre_files = authorities.centre(CENTRE)
        stick = directory / "stick"
        stick.mkdir()
        shutil.copy(package(architecture.name), stick)
        shutil.copy(ensure_demo_video(), stick / "demo.avi")
        device = authorities.device(DEVICE)
        shutil.copy(device.ca, stick / "ca.pem")
        shutil.copy(device.cert, stick / f"{DEVICE}.pem")
        shutil.copy(device.key, stick / f"{DEVICE}.key")
        shutil.copy(directory / "keys/keys.json", stick)
        self.machine = Machine(
            architecture, directory / "machine", ports={_PORT: self.broker.port}, stick=stick, closed=AT_REST
        )
        shutil.rmtree(stick)
        self.wiring = Wiring(self.machine)
        self._stack = ExitStack()

    def __enter__(self) -> "Kiosk":
        with ExitStack() as stack:
            stack.enter_context(self.machine)
            stack.enter_context(self.broker)
            self.centre = stack.enter_context(self.new_centre())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def new_centre(self, **options: Any) -> Centre:
        """A command centre at the broker, which is not connected yet."""
        return Centre(self.broker.centre_port, files=self._centre_files, **options)

    def boot(self) -> None:
        """Switch the machine on, and make it as a technician finds it; returns when systemd has started everything."""
        self.machine.boot()
        self.machine.run("systemctl is-system-running --wait", _UP_S)
        self.machine.check(f"mount -o ro /dev/vdb {STICK} && {{ grep -q {BROKER} /etc/hosts || {_HOSTS}; }}")
