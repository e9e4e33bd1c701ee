"""A device that enrols and renews within a test, on a clock that a test turns."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.contract.vocabulary import TimeQuality
from agent.core.errors import DiskFullError
from agent.provisioning.asking import Tools
from agent.provisioning.credentials import Set, Store
from agent.provisioning.enrol import Order, enrol
from agent.provisioning.est import Login, Registrar
from agent.provisioning.renew import renew
from agent.trust.tls_context import TlsFiles, tls_context
from tests.support.fake_registrar import BOARD, NAME, SECRET, FakeRegistrar


class StillClock:
    """Time that only `pause` moves."""

    boot_id = "boot"

    def __init__(self) -> None:
        self.ns = 0
        self.now = datetime.now(UTC)
        self.trusted = TimeQuality.SYNCED

    def boottime_ns(self) -> int:
        return self.ns

    def wall(self) -> datetime:
        return self.now

    def quality(self) -> TimeQuality:
        return self.trusted

    def pause(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)


class Bench:
    """A device's state directory, a registrar, and what the technician reads."""

    def __init__(self, directory: Path, registrar: FakeRegistrar) -> None:
        self.state = directory / "state"
        self.state.mkdir()
        self.registrar = registrar
        self.clock = StillClock()
        self.lines: list[str] = []
        self.steps: list[str] = []
        self.store = Store(self.state, self.steps.append)
        self.tools = Tools(self.clock, self.clock.pause, self.lines.append)
        self.exchange_s = 5.0

    def order(self, secret: str | None = SECRET, **changes: Any) -> Order:
        login = None if secret is None else Login(NAME, secret)
        trust = changes.pop("trust", self.registrar.trust)
        return Order(NAME, self.registrar.url, trust, BOARD, login, **changes)

    def enrol(self, order: Order | None = None) -> None:
        order = order or self.order()
        client = Registrar(order.registrar, order.trust, exchange_s=self.exchange_s, connect_s=1)
        with self.store.locked():
            enrol(order, self.store, client, self.tools, 10)

    def renew(
        self, *, now: bool = True, serials: Sequence[str] = (BOARD,), let_in: Callable[[Set], None] = lambda _: None
    ) -> None:
        """Renew the certificate in use."""

        def client(url: str, trust: str) -> Registrar:
            return Registrar(url, trust, exchange_s=self.exchange_s, connect_s=1)

        with self.store.locked():
            current = self.store.current()
            assert current is not None
            renew(self.store, current, client, let_in, self.tools, serials=serials, now=now)

    @property
    def current(self) -> Path:
        """The credentials in use."""
        return self.state / "credentials" / "current"


def assert_whole(current: Path) -> None:
    certificate, key = current / "device.pem", current / "device.key"
    tls_context(TlsFiles(current / "ca.pem", certificate, key))
    tls_context(TlsFiles(current / "ca.pem", certificate, key, f"{NAME}/up/alarm"))
    assert json.loads((current / "binding.json").read_text())["name"] == NAME


NO_ROOM = (
    "there is no room left on the disk. Nothing is lost, and what was in use stays in use: make room "
    "(`sudo edge-agent doctor --only disk`), and run the same command again"
)


def tried(call: Callable[[], None]) -> str | None:
    try:
        call()
    except DiskFullError as error:
        return str(error)
    return None
