"""The books: what was pressed against what the centre heard. Pure: lists in, a verdict out.

Every fault that it names is one that a subscriber could be hurt by, and a test shows that it is seen.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.campaigns.chaos.notebook import Press

_LOOK_MS = 600
_DISK_MS = 2_000
"""How long the finger looks for the light, and a little more."""
_STAGES = ("raised", "sent", "delayed", "unconfirmed", "registered", "dispatched", "closed")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One envelope, as often as it came. `arrived_ns` is CLOCK_BOOTTIME, `retain` what the broker set."""

    arrived_ns: int
    topic: str
    retain: bool
    envelope: dict[str, Any]

    @property
    def id(self) -> str:
        """Identifier of the message."""
        return str(self.envelope["id"])

    @property
    def seq(self) -> int:
        """Number of the message."""
        return int(self.envelope["seq"])

    @property
    def type(self) -> str:
        """Type of the message."""
        return str(self.envelope["type"])

    @property
    def data(self) -> dict[str, Any]:
        """What it says."""
        data: dict[str, Any] = self.envelope["data"]
        return data

    @property
    def is_alarm(self) -> bool:
        """Whether it is a step in the life of an alarm."""
        return self.type.startswith("edge.alarm.")

    @property
    def is_birth(self) -> bool:
        """Whether the device says that it is here."""
        return self.type == "edge.state.v1" and self.data["state"] == "online"

    @property
    def is_will(self) -> bool:
        """Whether the broker spoke for the device; a will repeats a number by design."""
        return self.type == "edge.state.v1" and self.data["state"] == "lost"


@dataclass(slots=True)
class Verdict:
    """What the books say. `faults` is empty when nobody was hurt."""

    made: int = 0
    """Presses that the agent has taken."""
    uncertain: int = 0
    """Presses that a kill cut off in the middle: they may have arrived or not."""
    told: int = 0
    """Presses that the centre knows of: the sum over all alarms of the highest `press_count`."""
    lost: int = 0
    invented: int = 0
    """Presses told that nobody made."""
    dark: int = 0
    """Presses after which yellow was neither on nor flashing."""
    alarms: int = 0
    messages: int = 0
    """Different messages."""
    copies: int = 0
    """Deliveries of a message that had come before: QoS 1 allows them, and subscribers drop them."""
    changed_ids: list[str] = field(default_factory=list)
    """One `id` with two contents."""
    shared_numbers: list[int] = field(default_factory=list)
    """One `seq` with two messages."""
    backward: list[str] = field(default_factory=list)
    """An alarm whose count or stage falls as `seq` rises."""
    missing: list[int] = field(default_factory=list)
    """Numbers that never came."""
    may_miss: int = 0
    """How many health reports (QoS 0) may have been lost: one goes out at every connection."""
    to_centre_ms: dict[Press, float] = field(default_factory=dict)
    """From the edge to the centre, for every press of which can be said which message told of it."""
    handled_ms: list[float] = field(default_factory=list)
    """From each edge until the agent's callback has returned: it lights yellow first, and then accepts and sends."""
    stages_ms: dict[str, int] = field(default_factory=dict)
    """The worst time from the edge to each stage, as the alarms themselves say."""

    @property
    def unexplained(self) -> int:
        """Missing numbers beyond those that health reports may have taken with them."""
        return max(0, len(self.missing) - self.may_miss)

    @property
    def faults(self) -> list[str]:
        """Each thing that must not be, in words."""
        found = {
            "presses lost": self.lost,
            "presses told that nobody made": self.invented,
            "presses without yellow light": self.dark,
            "identifiers with two contents": len(self.changed_ids),
            "numbers given twice": len(self.shared_numbers),
            "alarms that went backwards": len(self.backward),
            "numbers missing without a reason": self.unexplained,
        }
        return [f"{count} {what}" for what, count in found.items() if count]

    def as_dict(self) -> dict[str, int]:
        """For the record."""
        return {
            "presses_made": self.made,
            "presses_told": self.told,
            "lost": self.lost,
            "invented": self.invented,
            "dark": self.dark,
            "alarms": self.alarms,
            "messages": self.messages,
            "redelivered": self.copies,
            "duplicated_ids": len(self.changed_ids),
            "duplicated_seqs": len(self.shared_numbers),
            "out_of_order": len(self.backward),
            "missing_seqs": len(self.missing),
        }


def judge(presses: Sequence[Press], arrivals: Sequence[Arrival]) -> Verdict:
    """Compare both sides."""
    verdict = Verdict()
    verdict.made = sum(press.certain for press in presses)
    verdict.uncertain = len(presses) - verdict.made
    verdict.handled_ms = [(press.done_ns - press.begun_ns) / 1e6 for press in presses if press.certain]
    _judge_identity(verdict, arrivals)
    steps = [arrival for arrival in _once(arrivals) if arrival.is_alarm]
    verdict.dark = sum(press.dark and not _is_closed_at_once(press, steps) for press in presses)
    _judge_presses(verdict, presses, steps)
    _judge_order(verdict, steps)
    _judge_numbers(verdict, arrivals)
    return verdict


