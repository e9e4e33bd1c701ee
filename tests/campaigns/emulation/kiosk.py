"""A kiosk as a technician sets it up: the emulated Pi, the files for it on a stick, and a real broker with TLS."""

import json
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

from agent.contract.host_state import REPEAT_S
from agent.trust.jose_keys import PrivateKey
from deploy.lab.models.demo_video import ensure_demo_video
from edge_centre.key_files import make_key
from tests.campaigns.emulation import doctor
from tests.campaigns.emulation.alarm_log import Alarm, alarms, check_once, only, still_open
from tests.campaigns.emulation.architecture import Architecture
from tests.campaigns.emulation.doctor import Doctor
from tests.campaigns.emulation.emulator import HOST
from tests.campaigns.emulation.installed import STICK, installed_disk
from tests.campaigns.emulation.machine import Machine
from tests.campaigns.emulation.newer import newer
from tests.campaigns.emulation.package import package
from tests.campaigns.emulation.wiring import AT_REST, BUTTONS, Wiring
from tests.support.agent_process import FILES, TREE, USER
from tests.support.centre import Centre, Message, read
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.wait import wait_for

BROKER = "broker-a.example"
"""The first one of firmware_configs/base/site.toml."""
_PORT = 8883
_HOSTS = f"echo '{HOST} {BROKER}' >> /etc/hosts"
_UNTIL_ACTIVE = 'until [ "$(systemctl show -P ActiveState edge-agent)" = active ]; do sleep 0.3; done'
_UP_S = 240.0
_REPEAT_S = 5.0
_ANSWER_S = 30.0


class Broker(Mosquitto):
    """It runs deploy's own configuration."""

    def __init__(self, directory: Path, authorities: BrokerAuthorities) -> None:
        super().__init__(directory, authorities=authorities, server_hosts=(BROKER, "127.0.0.1"))

    def __exit__(self, *_: object) -> None:
        self.kill()


