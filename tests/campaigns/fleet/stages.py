"""The stages, as load-testing tools name them. In the middle of each, buttons are pressed."""

import math
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psutil

from tests.campaigns.fleet.device import Plan
from tests.campaigns.fleet.fleet import Fleet, Told
from tests.campaigns.fleet.targets import Meter, MosquittoTarget, Target

BACK = 0.99
"""So many of the devices are all, for the time until they are back."""
_DOWN_WINDOWS = 1 / 6
"""How long the broker is away, in windows."""
_DARK_S = 5.0
_SUBURB = 0.2
_LIMIT_S = 300.0
_CENTRE_AWAY_S = 20.0
EVENTS = 10
"""How many events of the record a device sends in an hour."""
_LEAST_APART_S, _APART_S = 0.2, 10.0
_DARK_SUBURBS = 3
_BACK_S = 90.0
_TOLD_WITHIN = 2.4
"""Intervals of health: three minutes with the default of 75 s."""


@dataclass
class Stage:
    """What became of one stage."""

    name: str
    seconds: float = 0.0
    back_s: float | None = None
    """Until 99 % of the devices were connected, from the moment that a broker took them; None where all stayed."""
    messages: int = 0
    """What the centre heard."""
    broker_cpu_s: float = 0.0
    broker_peak_bytes: int = 0
    devices_cpu_s: float = 0.0
    centre_cpu_s: float = 0.0
    others_cpu_s: float = 0.0
    """What anybody else on the machine has used of its processors."""
    slowest_pass_s: float = 0.0
    """The longest pass of a worker: what a device may have waited for others."""
    accepting_ns: int | None = None
    """When the broker took connections again, in CLOCK_BOOTTIME."""
    says: str = ""
    """What else there is to tell of it, for people."""
    faults: list[str] = field(default_factory=list)


class Group(NamedTuple):
    """Devices that went dark together."""

    sources: frozenset[str]
    at_s: float
    """When, on the monotonic clock."""