def _is_closed_at_once(press: Press, steps: Sequence[Arrival]) -> bool:
    """Whether the centre heard of this press and closed its alarm while we still looked at the light; the lamps go off
    before that is told, which waits for the disk."""
    begun_ms = press.begun_ns // 1_000_000
    return any(
        step.data["stage"] == "closed"
        and step.data["input"] == press.input
        and begun_ms <= step.envelope["monoms"] <= begun_ms + _LOOK_MS + _DISK_MS
        for step in steps
    )


def _judge_presses(verdict: Verdict, presses: Sequence[Press], steps: Sequence[Arrival]) -> None:
    verdict.alarms = len({step.data["alarm_id"] for step in steps})
    for name in {*(step.data["input"] for step in steps), *(press.input for press in presses)}:
        made = [press for press in presses if press.input == name]
        firsts = _first_told([step for step in steps if step.data["input"] == name])
        reached = _without_what_never_was(made, firsts)
        verdict.told += len(firsts)
        verdict.lost += max(0, len(reached) - len(firsts))
        verdict.invented += max(0, len(firsts) - len(made))
        if len(reached) == len(firsts):
            for press, first in zip(reached, firsts, strict=True):
                verdict.to_centre_ms[press] = (first.arrived_ns - press.begun_ns) / 1e6
    for step in steps:
        for stage, took_ms in step.data["latency_ms"].items():
            verdict.stages_ms[stage] = max(took_ms, verdict.stages_ms.get(stage, 0))


def _first_told(steps: Sequence[Arrival]) -> list[Arrival]:
    """For each press that the centre knows of, in their order, the first message that tells of it.

    A message with `press_count` 3 tells of three presses, even if those with 1 and 2 never came.
    """
    told: list[Arrival] = []
    alarms: dict[str, list[Arrival]] = defaultdict(list)
    for step in sorted(steps, key=lambda step: step.arrived_ns):
        alarms[step.data["alarm_id"]].append(step)
    # Not by their identifiers: those hold the wall clock, which may have been made to lie.
    for life in sorted(alarms.values(), key=lambda life: min(step.envelope["monoms"] for step in life)):
        highest = max(step.data["press_count"] for step in life)
        told += [next(step for step in life if step.data["press_count"] >= count) for count in range(1, highest + 1)]
    return told


def _without_what_never_was(made: Sequence[Press], firsts: Sequence[Arrival]) -> list[Press]:
    """The presses of one input that must be told: all that are certain, and of those that a kill cut off the ones
    whose message was made, which is then the only one between that press and the next."""
    if not made:  # the self-test raises an alarm that nobody presses
        return []
    starts_ms = [press.begun_ns // 1_000_000 for press in made]
    reached: list[Press] = []
    for press, start_ms, next_ms in zip(made, starts_ms, [*starts_ms[1:], 1 << 62], strict=True):
        if press.certain or any(start_ms <= first.envelope["monoms"] < next_ms for first in firsts):
            reached.append(press)
    return reached


def _judge_identity(verdict: Verdict, arrivals: Sequence[Arrival]) -> None:
    contents: dict[str, set[str]] = defaultdict(set)
    owners: dict[int, set[str]] = defaultdict(set)
    live = [arrival for arrival in arrivals if not arrival.retain]
    for arrival in arrivals:
        contents[arrival.id].add(_content(arrival))
        if not arrival.is_will:
            owners[arrival.seq].add(arrival.id)
    verdict.messages = len(contents)
    verdict.copies = len(live) - len({arrival.id for arrival in live})
    verdict.changed_ids = sorted(name for name, different in contents.items() if len(different) > 1)
    verdict.shared_numbers = sorted(seq for seq, ids in owners.items() if len(ids) > 1)


def _content(arrival: Arrival) -> str:
    """Everything but what a late second delivery has of its own: the mark that says so, and a newer nonce."""
    data = {name: value for name, value in arrival.data.items() if name != "historical"}
    return json.dumps({**arrival.envelope, "nonce": None, "data": data, "topic": arrival.topic}, sort_keys=True)


def _judge_order(verdict: Verdict, steps: Sequence[Arrival]) -> None:
    lives: dict[str, list[Arrival]] = defaultdict(list)
    for step in sorted(steps, key=lambda step: step.seq):
        lives[step.data["alarm_id"]].append(step)
    for alarm_id, life in lives.items():
        counts = [step.data["press_count"] for step in life]
        # Only an alarm that raises itself again begins its stages anew, and then says so.
        stages = [(step.data["reraised"], _STAGES.index(step.data["stage"])) for step in life]
        if counts != sorted(counts) or stages != sorted(stages):
            verdict.backward.append(alarm_id)


def _judge_numbers(verdict: Verdict, arrivals: Sequence[Arrival]) -> None:
    once = _once(arrivals)
    found = {arrival.seq for arrival in once if not arrival.is_will}
    verdict.missing = sorted(set(range(1, max(found, default=0) + 1)) - found)
    births = sum(arrival.is_birth for arrival in once)
    healths = sum(arrival.type == "edge.health.v1" for arrival in once)
    verdict.may_miss = max(0, births - healths)


def _once(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """Each message as it came first."""
    first: dict[str, Arrival] = {}
    for arrival in arrivals:
        first.setdefault(arrival.id, arrival)
    return list(first.values())
