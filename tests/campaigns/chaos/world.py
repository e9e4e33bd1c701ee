"""Everything that chaos is played with: broker, network, device and command centre, put together."""

import random
from collections.abc import Set
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from tests.campaigns.chaos.kiosk import Kiosk
from tests.campaigns.chaos.namespaces import BROKER_HOST, CABLE, DISK, Cable, SmallDisk
from tests.campaigns.chaos.network import GOOD, Conditions, Network
from tests.campaigns.chaos.witness import Witness
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

_SETTLE_S = 25.0


class ChaosBroker(Mosquitto):
    """A real broker that keeps sessions and queues over restarts, logs nothing, and takes all that is in flight."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, extra=["log_type none", "max_inflight_messages 0", "max_queued_messages 0"])

    def __exit__(self, *_: object) -> None:
        self.kill()


class World(AbstractContextManager["World"]):
    """Enter to start everything; leaving ends every process, whatever state it is in."""

    def __init__(
        self, directory: Path, rng: random.Random, there: Set[str] = frozenset(), *, two_paths: bool = False
    ) -> None:
        """`there` is what the machine has of namespaces.DISK and CABLE; what it has is used.

        With two paths the settings name a second broker, which always works.
        """
        self.rng = rng
        self.networks: list[Network] = []
        """One for each path; bad weather is in the first."""
        self._two_paths = two_paths
        self.cable: Cable | None = None
        self._directory = directory
        self._there = there
        self._stack = ExitStack()

    def __enter__(self) -> "World":
        with ExitStack() as stack:
            self.broker = stack.enter_context(ChaosBroker(self._directory / "broker"))
            if CABLE in self._there:
                self.cable = stack.enter_context(Cable())
            host = BROKER_HOST if self.cable else "127.0.0.1"
            ports = [self.broker.port]
            if self._two_paths:
                ports.append(stack.enter_context(ChaosBroker(self._directory / "second-broker")).port)
            self.networks = [stack.enter_context(Network(port, self.rng, host)) for port in ports]
            self.network = self.networks[0]
            self.witness = stack.enter_context(Witness(*ports))
            storage = self._directory / "kiosk" / "storage"
            if DISK in self._there:
                stack.enter_context(SmallDisk(storage))
            urls = [network.url for network in self.networks]
            self.kiosk = stack.enter_context(Kiosk(self._directory / "kiosk", *urls, storage=storage))
            self.kiosk.prefix = self.cable.inside if self.cable else ()
            self.kiosk.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def take_broker_away(self, *, kill: bool) -> None:
        """End the broker, first seeing to it that the centre has what the broker has acknowledged.

        What a broker loses of its own when it is killed is not the device's, and must not be counted as such.
        """
        self.network.conditions = Conditions(swallows=True)
        self.witness.leave(self.broker.port)
        if kill:
            self.broker.kill()
        else:
            self.broker.stop()
        self.network.conditions = GOOD

    def bring_broker_back(self) -> None:
        """Start the broker; the centre is there before the device."""
        self.network.conditions = Conditions(refuses=True)
        self.broker.start()
        self.witness.join(self.broker.port)
        self.network.conditions = GOOD

    def settle(self, already_lost: int = 0) -> bool:
        """Wait until the centre knows of every press that was made; false when that does not come true."""
        made = sum(press.certain for press in self.kiosk.presses()) - already_lost
        try:
            wait_for(lambda: self.witness.poll() >= made, _SETTLE_S)
        except AssertionError:
            return False
        self.witness.catch_up()
        return True
