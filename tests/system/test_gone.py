"""Who is gone, over a real broker: devices that leave a will, and others that only fall silent. Time is the test's."""

import json
import queue
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from edge_centre.library import Centre, DevicesBack, DevicesGone, NewMessage, Notice
from tests.support.made_up import HEALTH_JSON, envelope
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.support.wait import PATIENCE_S

SOWETO = [f"gp/soweto-{site}/kiosk-{number}" for site in ("clinic", "mall") for number in (1, 2)]
SANDTON = [f"gp/sandton-{site}/kiosk-{number}" for site in ("park", "square") for number in (1, 2)]
REPORT_S = 30


class Device:
    """One connection with a will."""

    def __init__(self, stack: ExitStack, port: int, name: str, bdseq: int, now: Callable[[], float]) -> None:
        self.name, self._bdseq, self._now, self._seq = name, bdseq, now, 100 * bdseq
        will = (f"edge/v1/{name}/up/state", self._state("lost"))
        self.client = stack.enter_context(Subscriber(port, will=will))
        self.client.publish(will[0], self._state("online"))

    def report(self) -> None:
        self.client.publish(f"edge/v1/{self.name}/up/health", self._made("health.v1", HEALTH_JSON))

    def _state(self, state: str) -> bytes:
        data = {"historical": False, "state": state, "bdseq": self._bdseq, "epoch": "e1", "boot_nonce": "s1"}
        return self._made("state.v1", data | {"agent_version": "1", "config_revision": "1"})

    def _made(self, kind: str, data: dict[str, Any]) -> bytes:
        self._seq += 1
        return envelope(kind, data, self._seq, source=f"/edge/{self.name}", monoms=int(self._now() * 1000))


class World:
    """A centre at a broker, and the devices that are alive."""

    def __init__(self, stack: ExitStack, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        monkeypatch.setattr("edge_centre.library.centre.time", SimpleNamespace(monotonic=lambda: self.now_s))
        self.notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self.told: list[Notice] = []
        self._stack, self._port = stack, broker.port
        stack.enter_context(Centre([broker.url], on_notice=self.notices.put)).await_connection()
        self.alive = {name: self.device(name, 1) for name in SOWETO + SANDTON}

    def device(self, name: str, bdseq: int) -> Device:
        return Device(self._stack, self._port, name, bdseq, lambda: self.now_s)

    def hear(self, kind: str, names: set[str]) -> None:
        """Wait until the centre has this message of each."""
        while names:
            notice = self.notices.get(timeout=PATIENCE_S)
            if isinstance(notice, DevicesGone | DevicesBack):
                self.told.append(notice)
            if isinstance(notice, NewMessage) and kind in json.dumps(notice.message.envelope.data):
                names.discard(notice.message.source.removeprefix("/edge/"))

    def wait(self, seconds: int) -> list[Notice]:
        """Time passes; whoever is alive reports, and is heard. Return what is told of others."""
        before = len(self.told)
        for _ in range(0, seconds, REPORT_S):
            self.now_s += REPORT_S
            for device in self.alive.values():
                device.report()
            self.hear("uptime_s", {*self.alive})
        return self.told[before:]


@pytest.fixture
def world(first: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack, first, monkeypatch)


def test_a_suburb_that_goes_dark_is_one_message_and_the_lonely_kiosk_another(world: World) -> None:
    assert world.wait(120) == []
    lonely = SANDTON[0]
    fallen = [world.alive.pop(name) for name in [*SOWETO, lonely]]
    for device in (fallen[0], fallen[2], fallen[-1]):
        device.client.lose_connection()
    world.hear("lost", {fallen[0].name, fallen[2].name, lonely})
    suburb = DevicesGone("gp/soweto", tuple(f"/edge/{name}" for name in SOWETO), of=4)
    gone = world.wait(210)
    assert sorted(gone, key=str) == sorted([suburb, DevicesGone(lonely, (f"/edge/{lonely}",), of=1)], key=str)

    world.alive |= {name: world.device(name, 2) for name in [*SOWETO, lonely]}
    back = world.wait(120)
    assert DevicesBack("gp/soweto", suburb.sources, left=0) in back
    assert DevicesBack(lonely, (f"/edge/{lonely}",), left=0) in back
    assert len(back) == 2
