"""A device without a claim that asks a registrar to be let in, as `edge-agent enrol` does, beside a test."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.serialization import Encoding

from agent.contract.vocabulary import TimeQuality
from agent.provisioning.asking import Tools
from agent.provisioning.credentials import Set, Store
from agent.provisioning.enrol import Order, enrol
from agent.provisioning.est import Registrar
from tests.support.registrar import authorities
from tests.support.wait import wait_for

_ASKS_EVERY_S = 0.2


class Applicant(AbstractContextManager["Applicant"]):
    """Enter to have it ask. `lines` is what the technician reads."""

    boot_id = "boot"

    def __init__(self, directory: Path, url: str, name: str, board: str, place: str = "") -> None:
        trust = authorities("server").certificate.public_bytes(Encoding.PEM).decode()
        self.name, self.board = name, board
        self.lines: list[str] = []
        self._order = Order(name, url, trust, board, place=place)
        self._client = Registrar(url, trust)
        self._store = Store(directory)
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._future: Future[Set] | None = None

    def boottime_ns(self) -> int:
        return 0

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def quality(self) -> TimeQuality:
        return TimeQuality.SYNCED

    def __enter__(self) -> Self:
        self._future = self._pool.submit(self._enrol)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()

    @property
    def code(self) -> str:
        """What the technician reads out, once the registrar has the request."""
        wait_for(lambda: any("Waiting for somebody" in line for line in self.lines), what="the device to wait")
        [line] = [line for line in self.lines if line.startswith("Code: ")]
        return line.split()[1]

    @property
    def waits(self) -> bool:
        """Whether nobody has answered it."""
        assert self._future is not None
        return not self._future.done()

    def has(self) -> Set:
        """Its credentials, when it has been let in. Raises RefusedError when it was refused."""
        assert self._future is not None
        return self._future.result(30)

    def _enrol(self) -> Set:
        with self._store.locked():
            return enrol(self._order, self._store, self._client, Tools(self, self._pause, self.lines.append))

    def _pause(self, _: float) -> None:
        if self._over.wait(_ASKS_EVERY_S):
            raise InterruptedError("the test is over")
