"""Who is gone and who is back over restarts, and of a thousand devices; `tests/vectors/outages.json` has the rest."""

import json
from collections.abc import Iterable
from typing import Any

from edge_centre.library import Consumer, DevicesBack, DevicesGone, Liveness, Notice
from tests.support.made_up import HEALTH_JSON, envelope

HEALTH_S = 75
WITHIN_S = 180
"""Three minutes, from the moment of the silence."""
SOWETO = [f"gp/soweto-{site}/kiosk-{number}" for site in ("clinic", "mall", "station") for number in range(4)]
SANDTON = [f"gp/sandton-{site}/kiosk-{number}" for site in ("park", "square") for number in range(4)]


class Province:
    """Devices that are alive until they are not, and a consumer whose clock moves in steps of half a second."""

    def __init__(self, names: Iterable[str], brokers: tuple[str, ...] = ("a",)) -> None:
        self.alive = dict.fromkeys(names, brokers[0])
        """By device: the broker by which it speaks."""
        self.brokers = brokers
        self.now_s = 0.0
        self.seq = 0
        self.told: list[DevicesGone | DevicesBack] = []
        self.told_s: list[float] = []
        self.begin()

    def begin(self, before: str | None = None) -> None:
        """The centre's program starts, with what an earlier run has left as JSON."""
        known = {source: Liveness(*each) for source, each in json.loads(before or "{}").items()}
        self.consumer = Consumer(liveness=known)
        for broker in self.brokers:
            self.consumer.connection(broker, up=True, now_s=self.now_s)

    def say(self, name: str, kind: str, data: dict[str, Any], *, broker: str, retain: bool = False) -> None:
        self.seq += 1
        payload = envelope(kind, data, self.seq, source=f"/edge/{name}", monoms=int(self.now_s * 1000))
        level = kind.partition(".")[0]
        self._note(self.consumer.hear(broker, f"edge/v1/{name}/up/{level}", payload, retain, self.now_s))

    def state(self, name: str, state: str, *, bdseq: int = 1, broker: str = "a", retain: bool = False) -> None:
        data = {"historical": False, "state": state, "bdseq": bdseq, "epoch": "e1", "boot_nonce": "s1"}
        more = {"agent_version": "1", "config_revision": "1"}
        self.say(name, "state.v1", data | more, broker=broker, retain=retain)

    def born(self) -> None:
        for name, broker in self.alive.items():
            self.state(name, "online", broker=broker)

    def dark(self, names: Iterable[str]) -> dict[str, str]:
        """Their power goes, and with it their broker: no will comes."""
        return {name: self.alive.pop(name) for name in [*names]}

    def wait(self, seconds: float) -> list[DevicesGone | DevicesBack]:
        """Time passes, and whoever is alive reports its health, each at a second of its own; return what is told."""
        before = len(self.told)
        for _ in range(int(2 * seconds)):
            self.now_s += 0.5
            for number, (name, broker) in enumerate([*self.alive.items()]):
                if self.now_s % HEALTH_S == number * 7 % HEALTH_S:
                    self.say(name, "health.v1", HEALTH_JSON, broker=broker)
            self._note(self.consumer.tick(self.now_s))
        return self.told[before:]

    def _note(self, found: list[Notice]) -> None:
        for each in found:
            if isinstance(each, DevicesGone | DevicesBack):
                self.told.append(each)
                self.told_s.append(self.now_s)


def sources(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(f"/edge/{name}" for name in names))


def test_a_restart_repeats_nothing_and_tells_who_is_back_and_who_went_meanwhile() -> None:
    world = Province(SOWETO + SANDTON)
    world.born()
    world.wait(300)
    back = world.dark(SOWETO)
    world.wait(WITHIN_S)
    kept = json.dumps(world.consumer.liveness())
    world.told.clear()

    world.now_s += 3600 - world.now_s % HEALTH_S
    world.dark(SANDTON[:1])
    world.begin(kept)
    for name in SOWETO:  # as a broker that died with them has it
        world.state(name, "online", retain=True)
    assert world.wait(WITHIN_S) == [DevicesGone(SANDTON[0], sources(SANDTON[:1]), of=1)], "nothing was heard of it"
    world.alive |= back
    for name in SOWETO:
        world.state(name, "online", bdseq=2)
    assert world.wait(20) == [DevicesBack("gp/soweto", sources(SOWETO), left=0)]
    assert world.wait(600) == []


def test_a_device_that_reports_every_ten_minutes_is_waited_for_after_a_restart_too() -> None:
    world = Province(())
    world.state(SOWETO[0], "online")
    for _ in range(4):
        world.say(SOWETO[0], "health.v1", HEALTH_JSON, broker="a")
        told = world.wait(600)
    assert told == [], "its interval is learnt"
    world.begin(json.dumps(world.consumer.liveness()))
    assert world.wait(1370) == []
    assert world.wait(60) == [DevicesGone(SOWETO[0], sources(SOWETO[:1]), of=1)]


def test_of_a_thousand_devices_a_suburb_of_a_hundred_is_one_message_and_two_more_on_their_way_back() -> None:
    suburbs = [
        f"gp/suburb{suburb}-site{site}/kiosk-{number}"
        for suburb in "abcdefghij"
        for site in range(50)
        for number in "12"
    ]
    world = Province(suburbs)
    world.born()
    world.wait(120)
    dark = [name for name in suburbs if name.startswith("gp/suburbc-")]
    back = world.dark(dark)
    assert world.wait(WITHIN_S) == [DevicesGone("gp/suburbc", sources(dark), of=100)]
    for name in dark:  # over two minutes, as a reconnect window has it
        world.alive[name] = back[name]
        world.state(name, "online", bdseq=2)
        world.wait(1)
    world.wait(60)
    told = world.told[1:]
    assert len(told) <= 3
    assert sorted(source for each in told for source in each.sources) == [*sources(dark)]
