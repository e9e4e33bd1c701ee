"""Who is gone and who is back, told for people: once for a device, once for a suburb that goes dark, over restarts."""

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


def test_a_kiosk_that_falls_silent_is_told_within_three_minutes_and_once() -> None:
    for second in range(0, HEALTH_S, 7):
        world = Province(SOWETO)
        world.born()
        assert world.wait(300 + second) == []
        world.dark(SOWETO[:1])
        [told] = world.wait(WITHIN_S)
        assert told == DevicesGone(SOWETO[0], sources(SOWETO[:1]), of=1)
        assert isinstance(told, DevicesGone)
        assert told.heard_s == 300, "its last report"
        assert world.wait(1200) == []


def test_a_suburb_that_goes_dark_is_one_message_with_its_name_and_its_devices() -> None:
    for second in range(0, HEALTH_S, 7):
        world = Province(SOWETO + SANDTON)
        world.born()
        world.wait(300 + second)
        world.dark(SOWETO)
        assert world.wait(WITHIN_S) == [DevicesGone("gp/soweto", sources(SOWETO), of=12)]
        assert world.wait(1200) == []


def test_wills_that_come_half_a_minute_apart_are_one_message_too() -> None:
    world = Province(SOWETO + SANDTON)
    world.born()
    world.wait(300)
    world.dark(SOWETO)
    world.wait(15)
    for name in SOWETO:
        world.state(name, "lost")
        world.wait(2.5)
    assert world.wait(WITHIN_S - 45) == [DevicesGone("gp/soweto", sources(SOWETO), of=12)]


def test_a_kiosk_that_falls_silent_elsewhere_at_that_moment_has_a_message_of_its_own() -> None:
    world = Province(SOWETO + SANDTON)
    world.born()
    world.wait(300)
    world.dark([*SOWETO, SANDTON[3]])
    told = world.wait(WITHIN_S)
    assert {each.place: each.sources for each in told} == {
        "gp/soweto": sources(SOWETO),
        SANDTON[3]: sources(SANDTON[3:4]),
    }


def test_a_suburb_where_some_have_batteries_is_named_and_they_are_not() -> None:
    world = Province(SOWETO + SANDTON)
    world.born()
    world.wait(300)
    dark = [name for name in SOWETO if not name.endswith("-0")]
    world.dark(dark)
    assert world.wait(WITHIN_S) == [DevicesGone("gp/soweto", sources(dark), of=12)]


def test_a_kiosk_that_is_back_within_two_minutes_of_its_will_is_not_told() -> None:
    world = Province(SOWETO)
    world.born()
    world.wait(300)
    back = world.dark(SOWETO[:1])
    world.wait(40)
    world.state(SOWETO[0], "lost")
    assert world.wait(110) == []
    world.alive |= back
    world.state(SOWETO[0], "online", bdseq=2)
    assert world.wait(600) == []


def test_a_kiosk_that_is_back_is_told_once_it_stays() -> None:
    world = Province(SOWETO)
    world.born()
    world.wait(300)
    back = world.dark(SOWETO[:1])
    world.wait(WITHIN_S)
    world.state(SOWETO[0], "online", bdseq=2)
    world.state(SOWETO[0], "lost", bdseq=2)
    assert world.wait(120) == [], "it came for a moment"
    world.alive |= back
    world.state(SOWETO[0], "online", bdseq=3)
    assert world.wait(20) == [DevicesBack(SOWETO[0], sources(SOWETO[:1]), left=0)]
    world.dark(SOWETO[:1])
    assert world.wait(WITHIN_S) == [DevicesGone(SOWETO[0], sources(SOWETO[:1]), of=1)]


def test_a_suburb_that_comes_back_over_minutes_is_told_in_few_messages_that_say_how_many_are_left() -> None:
    world = Province(SOWETO + SANDTON)
    world.born()
    world.wait(300)
    back = world.dark(SOWETO)
    world.wait(WITHIN_S)
    world.told.clear()
    for name in SOWETO[:-1]:
        world.alive[name] = back[name]
        world.state(name, "online", bdseq=2)
        world.wait(5)
    world.wait(60)
    assert all(isinstance(each, DevicesBack) and each.place == "gp/soweto" for each in world.told)
    assert len(world.told) <= 2
    assert {source for each in world.told for source in each.sources} == {*sources(SOWETO[:-1])}
    assert isinstance(world.told[-1], DevicesBack)
    assert world.told[-1].left == 1