class Kiosk(AbstractContextManager["Kiosk"]):
    """Machine, broker and centre; entering starts the last two. The machine is off until somebody boots it.

    The package is installed on it, and nothing is set up.
    """

    def __init__(
        self,
        architecture: Architecture,
        directory: Path,
        *,
        more_ports: Mapping[int, int] | None = None,
        card: Path | None = None,
    ) -> None:
        """`more_ports` are the emulator's, beside the broker's. With a `card`, the image of its boot partition, the
        system is bare: nothing is installed."""
        authorities = BrokerAuthorities.create(directory / "authorities")
        self.broker = Broker(directory / "broker", authorities)
        self.key: PrivateKey = make_key("operator", directory / "keys")
        self._centre_files = authorities.centre(CENTRE)
        stick = directory / "stick"
        stick.mkdir()
        deb = package(architecture)
        newer(deb, stick)
        shutil.copy(ensure_demo_video(), stick / "demo.avi")
        device = authorities.device(USER)
        shutil.copy(device.ca, stick / "ca.pem")
        shutil.copy(device.cert, stick / f"{FILES}.pem")
        shutil.copy(device.key, stick / f"{FILES}.key")
        shutil.copy(directory / "keys/keys.json", stick)
        disk = None
        if card is None:
            installed = installed_disk(architecture, deb)
            self.installation, disk = installed.installation, installed.image
        self.machine = Machine(
            architecture,
            directory / "machine",
            ports={_PORT: self.broker.port, **(more_ports or {})},
            stick=stick,
            card=card,
            closed=AT_REST,
            disk=disk,
        )
        shutil.rmtree(stick)
        self.wiring = Wiring(self.machine)
        self._stack = ExitStack()
        self._centres: list[Centre] = []
        self._taken: list[int] = []
        self._messages: dict[tuple[str, bool], Message] = {}
        self.forgotten: set[str] = set()
        """Alarms that the centre knows of, and the kiosk no more: a power cut came before the disk had them."""

    def __enter__(self) -> "Kiosk":
        with ExitStack() as stack:
            stack.enter_context(self.machine)
            stack.enter_context(self.broker)
            self._stack = stack.pop_all()
        self.join()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def centre(self) -> Centre:
        """The command centre at the broker, whose people watch. It has heard what came since it joined."""
        return self._centres[-1]

    def join(self) -> None:
        """The centre connects, at first and after the broker was away; the broker has kept what it missed."""
        centre = self.new_centre(client_id=CENTRE, persistent=True)
        self._stack.enter_context(centre)
        self._centres.append(centre)
        self._taken.append(0)
        self._say_watching()

    def _say_watching(self) -> None:
        self._said_s = time.monotonic()
        self.centre.subscriber.publish(f"edge/v1/host/{CENTRE}/state", json.dumps({"online": True}), retain=True)

    def messages(self, under: str = "") -> list[Message]:
        """All that the centre has heard since the beginning, under `up/UNDER`, each once."""
        if time.monotonic() > self._said_s + REPEAT_S:
            with suppress(AssertionError):  # the broker is away; the centre says it when it has joined again
                self._say_watching()
        for number, centre in enumerate(self._centres):
            heard = centre.subscriber.heard
            for each in heard[self._taken[number] :]:
                if (message := read(each)) is not None:
                    self._messages.setdefault((message.id, message.retain), message)
            self._taken[number] = len(heard)
        return [each for each in self._messages.values() if each.topic.startswith(f"{TREE}/up/{under}")]

    def alarms(self, *inputs: str) -> list[Alarm]:
        """All that the centre has been told of, or those of these inputs."""
        return [alarm for alarm in alarms(self.messages("alarm/")) if not inputs or alarm.input in inputs]

    def wait_for_presses(self, count: int, *inputs: str, timeout_s: float = 60.0, since: int = 0) -> list[Alarm]:
        """The alarms of these inputs, without the first `since` of them, as soon as they tell of so many presses.

        Raises AssertionError when they don't in time, or tell of more, or one of them was raised more than once.
        """

        def told() -> list[Alarm]:
            found = self.alarms(*inputs)[since:]
            return found if sum(alarm.presses for alarm in found) >= count else []

        with suppress(AssertionError):  # `check_once` knows more
            wait_for(told, timeout_s)
        found = self.alarms(*inputs)[since:]
        check_once(found, count)
        return found

    def press_and_hear(self, button: str, timeout_s: float = 60.0) -> Alarm:
        """Somebody presses: its alarm, as soon as the centre knows of it. Raises AssertionError when there are two."""
        known = len(self.alarms(button))
        self.wiring.press(button)
        return only(self.wait_for_presses(1, button, timeout_s=timeout_s, since=known))

    def births(self) -> int:
        """How often the kiosk has said that it is online."""
        return len(self._births())

    def wait_for_birth(self, since: int, timeout_s: float = 150.0) -> Message:
        """Return when it has said so more often than `since`: an answer must name its newest start."""
        return wait_for(lambda: self._births()[since:], timeout_s, "the kiosk has said that it is online: that")[-1]

    def _births(self) -> list[Message]:
        found = {each.id: each for each in self.messages("state") if each.data["state"] == "online"}
        return list(found.values())

    def close_alarm(self, alarm: Alarm) -> Message:
        """The centre's signed close of it, repeated as the contract says: what is sent to a kiosk whose connection has
        just broken is gone. Returns when the kiosk has said that it is closed."""
        command_id, until_s = f"close-{secrets.token_hex(8)}", time.monotonic() + _ANSWER_S
        while True:
            self.centre.acknowledge(alarm.alarm_id, self.key, "closed", cmd_id=command_id)
            try:
                return self.centre.wait_for_alarm("closed", alarm_id=alarm.alarm_id, timeout_s=_REPEAT_S)
            except AssertionError:
                if time.monotonic() > until_s:
                    raise

    def close_alarms(self) -> None:
        """All that are open, and that the kiosk knows."""
        for alarm in still_open(self.alarms()):
            if alarm.alarm_id not in self.forgotten:
                self.close_alarm(alarm)

    def rest(self, *still_held: str) -> None:
        """Nobody touches any other button, and no alarm is open, whatever there was before."""
        for button in BUTTONS.keys() - still_held:
            self.wiring.let_go(button)

        def is_at_rest() -> bool:
            self.close_alarms()
            return not self.wiring.lit("yellow")

        wait_for(is_at_rest, _ANSWER_S, "the kiosk is at rest: that")
        self.wiring.wait_for_lights("idle")

    def wait_until_active(self, timeout_s: float) -> None:
        """Until systemd has heard from the unit that it is ready. Raises MachineError."""
        self.machine.check(_UNTIL_ACTIVE, timeout_s)

    def doctor(self, *checks: str) -> Doctor:
        """A technician asks it, beside whatever runs: all of it, or these checks alone."""
        return doctor.ask(self.machine, *checks)

    def log_mark(self) -> str:
        """For `log_lines`."""
        return self.machine.check(
            "journalctl --sync; journalctl -u edge-agent -n 0 --show-cursor | sed -n 's/^-- cursor: //p'"
        ).strip()

    def log_lines(self, mark: str, text: str = "") -> list[str]:
        """What the unit, or systemd about it, has logged since, where it has this text."""
        said = self.machine.check(f"journalctl --sync; journalctl -u edge-agent -o cat --after-cursor '{mark}'")
        return [line for line in said.splitlines() if line and text in line]

    def wait_for_log(self, mark: str, text: str, timeout_s: float = 60.0) -> str:
        """The first line with this text since `log_mark`."""
        return wait_for(lambda: self.log_lines(mark, text), timeout_s, f"a line about {text!r} in the log")[0]

    def new_centre(self, **options: Any) -> Centre:
        """A command centre at the broker, which is not connected yet."""
        return Centre(self.broker.centre_port, files=self._centre_files, **options)

    def boot(self, closed: Sequence[int] | None = None) -> None:
        """Switch the machine on, and make it as a technician finds it; returns when systemd has started everything.

        `closed` are the pins that are tied to ground from the start, if others than those at rest.
        """
        self.machine.boot(closed)
        self.machine.run("systemctl is-system-running --wait", _UP_S)
        self.machine.check(f"mount -o ro /dev/vdb {STICK} && {{ grep -q {BROKER} /etc/hosts || {_HOSTS}; }}")
