"""The hands of a technician at a device whose pins are simulated, and whose broker is a host on the bridge."""

import json

from tests.campaigns.province.hosts import BROKERS, Host
from tests.campaigns.province.reader import WentWrongError

SIMULATED = "edge-agent sim --config /etc/edge-agent/edge-agent.toml"
_FIRST = next(iter(BROKERS.values()))


class SimHands:
    """At this device."""

    def __init__(self, device: Host) -> None:
        self._device = device

    def press(self, name: str) -> None:
        """Press a button and let it go."""
        self._sim(f"press {name}")

    def unplug(self, name: str) -> None:
        """Both contacts of a supervised button are open."""
        self._sim(f"fault input-open:{name}")

    def plug_in(self, name: str) -> None:
        """They are as the finger has them again."""
        self._sim(f"fault input-mend:{name}")

    def open(self, name: str) -> None:
        """Open a contact."""
        self._sim(f"hold {name}")

    def close(self, name: str) -> None:
        """Close it."""
        self._sim(f"release {name}")

    def cut_way(self) -> None:
        """What goes to the first broker goes nowhere."""
        self._device.ip("route", "add", "blackhole", _FIRST)

    def mend_way(self) -> None:
        """It arrives again."""
        self._device.ip("route", "del", "blackhole", _FIRST)

    def cut_power(self) -> None:
        """Everything in the container ends at once."""
        self._device.cut_power()

    def lamps(self) -> dict[str, str]:
        """None as long as no agent drives them."""
        done = self._device.machine.run(f"{SIMULATED} outputs")
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {}

    def _sim(self, does: str) -> None:
        done = self._device.machine.run(f"{SIMULATED} {does}")
        if done.returncode:
            raise WentWrongError(f"{does}: {done.stderr}")
