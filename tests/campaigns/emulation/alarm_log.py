"""What the centre has been told of alarms, from its messages alone. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.support.centre import Message

_ROUNDED_MS = 1
"""A message has whole milliseconds."""


@dataclass(slots=True)
class Alarm:
    """One alarm, as a centre that reads all of its messages in the order of their numbers knows it."""

    alarm_id: str
    input: str
    raised: int = 0
    """How many messages have raised it: one, if all is well."""
    first: dict[int, Message] = field(default_factory=dict)
    """By `press_count`, the message that told it first."""
    stage: str = ""

    @property
    def presses(self) -> int:
        """As many as it counts."""
        return max(self.first)

    @property
    def untold(self) -> list[int]:
        """Presses that no message of their own has told."""
        return sorted(set(range(1, self.presses + 1)) - self.first.keys())


def alarms(messages: Iterable[Message]) -> list[Alarm]:
    """Every alarm in these messages, in the order in which they were raised."""
    found: dict[str, Alarm] = {}
    told = {message.id: message for message in messages if message.type.startswith("edge.alarm.")}
    for message in sorted(told.values(), key=lambda message: message.seq):
        data = message.data
        alarm = found.setdefault(data["alarm_id"], Alarm(data["alarm_id"], data["input"]))
        alarm.raised += message.type == "edge.alarm.raised.v1"
        alarm.first.setdefault(data["press_count"], message)
        alarm.stage = "closed" if message.type == "edge.alarm.closed.v1" else data["stage"]
    return list(found.values())


def still_open(found: Iterable[Alarm]) -> list[Alarm]:
    """Those that nobody has closed."""
    return [alarm for alarm in found if alarm.stage != "closed"]


def check_once(found: Sequence[Alarm], presses: int) -> None:
    """These alarms tell of so many presses, each was raised once. Raises AssertionError with what they tell."""
    counted = sum(alarm.presses for alarm in found)
    assert counted == presses, f"{counted} presses told in {len(found)} alarms, of {presses} made"
    twice = [alarm.alarm_id for alarm in found if alarm.raised != 1]
    assert not twice, f"not raised once: {twice}"


def heard(starts_ms: Sequence[float], alarm: Alarm) -> tuple[int, float]:
    """How many of these presses, by CLOCK_BOOTTIME of their beginning, the alarm tells of; and for how many s, from one
    told press to the next, none was.

    Raises AssertionError unless each message is of a press of its own, and those that are missing are in one row in
    the middle.
    """
    times_ms = sorted(message.monoms for message in alarm.first.values())
    of = [bisect_right(starts_ms, time_ms + _ROUNDED_MS) - 1 for time_ms in times_ms]
    for place in reversed(range(len(of) - 1)):
        # A slow emulator gives an edge to its kernel when the next press has begun already: it is of the one before.
        of[place] = min(of[place], of[place + 1] - 1)
    assert of[0] >= 0, f"more messages than presses: {times_ms}, of presses at {starts_ms}"
    missing = sorted(set(range(len(starts_ms))) - set(of))
    if not missing:
        return len(of), 0.0
    first, last = missing[0], missing[-1]
    assert missing == list(range(first, last + 1)), f"lost, and not in one row: {missing} of {len(starts_ms)}"
    assert first > 0, f"lost from the beginning: {last + 1} of {len(starts_ms)}"
    assert last + 1 < len(starts_ms), f"lost to the end: {len(missing)} of {len(starts_ms)}"
    return len(of), (starts_ms[last + 1] - starts_ms[first - 1]) / 1000


def only(found: Sequence[Alarm]) -> Alarm:
    """The one alarm of these. Raises AssertionError when there are more, or none."""
    assert len(found) == 1, f"{len(found)} alarms in the place of one: {[alarm.alarm_id for alarm in found]}"
    return found[0]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