class Play:
    """Plays one stage after the other. One thread."""

    def __init__(
        self,
        fleet: Fleet,
        target: Target,
        meter: Meter,
        *,
        spread_s: float,
        health_s: float,
        presses: int,
    ) -> None:
        """`presses` is how many buttons are pressed in the middle of each stage."""
        self._health_s = health_s
        self._fleet = fleet
        self._target = target
        self._meter = meter
        self._spread_s = spread_s
        self._presses = presses
        self._random = random.Random(1)
        self._all = len(fleet.plans)
        self._stage = Stage("")

    def play(self, name: str) -> Stage:
        """Play the stage of this name (see STAGES), and wait until the fleet is calm again."""
        fleet, meter = self._fleet, self._meter
        self._stage = stage = Stage(name)
        began_s, cpu_s, fleet_s, centre_s = time.monotonic(), meter.cpu_s(), fleet.cpu_s, fleet.centre_cpu_s
        busy_s, own_s = _busy_s(), time.process_time()
        heard = fleet.counts.get("messages", 0)
        meter.take_peak()
        fleet.latest_s = 0.0
        STAGES[name](self)
        self._settle()
        stage.seconds = time.monotonic() - began_s
        stage.slowest_pass_s = fleet.latest_s
        stage.broker_cpu_s = meter.cpu_s() - cpu_s
        stage.broker_peak_bytes = meter.take_peak()
        stage.devices_cpu_s = fleet.cpu_s - fleet_s
        stage.centre_cpu_s = fleet.centre_cpu_s - centre_s
        ours_s = stage.broker_cpu_s + stage.devices_cpu_s + stage.centre_cpu_s + time.process_time() - own_s
        stage.others_cpu_s = max(0.0, _busy_s() - busy_s - ours_s)
        stage.messages = fleet.counts.get("messages", 0) - heard
        return stage

    # --- the stages

    def connect(self) -> None:
        """Linear connect: one after the other, evenly."""
        over_s = max(self._spread_s, 2.0)
        self._fleet.each("start", {plan.number: plan.number / self._all * over_s for plan in self._fleet.plans})
        self._storm(0)

    def quiet(self) -> None:
        """Steady: nothing happens but presses, until every device has reported its health once."""
        until_s = time.monotonic() + self._health_s
        each_s = max(_LEAST_APART_S, self._health_s / (3 * self._presses))
        for _ in range(3):
            for _ in range(self._presses):
                self._press()
                self._fleet.rest(each_s * (0.5 + self._random.random()))
            self._fleet.order("calm")  # a device is pressed again only then
        self._fleet.rest(until_s - time.monotonic())

    def restart(self) -> None:
        """The broker is restarted in order, and is away for a few seconds, in which buttons are pressed too."""
        self._away()
        self._storm(0)

    def node_kill(self) -> None:
        """A node of the cluster is killed, and comes back later; devices go to another one."""
        self._target.stop()
        self._came_back()
        self._fleet.await_true(lambda: not self._is_back(), 10)  # a node that is killed takes a moment to go
        self._storm(self._fleet.connected)
        self._target.start()

    def power_cut(self) -> None:
        """A suburb, a fifth of all, loses its power without a word, and has it back at one moment, on freshly started
        devices, which wait for nothing."""
        suburb = [plan.number for plan in self._fleet.plans][: max(1, int(self._all * _SUBURB))]
        self._fleet.ask("vanished", lambda: self._fleet.each("vanish", suburb), 60)
        self._fleet.rest(_DARK_S)
        self._came_back()
        self._fleet.each("start", dict.fromkeys(suburb, 0.0))
        self._storm(self._all - len(suburb))

    def night(self) -> None:
        """A night of load-shedding: suburbs go dark without a word, one after the other, and one kiosk by itself in the
        same minutes; another suburb has batteries. Then the centre's program starts anew, and all have power again."""
        fleet, suburbs = self._fleet, defaultdict[str, list[Plan]](list)
        for plan in fleet.plans:
            suburbs[plan.suburb].append(plan)
        on_battery, alone, *dark = [*suburbs.values()][: 2 + _DARK_SUBURBS]
        groups, told, cut = [dark[0], alone[:1], *dark[1:]], len(fleet.told), list[Group]()
        numbers = [plan.number for plan in on_battery]
        before = fleet.counts.get("on battery", 0)
        fleet.each("mains", numbers, True)
        for group in groups:
            fleet.ask("vanished", lambda: fleet.each("vanish", [plan.number for plan in group]), 60)  # noqa: B023
            cut.append(Group(frozenset(plan.source for plan in group), time.monotonic()))
            self._press_for(_APART_S)
        within_s = _TOLD_WITHIN * self._health_s
        self._press_for(within_s + 5, lambda: len(fleet.told) >= told + len(groups))
        self._press_for(_APART_S)
        fleet.order_centre("begin_anew")
        for group in groups:
            self._came_back()
            fleet.each("start", {plan.number: 0.0 for plan in group})
            self._press_for(_APART_S)
        fleet.each("mains", numbers, False)
        self._await_back()
        self._press_for(_BACK_S, lambda: len(fleet.told) >= told + 2 * len(groups))
        said = fleet.counts.get("on battery", 0) - before
        self._stage.says, self._stage.faults = judge_night(cut, fleet.told[told:], within_s)
        self._stage.says += f"; {said} of {len(numbers)} on battery said so"
        if said != len(numbers):
            self._stage.faults.append(f"night: {said} of {len(numbers)} devices said that they run on battery")

    def slow_loss(self) -> None:
        """Half of the devices lose their connections, one after the other, and each comes back by itself."""
        some = [plan.number for plan in self._fleet.plans][::2]
        self._random.shuffle(some)
        self._fleet.each("cut", {number: place / len(some) * self._spread_s for place, number in enumerate(some)})
        for _ in range(self._presses):
            self._fleet.rest(self._spread_s / self._presses)
            self._press()
        self._came_back()
        self._await_back()

    def certificate(self) -> None:
        """The broker is restarted with a certificate that ends when two fifths of the window are over; who comes later
        is not let in, until the certificate is renewed after four fifths."""
        assert isinstance(self._target, MosquittoTarget)
        life_s = max(4.0, 0.4 * self._spread_s)
        self._target.stop()
        self._fleet.await_true(lambda: not self._fleet.listens, 10)
        self._target.start_with_certificate_for(life_s)
        ends_s = time.monotonic() + life_s
        for part in range(self._presses):
            self._fleet.await_true(lambda: self._fleet.listens, life_s)
            self._fleet.rest(2 * life_s / self._presses)
            if part:
                self._press()
        self._fleet.rest(max(0.0, ends_s + life_s - time.monotonic()))
        self._target.renew()
        self._came_back()
        self._await_back()

    def centre_away(self) -> None:
        """The centre goes home and comes back after an hour, which is shortened: each device sends an hour's events
        within seconds, and buttons are pressed. All that waits in the centre's session at the broker."""
        self._fleet.order_centre("leave")
        self._fleet.await_true(lambda: not self._fleet.listens, 10)
        self._fleet.order("events", EVENTS, _CENTRE_AWAY_S)
        for _ in range(self._presses):
            self._fleet.rest(_CENTRE_AWAY_S / self._presses)
            self._fleet.press("centre_away", is_up=False)
        self._fleet.await_true(lambda: not self._fleet.waiting, 60)
        self._fleet.rest(1.0)
        self._came_back()
        self._fleet.order_centre("join")
        self._fleet.await_true(lambda: self._fleet.listens, 60, "the centre")
        for _ in range(self._presses):
            self._press()
            self._fleet.rest(0.1)

    # --- what they share

    def _away(self) -> None:
        self._target.stop()
        for _ in range(3):
            self._fleet.rest(_DOWN_WINDOWS * self._spread_s / 3)
            self._fleet.press(self._stage.name, is_up=False)
        self._target.start()
        self._came_back()

    def _came_back(self) -> None:
        self._back_from_s = time.monotonic()
        self._stage.accepting_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def _storm(self, low: int) -> None:
        """Press while the devices come back, evenly by their number, as soon as the centre listens."""
        if self._stage.accepting_ns is None:
            self._came_back()
        pressed = 0
        while pressed < self._presses and not self._is_back():
            part = max(0, self._fleet.connected - low) / max(1, self._all - low)
            if self._fleet.listens and self._fleet.connected and part >= (pressed + 1) / (self._presses + 2):
                pressed += 1
                self._press()
            self._fleet.pump()
            if time.monotonic() - self._back_from_s > _LIMIT_S:
                break
        self._await_back()

    def _is_back(self) -> bool:
        return self._fleet.connected >= math.ceil(BACK * self._all)

    def _await_back(self) -> None:
        self._fleet.await_true(self._is_back, _LIMIT_S)
        if self._is_back():
            self._stage.back_s = time.monotonic() - self._back_from_s

    def _press(self) -> None:
        self._fleet.press(self._stage.name)

    def _press_for(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Press every few seconds, so long, or until this holds."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s and not until():
            self._press()
            self._fleet.await_true(until, min(_APART_S / 2, max(0.0, end_s - time.monotonic())))

    def _settle(self) -> None:
        """Return when all are connected, all presses have arrived and their alarms are closed, and nothing waits."""
        fleet = self._fleet
        everybody: Callable[[], Any] = lambda: fleet.connected == self._all  # noqa: E731
        fleet.await_true(everybody, 60 + 2 * self._spread_s)
        fleet.await_true(lambda: not fleet.is_waiting_for_presses, 30)
        fleet.order("calm")
        fleet.rest(1.2)  # until what waits was counted anew
        fleet.await_true(lambda: not fleet.waiting and not fleet.unread, 60)


def judge_night(dark: Sequence[Group], told: Sequence[Told], within_s: float) -> tuple[str, list[str]]:
    """Whether each group was told gone in one message, in time, and back in one, and nobody else; in words, and what is
    wrong."""
    faults, late_s = [], []
    for kind in ("DevicesGone", "DevicesBack"):
        notices = [each for each in told if each.kind == kind]
        if len(notices) != len(dark):
            faults.append(f"night: {len(notices)} messages {kind} of {len(dark)} places")
        for group in dark:
            own = [each for each in notices if {*each.sources} == group.sources]
            if len(own) != 1:
                faults.append(
                    f"night: {len(own)} messages {kind} of {len(group.sources)} devices like {min(group.sources)}"
                )
            elif kind == "DevicesGone":
                late_s.append(own[0].at_s - group.at_s)
    if late_s and max(late_s) > within_s:
        faults.append(f"night: a place was told gone after {max(late_s):.0f} s, not within {within_s:.0f} s")
    return f"told gone after {max(late_s, default=0):.0f} s at most", faults


def _busy_s() -> float:
    """The seconds that the machine's processors have worked since it started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


STAGES: dict[str, Callable[[Play], None]] = {
    "connect": Play.connect,
    "quiet": Play.quiet,
    "night": Play.night,
    "power_cut": Play.power_cut,
    "centre_away": Play.centre_away,
    "restart": Play.restart,
    "node_kill": Play.node_kill,
    "slow_loss": Play.slow_loss,
    "certificate": Play.certificate,
}
"""In the order in which they are played: those that leave the connections alone come first."""


def stages_for(target: Target) -> list[str]:
    """The stages that can be played with this broker: only a cluster can lose a node, and it is not restarted."""
    left_out = {"restart", "certificate"} if target.is_cluster else {"node_kill"}
    return [name for name in STAGES if name not in left_out]