def test_a_shutdown_that_nobody_ends_is_told_and_one_of_years_ago_is_not() -> None:
    world = Province(SOWETO)
    world.state("gp/soweto-mall/old", "offline", retain=True)
    world.born()
    world.wait(300)
    world.dark(SOWETO[:1])
    world.state(SOWETO[0], "offline")
    assert world.wait(WITHIN_S) == [DevicesGone(SOWETO[0], sources(SOWETO[:1]), of=1)]


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


def test_a_start_with_no_memory_tells_who_is_gone_by_what_brokers_have_kept() -> None:
    world = Province(SANDTON)
    for name in SOWETO:
        world.state(name, "lost", retain=True)
    world.born()
    assert world.wait(WITHIN_S) == [DevicesGone("gp/soweto", sources(SOWETO), of=12)]


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


def test_a_device_that_goes_to_the_other_broker_is_not_gone() -> None:
    world = Province(SOWETO, brokers=("a", "b"))
    world.born()
    world.wait(300)
    world.consumer.connection("a", up=False, now_s=world.now_s)
    for name in SOWETO:
        world.alive[name] = "b"
        world.state(name, "online", bdseq=2, broker="b")
    assert world.wait(900) == []


def test_devices_behind_a_broker_that_we_have_lost_are_one_message_that_names_it() -> None:
    world = Province(SOWETO + SANDTON, brokers=("a", "b"))
    mixed = SOWETO[::2] + SANDTON[::3]
    world.alive |= dict.fromkeys(mixed, "b")
    world.born()
    world.wait(300)
    world.consumer.connection("b", up=False, now_s=world.now_s)
    kept = world.dark(mixed)
    assert world.wait(WITHIN_S) == [DevicesGone("gp", sources(mixed), of=20, unheard=("b",))]
    world.consumer.connection("b", up=True, now_s=world.now_s)
    assert world.wait(30) == [], "our own connection is no word of a device"
    world.alive |= kept
    assert world.wait(90)[-1] == DevicesBack("gp", world.told[-1].sources, left=0)


def test_a_broker_that_we_have_again_gives_its_devices_time_to_speak() -> None:
    world = Province(SOWETO, brokers=("a", "b"))
    world.alive |= dict.fromkeys(SOWETO[:1], "b")
    world.born()
    world.wait(300)
    world.consumer.connection("b", up=False, now_s=world.now_s)
    unheard = world.dark(SOWETO[:1])
    world.wait(170 - HEALTH_S)
    world.consumer.connection("b", up=True, now_s=world.now_s)
    world.wait(HEALTH_S)
    world.alive = unheard | world.alive
    assert world.wait(300) == []


def test_while_we_hear_no_broker_nobody_is_told_gone() -> None:
    world = Province(SOWETO)
    world.born()
    world.wait(300)
    world.consumer.connection("a", up=False, now_s=world.now_s)
    away = world.dark(SOWETO)
    assert world.wait(1800) == []
    world.consumer.connection("a", up=True, now_s=world.now_s)
    world.alive |= away
    assert world.wait(600) == []


def test_a_device_that_speaks_after_its_will_is_there() -> None:
    world = Province(SOWETO)
    world.born()
    world.wait(300)
    world.state(SOWETO[0], "lost")
    assert world.wait(900) == []


def test_a_connection_of_ours_that_comes_and_goes_hides_no_silence_for_ever() -> None:
    for brokers in (("a",), ("a", "b")):
        world = Province(SOWETO, brokers=brokers)
        world.born()
        world.wait(300)
        world.dark(SOWETO[:1])
        for _ in range(8):
            world.wait(50)
            world.consumer.connection("a", up=False, now_s=world.now_s)
            world.now_s += 5
            world.consumer.connection("a", up=True, now_s=world.now_s)
        assert DevicesGone(SOWETO[0], sources(SOWETO[:1]), of=1) in world.told


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
