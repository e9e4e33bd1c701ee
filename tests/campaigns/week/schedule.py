"""What happens to the kiosk in a week, worked out beforehand from a seed: hands, weather, load-shedding, and luck."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tests.campaigns.week.kiosk import SELF_TEST_S

Doing = Literal[
    "press",
    "release",
    "network",
    "centre",
    "mains",
    "battery",
    "door",
    "disk",
    "restart",
    "kill",
    "power-cut",
    "clock-set",
    "clock-wrong",
    "sample",
]

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One thing, `at_s` seconds after the beginning. `what` is the input, the broker, the kind of trouble, or how the
    clock is wrong."""

    at_s: float
    doing: Doing
    what: str = ""
    on: bool = True
    """Whether it begins or ends."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted."""

    kind: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Trap:
    """What happens during the first self-test that begins at `from_s` or later, counted from when it begins."""

    from_s: float
    events: tuple[Event, ...]

    def sprung(self, now_s: float) -> list[Event]:
        """The test begins now."""
        return [replace(event, at_s=now_s + event.at_s) for event in self.events]


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that happens, in order, and the same as spans. The traps are beside them: nobody knows when a self-test
    begins. Each waits until the one before it has been sprung."""

    length_s: float
    events: tuple[Event, ...]
    spans: tuple[Span, ...]
    traps: tuple[Trap, ...]

    @property
    def mains_failures(self) -> list[Span]:
        """Those that are long enough to be told."""
        return [span for span in self.spans if span.kind == "mains"]


class _Plan:
    """A schedule that is being written."""

    def __init__(self, seed: int, length_s: float) -> None:
        self.random = random.Random(seed)
        self.length_s = length_s
        self.events: list[Event] = []
        self.spans: list[Span] = []

    def lasts(self, kind: str, begin_s: float, for_s: float, doing: Doing, what: str = "") -> None:
        self.events += [Event(begin_s, doing, what, True), Event(begin_s + for_s, doing, what, False)]
        self.spans.append(Span(kind, begin_s, begin_s + for_s))

    def free(self, begin_s: float, for_s: float, kinds: frozenset[str]) -> bool:
        """Whether nothing of these kinds is under way within ten minutes of this time."""
        margin_s = 10 * MINUTE
        end_s = begin_s + for_s
        others = [span for span in self.spans if span.kind in kinds]
        return end_s + margin_s < self.length_s and all(
            end_s + margin_s < other.begin_s or other.end_s + margin_s < begin_s for other in others
        )

    def place(
        self, between: tuple[float, float], for_s: float, kinds: frozenset[str], use: Callable[[float], None]
    ) -> None:
        """Do it at some time in between, when nothing of these kinds is under way; leave it if there is no such."""
        for _ in range(200):
            begin_s = self.random.uniform(*between)
            if self.free(begin_s, for_s, kinds):
                use(begin_s)
                return


_TROUBLE = frozenset(
    {"network", "refusal", "silence", "first broker", "centre", "disk", "restart", "power cut", "rain"}
)
_CLOCK_TROUBLE = frozenset({"wrong clock"})
"""A wrong clock comes in the middle of any other trouble."""


def a_week(seed: int, length_s: float = 7 * DAY, *, calm_from_s: float = 3 * DAY) -> Schedule:
    """The schedule. From `calm_from_s` on the agent is not restarted any more, so that it can show what it forgets to
    forget; everything else goes on."""
    plan = _Plan(seed, length_s)
    days = [day * DAY for day in range(int(length_s // DAY) + 1) if day * DAY < length_s]
    for day_s in days:
        _load_shedding(plan, day_s)
    _disk_and_rain(plan)
    for day_s in days:
        if day_s < calm_from_s:
            _restarts(plan, day_s)
        _outages(plan, day_s)
        _wrong_clocks(plan, day_s)
    _people(plan)
    traps = tuple(_traps(plan, days, calm_from_s))
    for at_s in _every(10 * MINUTE, length_s):
        plan.events.append(Event(at_s, "sample"))
    events = tuple(sorted(event for event in plan.events if event.at_s < length_s))
    return Schedule(length_s, events, tuple(plan.spans), traps)


def with_a_crowd(schedule: Schedule, presses: int) -> Schedule:
    """The same, and so many presses during its longest outage: of two buttons in turn, once in 1.5 s."""
    outage = max(
        (span for span in schedule.spans if span.kind == "network"), key=lambda span: span.end_s - span.begin_s
    )
    plan = _Plan(0, schedule.length_s)
    for number in range(presses):
        _press(plan, outage.begin_s + 60 + 1.5 * number, ("police", "hidden")[number % 2], 0.3)
    assert plan.events[-1].at_s < outage.end_s
    return replace(schedule, events=tuple(sorted([*schedule.events, *plan.events])))


def _every(step_s: float, end_s: float) -> Iterator[float]:
    return (step_s * n for n in range(1, int(end_s / step_s)))


def _load_shedding(plan: _Plan, day_s: float) -> None:
    """Twice a day two and a half hours without mains, at times that move through the week; and short dips."""
    shift_s = (day_s / DAY) % 4 * HOUR
    for begin_s in (day_s + 3.25 * HOUR + shift_s, day_s + 14 * HOUR + shift_s):
        if begin_s + 2.6 * HOUR < plan.length_s:
            plan.lasts("mains", begin_s, 2.5 * HOUR, "mains")
            plan.lasts("battery low", begin_s + 2.2 * HOUR, 0.4 * HOUR, "battery")
    for _ in range(3):
        use = lambda at_s: plan.lasts("dip", at_s, 20, "mains")  # noqa: E731
        plan.place((day_s, day_s + DAY), 20, frozenset({"mains", "dip"}), use)
    plan.place((day_s, day_s + DAY), 300, frozenset(), lambda at_s: plan.lasts("door", at_s, 300, "door"))


def _disk_and_rain(plan: _Plan) -> None:
    """Once in the week each, or in the short form."""
    part = plan.length_s / 7
    hour_s = min(HOUR, part / 2)
    for number, kind in ((3, "rain"), (4, "disk")):
        between = (number * part, (number + 0.9) * part)
        plan.place(between, hour_s, _TROUBLE, lambda at_s, kind=kind: _one_hour(plan, kind, at_s, hour_s))  # type: ignore[misc]


def _one_hour(plan: _Plan, kind: str, begin_s: float, for_s: float) -> None:
    if kind == "disk":
        plan.lasts("disk", begin_s, for_s, "disk")
        return
    plan.spans.append(Span("rain", begin_s, begin_s + for_s))
    at_s = begin_s
    while at_s < begin_s + for_s:
        _press(plan, at_s, "fire", plan.random.uniform(0.05, 0.2))
        at_s += plan.random.uniform(0.3, 2.0)


def _restarts(plan: _Plan, day_s: float) -> None:
    """Five times a day the process ends, in order or by `kill -9`, and once the power is cut: then the clock begins in
    1970, and is set minutes later while somebody has just pressed."""
    whole_day = (day_s, min(day_s + DAY, plan.length_s))

    def cut(at_s: float) -> None:
        plan.spans.append(Span("power cut", at_s, at_s + 15 * MINUTE))
        set_s = at_s + plan.random.uniform(5, 12) * MINUTE
        plan.events += [Event(at_s, "power-cut"), Event(set_s, "clock-set")]
        _press(plan, set_s - 5, "police", 0.3)

    def end(at_s: float) -> None:
        plan.spans.append(Span("restart", at_s, at_s + 1))
        plan.events.append(Event(at_s, plan.random.choice(("restart", "kill"))))
        if plan.random.random() < 0.5:  # somebody presses right before it
            _press(plan, at_s - plan.random.uniform(0.01, 20), plan.random.choice(("police", "hidden")), 0.3)

    plan.place(whole_day, 15 * MINUTE, _TROUBLE, cut)
    for _ in range(5):
        plan.place(whole_day, 1, frozenset({"restart", "power cut", "disk", "rain"}), end)


def _outages(plan: _Plan, day_s: float) -> None:
    """Some of each day nobody is reached, or only by the second broker, or nobody is there, or the broker is ill."""
    whole_day = (day_s, min(day_s + DAY, plan.length_s))
    kinds: list[tuple[str, float, Doing, str]] = [
        ("network", plan.random.uniform(1, 4) * HOUR, "network", "all"),
        ("network", plan.random.uniform(2, 20) * MINUTE, "network", "all"),
        ("network", plan.random.uniform(2, 20) * MINUTE, "network", "all"),
        ("first broker", plan.random.uniform(10, 90) * MINUTE, "network", "first"),
        ("refusal", plan.random.uniform(5, 15) * MINUTE, "network", "refuses"),
        ("silence", plan.random.uniform(5, 15) * MINUTE, "network", "silent"),
        ("centre", plan.random.uniform(10, 40) * MINUTE, "centre", ""),
    ]
    for kind, for_s, doing, what in kinds:
        use = lambda at_s, k=kind, f=for_s, d=doing, w=what: plan.lasts(k, at_s, f, d, w)  # noqa: E731
        plan.place(whole_day, for_s, _TROUBLE - {"restart"}, use)


def _wrong_clocks(plan: _Plan, day_s: float) -> None:
    """Three times a day, early or late, by minutes or by decades, and it may say so or not. Just before it goes wrong
    somebody has pressed, and just before it is set right."""
    for _ in range(3):
        for_s = plan.random.uniform(2, 40) * MINUTE

        def use(at_s: float, for_s: float = for_s) -> None:
            plan.lasts("wrong clock", at_s, for_s, "clock-wrong", _wrongness(plan.random))
            for before_s in (at_s, at_s + for_s):
                _press(plan, before_s - plan.random.uniform(0.5, 20), plan.random.choice(("police", "hidden")), 0.3)

        plan.place((day_s, min(day_s + DAY, plan.length_s)), for_s, _CLOCK_TROUBLE, use)


def _wrongness(chance: random.Random) -> str:
    """More than any ack can bear."""
    by_s = chance.choice((chance.uniform(3, 59) * MINUTE, chance.uniform(1, 23) * HOUR, 365 * DAY, 56 * 365.25 * DAY))
    late = "1970" if by_s > 40 * 365 * DAY else f"{-by_s:.0f}"
    return f"{chance.choice(('lies', 'lies', 'admits'))} {chance.choice((late, f'{by_s:+.0f}'))}"


def _traps(plan: _Plan, days: Sequence[float], calm_from_s: float) -> Iterator[Trap]:
    """Three a day. A silent press into the flash of the lights; then, for as long as the agent may be ended, an end;
    and some trouble, which may also hit the test that is made because of the one before."""
    ends: list[Doing] = ["kill", "power-cut", "restart"]
    plan.random.shuffle(ends)
    troubles: list[tuple[Doing, str]] = []
    for number, day_s in enumerate(days):
        from_s = day_s + SELF_TEST_S - MINUTE if day_s else 0.0
        flash_s = plan.random.uniform(0, 0.7)
        yield Trap(from_s, (Event(flash_s, "press", "hidden"), Event(flash_s + 0.3, "release", "hidden")))
        at_s = plan.random.uniform(0, 5)
        if day_s < calm_from_s:
            end = ends[number % len(ends)]
            right_again = (Event(at_s + plan.random.uniform(5, 12) * MINUTE, "clock-set"),)
            yield Trap(from_s, (Event(at_s, end), *(right_again if end == "power-cut" else ())))
        for _ in range(1 if day_s < calm_from_s else 2):
            if not troubles:
                troubles = _troubles(plan.random)
            doing, what = troubles.pop()
            end_s = at_s + (0.3 if doing == "press" else plan.random.uniform(1, 40) * MINUTE)
            ending: Doing = "release" if doing == "press" else doing
            yield Trap(from_s, (Event(at_s, doing, what, True), Event(end_s, ending, what, False)))


def _troubles(chance: random.Random) -> list[tuple[Doing, str]]:
    """Each that a self-test may meet, in some order."""
    found: list[tuple[Doing, str]] = [("network", what) for what in ("all", "first", "refuses", "silent")]
    found += [("centre", ""), ("disk", ""), ("clock-wrong", _wrongness(chance)), ("press", "police")]
    chance.shuffle(found)
    return found


def _people(plan: _Plan) -> None:
    """Somebody every 25 minutes; some press again and again, some hold, some are seen by nobody."""
    at_s = 20 * MINUTE
    while at_s < plan.length_s - 30 * MINUTE:
        name = plan.random.choices(("police", "hidden", "fire", "medical"), (6, 2, 2, 2))[0]
        hold_s = plan.random.choice((0.1, 0.4, 3.0))
        if plan.random.random() < 0.02:
            hold_s = 45.0
        times = plan.random.choice((1, 1, 1, 1, 2, 5))
        for number in range(times):
            _press(plan, at_s + number * (hold_s + 0.5), name, hold_s)
        at_s += times * (hold_s + 1) + plan.random.expovariate(1 / (25 * MINUTE))


def _press(plan: _Plan, at_s: float, name: str, hold_s: float) -> None:
    plan.events += [Event(at_s, "press", name), Event(at_s + hold_s, "release", name)]
