"""What the device itself has heard of a walk, so that "passed" in its report is more than somebody's word. Pure.

The file of a walk belongs to whoever drives it, and a page is reached from a network. So the agent hears the lines of
its tap too, and notes what the steps wait for, whichever of them is walked. A walk begins when the agent has obeyed the
first order that a technician has signed for it. What it has noted survives a power cut; a step is noted when all
that it waits for has come.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.contract.kinds import KINDS
from agent.core.commissioning.open_alarms import OpenAlarms
from agent.core.commissioning.plan import Step, matches
from agent.core.commissioning.record import Verdict

KEY = "walk"
"""What is kept of the walk itself, and the prefix of what is kept of its steps."""
_STEP, _EARNEST = f"{KEY}/step/", f"{KEY}/earnest/"
_RESULT = KINDS["result"].type
_ORDER = re.compile(r"([0-9a-f-]{36})-[0-9]{1,6}-[0-9]{1,6}\Z")
"""The id of a walk's order."""
_OBEYED = {"accepted", "in-progress", "succeeded"}
_MOST_TIMES = 4
"""How often one step is remembered: one that failed is tried again, and a press in a later step is one here too."""
_MOST_EARNEST = 112
"""Each takes half a KiB of the report, which no broker may find too long: a device would then give it up."""

Figures = tuple[Mapping[str, Any], ...]
"""What was heard for a step, in order: `after_s` since what came before it, and the fields that the act keeps."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the device has heard of one walk."""

    walk: str = ""
    began: str = ""
    """By the device's clock."""
    steps: Mapping[str, tuple[Figures, ...]] = field(default_factory=dict)
    """By the step's digest, the newest last."""
    earnest: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The alarms in earnest by identifier: the input, and when it was raised."""

    def figures(self, step: Step, verdict: Verdict) -> Figures | None:
        """Return what was heard for a step: the time that the verdict speaks of, or the newest; None if nothing was."""
        times = self.steps.get(step.digest, ())
        said = _kept(verdict.figures)
        return next((each for each in reversed(times) if _kept(each) == said), times[-1] if times else None)


class Witness:
    """`take` on one thread, `seen` on any."""

    def __init__(
        self, steps: Sequence[Step], kept: Mapping[str, str], keep: Callable[[str, str | None], object]
    ) -> None:
        """`kept` has what an earlier run kept under keys that begin with `KEY`; `keep` keeps a value, None forgets."""
        self._keep = keep
        self._tries = [_Try(step) for step in steps if step.is_heard]
        self._alarms = OpenAlarms()
        self._path: Mapping[str, Any] = {}
        self._since_s = 0.0
        self._walk, self._began, self._boot = _read(kept.get(KEY), ["", "", ""])
        """The walk, when it began, and the boot of the machine in which it did, or after its last power cut."""
        self._keys = {*kept}
        self._steps: dict[str, tuple[Figures, ...]] = {
            key.removeprefix(_STEP): tuple(map(tuple, _read(text, []))) for key, text in kept.items() if _STEP in key
        }
        self._earnest: dict[str, tuple[str, str]] = {
            key.removeprefix(_EARNEST): (each[0], each[1])
            for key, text in kept.items()
            if _EARNEST in key and len(each := _read(text, [])) == 2
        }

    def seen(self) -> Seen:
        """Return what was heard so far."""
        return Seen(self._walk, self._began, {**self._steps}, {**self._earnest})

    def take(self, line: Mapping[str, Any], now_s: float) -> None:
        """Take a line of the tap; `now_s` is of any clock that does not step."""
        self._path = line if "path" in line else self._path
        is_of_alarms = self._alarms.note(line)
        if line.get("type") == _RESULT and line["data"]["status"] in _OBEYED:
            self._obeyed(line, now_s)
        if not self._walk:
            return
        if is_of_alarms:
            self._note_earnest()
        for each in self._tries:
            self._hear(each, line, now_s)

    def _obeyed(self, line: Mapping[str, Any], now_s: float) -> None:
        of = _ORDER.match(line["data"]["command_id"])
        if of is None:
            return
        self._since_s = now_s
        if line["data"]["status"] == "in-progress":
            for each in self._tries:
                each.ordered(line["data"]["name"])
        if of[1] == self._walk:
            return
        for key in self._keys:
            self._keep(key, None)
        self._keys, self._steps, self._earnest = set(), {}, {}
        self._walk, self._began, self._boot = of[1], line["time"], line["bootid"]
        self._write(KEY, [self._walk, self._began, self._boot])
        self._note_earnest()
        for each in self._tries:
            each.begin()
            self._hear(each, self._path, now_s)  # which is told when it changes, and may be so already

    def _hear(self, each: "_Try", line: Mapping[str, Any], now_s: float) -> None:
        since_s = max(self._since_s, each.heard_s)
        if not each.hear(line, self._boot, now_s, now_s - since_s):
            return
        if not each.is_done:
            self._hear(each, self._path, now_s)
            return
        if "started" in line:
            self._boot = line["started"]["boot"]
            self._write(KEY, [self._walk, self._began, self._boot])
        times = (*self._steps.get(each.step.digest, ()), tuple(each.figures))[-_MOST_TIMES:]
        self._steps[each.step.digest] = times
        self._write(_STEP + each.step.digest, times)
        each.begin()

    def _note_earnest(self) -> None:
        for data in self._alarms.in_earnest():
            alarm_id, told = data["alarm_id"], (data["input"], data["raised_at"])
            if alarm_id not in self._earnest and len(self._earnest) < _MOST_EARNEST:
                self._earnest[alarm_id] = told
                self._write(_EARNEST + alarm_id, told)

    def _write(self, key: str, value: Any) -> None:
        self._keys.add(key)
        self._keep(key, json.dumps(value))


class _Try:
    """How far a step has come."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self._acts = [act for act in step.acts if act.until or act.restarts]
        self.heard_s = 0.0
        self.begin()

    def begin(self) -> None:
        """Begin anew."""
        self._at = 0
        self._heard: set[int] = set()
        self.figures: list[dict[str, Any]] = []

    def ordered(self, name: str) -> None:
        """Begin anew if the step orders this: what was heard before does not come of it."""
        order = self._acts[self._at].order
        if order is not None and order.name == name:
            self.begin()

    @property
    def is_done(self) -> bool:
        """Whether all has come."""
        return self._at == len(self._acts)

    def hear(self, line: Mapping[str, Any], boot: str, now_s: float, after_s: float) -> bool:
        """Take a line; return whether an act has all it waits for. `boot` is the one before a power cut."""
        act = self._acts[self._at]
        if act.restarts:
            started = line.get("started", {})
            if not started.get("cut") or started["boot"] == boot:
                return False
            self.figures.append({"boot": started["boot"]})
        for number, pattern in enumerate(act.until):
            if number not in self._heard and matches(pattern, line):
                self._heard.add(number)
                self.heard_s = now_s
                data = line.get("data", {})
                figure = {key: data[key] for key in act.keep if key in data}
                self.figures.append({"after_s": round(after_s, 3), **figure})
        if len(self._heard) < len(act.until):
            return False
        self._at, self._heard = self._at + 1, set()
        return True


def _kept(figures: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in each.items() if key != "after_s"} for each in figures]


def _read(text: str | None, otherwise: Any) -> Any:
    try:
        return otherwise if text is None else json.loads(text)
    except ValueError:
        return otherwise
